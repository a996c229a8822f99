/** Live queries over an answer that a test gives, and a clock that each read moves. */

import type { ConstelliteError } from '../../src/base/failure.ts'
import { createLiveQueries, type LiveQueries, type LiveResult } from '../../src/database/live.ts'
import { shareLive } from '../../src/database/live-sharing.ts'
import type { Query } from '../../src/database/sql.ts'
import type { Row } from '../../src/database/types.ts'

const SELECT: Query = { sql: 'SELECT', parameters: [] }
export const NOTE: LiveResult = { rows: [], tables: ['note'] }

export type CountedLive = {
  readonly live: LiveQueries
  /** Of each read whether the tables were wanted. */
  readonly reads: boolean[]
  /** Of each turn how many reads it made. */
  readonly turns: number[]
  /** How often others were let in between two turns. */
  rests(): number
  listen(query?: Query): {
    readonly told: Row[][]
    readonly errors: ConstelliteError[]
    stop(): void
  }
}

export function createCounted(answer: (query: Query) => LiveResult, readMs = 0): CountedLive {
  const reads: boolean[] = []
  const turns: number[] = []
  let rests = 0
  let nowMs = 0
  const live = createLiveQueries({
    now: () => nowMs,
    turn: async (work) => {
      await Promise.resolve()
      const before = reads.length
      work()
      turns.push(reads.length - before)
    },
    rest: async () => {
      rests += 1
    },
    read: (query, areTablesWanted) => {
      reads.push(areTablesWanted)
      nowMs += readMs
      return answer(query)
    },
  })
  const start = shareLive(live.add)
  const listen = (query = SELECT) => {
    const told: Row[][] = []
    const errors: ConstelliteError[] = []
    const stop = start(query, {
      onRows: (rows) => told.push(rows),
      onError: (failure) => errors.push(failure),
    })
    return { told, errors, stop }
  }
  return { live, reads, turns, rests: () => rests, listen }
}
