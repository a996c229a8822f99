/** Connections: the writer, and the reader that is opened when a transaction first needs one beside it.
 *  Keeps: nothing is left open in SQLite between two calls but the transaction of the slot. */

import { assert } from '../base/assert.ts'
import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { Shard } from '../shard/shard.ts'
import type { Engine, SqlConnection } from '../sqlite/engine.ts'
import { endsItself, firstWord } from './control-words.ts'
import type { Query } from './sql.ts'

export type Connections = {
  /** Runs one call on the writer, outside a transaction: none is open before or after it. */
  outside<T>(work: (connection: SqlConnection) => T): T
  /** Runs one call on the writer, inside the open transaction; `onEnded` hears when SQLite ended it. */
  inside<T>(work: (connection: SqlConnection) => T, onEnded: (reason: ConstelliteError) => void): T
  /** Runs a read: on the writer, or beside an open transaction on the reader. */
  read<T>(isBeside: boolean, work: (connection: SqlConnection) => T): T
  isRead(query: Query): boolean
  begin(): void
  commit(): void
  rollback(): void
  /** The next call opens anew. */
  close(): void
}

export function createConnections(engine: Engine, shard: Pick<Shard, 'role'>): Connections {
  let writer: SqlConnection | undefined
  let reader: SqlConnection | undefined

  const openWriter = (): SqlConnection => {
    writer ??= engine.connect('writer')
    return writer
  }
  const openReader = (): SqlConnection => {
    reader ??= engine.connect('reader')
    return reader
  }
  const rollback = (): void => {
    if (writer?.inTransaction) writer.control('ROLLBACK')
  }

  return {
    outside: (work) => {
      const connection = openWriter()
      const result = work(connection)
      assert(!connection.inTransaction, 'a statement begins no transaction that stays')
      return result
    },
    inside: (work, onEnded) => {
      const connection = openWriter()
      let failure: ConstelliteError | undefined
      try {
        return work(connection)
      } catch (error) {
        failure = failureOf(error)
        throw failure
      } finally {
        if (!connection.inTransaction) onEnded(failure ?? endsItself())
      }
    },
    read: (isBeside, work) => work(isBeside ? openReader() : openWriter()),
    isRead: (query) => isRead(query.sql, openWriter),
    // A follower's transaction only reads; IMMEDIATE would ask for the lock that it never gets.
    begin: () => openWriter().control(shard.role === 'writer' ? 'BEGIN IMMEDIATE' : 'BEGIN'),
    commit: () => {
      try {
        openWriter().control('COMMIT')
      } finally {
        rollback()
      }
    },
    rollback,
    close: () => {
      reader?.close()
      writer?.close()
      reader = undefined
      writer = undefined
    },
  }
}

/** True for what certainly only reads.  The first word decides where it can, because asking SQLite costs
 *  a second compilation. */
function isRead(sql: string, connection: () => SqlConnection): boolean {
  const word = firstWord(sql)
  if (word === 'SELECT' || word === 'VALUES' || word === 'EXPLAIN') return true
  if (word !== 'WITH' && word !== 'PRAGMA') return false
  try {
    return connection().describe(sql).isReadOnly
  } catch {
    // It is wrong: its own turn will say so, in order.
    return false
  }
}
