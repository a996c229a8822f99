/** Key store in a Durable Object's storage: seeds as rows of a table beside the database's own, so that a copy
 *  and its keys live and die together.
 *  Keeps: `create` answers only after the platform has confirmed the row; every row written is counted.
 *  Weakness: whoever can read the object's storage (its code, the account's owner) can read a seed: the
 *  platform keeps no CryptoKey. */

import { ConstelliteError } from '../base/failure.ts'
import type { Signer } from '../crypto/signer.ts'
import { SEED_BYTES, signerFromSeed } from '../crypto/signer-kernel.ts'
import {
  type ObjectStorage,
  objectFailure,
  type RowMeter,
} from '../storage/durable-object-tables.ts'
import { type KeyName, type KeyStore, keyExists } from './key-store.ts'

export type DurableObjectKeyStoreOptions = {
  /** Of the database, within its object. */
  readonly name: string
  /** Answers that many secure random bytes: a Host's. */
  readonly random: (sizeBytes: number) => Uint8Array
  readonly meter?: RowMeter
}

export function createDurableObjectKeyStore(
  storage: ObjectStorage,
  { name: database, random, meter = { rowsWritten: 0 } }: DurableObjectKeyStoreOptions,
): KeyStore {
  const run = (
    query: string,
    ...bindings: (string | ArrayBuffer)[]
  ): readonly Record<string, unknown>[] => {
    const cursor = storage.sql.exec(query, ...bindings)
    const rows = [...cursor]
    meter.rowsWritten += cursor.rowsWritten
    return rows
  }
  const load = (key: KeyName): Signer | undefined => {
    const [row] = run(LOAD, database, key)
    return row === undefined ? undefined : signerOf(row['seed'], key)
  }
  /** The table is made when it is first asked for. */
  const keep = async <T>(action: string, task: () => T): Promise<T> => {
    try {
      const kept = storage.transactionSync(() => {
        run(CREATE)
        return task()
      })
      await storage.sync()
      return kept
    } catch (error) {
      throw objectFailure(action, error)
    }
  }
  return {
    stored: 'durable-object',
    load: (key) => keep(`read the ${key} key`, () => load(key)),
    create: (key) =>
      keep(`keep the ${key} key`, () => {
        if (load(key) !== undefined) throw keyExists(key)
        const seed = random(SEED_BYTES)
        run(KEEP, database, key, seed.slice().buffer)
        return signerFromSeed(seed)
      }),
    remove: () => keep('delete the keys', () => void run(REMOVE, database)),
    close: async () => {},
  }
}

const CREATE = `CREATE TABLE IF NOT EXISTS constellite_keys (database TEXT NOT NULL, name TEXT NOT NULL,
  seed BLOB NOT NULL, PRIMARY KEY (database, name)) WITHOUT ROWID`
const LOAD = 'SELECT seed FROM constellite_keys WHERE database = ? AND name = ?'
const KEEP = 'INSERT INTO constellite_keys (database, name, seed) VALUES (?, ?, ?)'
const REMOVE = 'DELETE FROM constellite_keys WHERE database = ?'

function signerOf(kept: unknown, name: KeyName): Signer {
  if (kept instanceof ArrayBuffer && kept.byteLength === SEED_BYTES) {
    return signerFromSeed(new Uint8Array(kept))
  }
  throw new ConstelliteError({
    code: 'ErrIdentity',
    message: `The ${name} key kept in this object is not one of ours.`,
    hint: 'Leave the tables whose names begin with constellite_ to it; make a new copy.',
    facts: { name },
  })
}
