/** The work of `bench bridge`, the same in the page and inside the worker: one statement that reads a row
 *  by its key, through the public face. */

import type { Database } from '../../../src/database/types.ts'

export const DATABASE = 'bridge'
export const CHANNEL = 'bench bridge'
const ROWS = 1000

export const MIGRATIONS: readonly string[] = [
  'CREATE TABLE entry (id INTEGER PRIMARY KEY, at INTEGER, body TEXT)',
  `WITH RECURSIVE it(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM it WHERE id < ${ROWS})
   INSERT INTO entry SELECT id, id * 10, 'A row of some words, as applications write them.' FROM it`,
]

export type BridgeLoad = { readonly calls: number; readonly callers: number }

export type BridgeCost = {
  /** Elapsed time over calls. */
  readonly callMicros: number
  /** What each caller waited. */
  readonly p50Micros: number
  readonly p99Micros: number
}

export async function measureCalls(db: Database, load: BridgeLoad): Promise<BridgeCost> {
  const waits: number[] = []
  const each = Math.floor(load.calls / load.callers)
  const caller = async (first: number): Promise<void> => {
    for (let index = 0; index < each; index++) {
      const beganAt = performance.now()
      await db.all('SELECT id, at, body FROM entry WHERE id = ?', [((first + index) % ROWS) + 1])
      waits.push(performance.now() - beganAt)
    }
  }
  const beganAt = performance.now()
  await Promise.all(Array.from({ length: load.callers }, (_, index) => caller(index)))
  const elapsed = performance.now() - beganAt
  waits.sort((left, right) => left - right)
  const at = (part: number): number => 1000 * (waits[Math.floor(waits.length * part)] ?? 0)
  const callMicros = (1000 * elapsed) / waits.length
  return { callMicros, p50Micros: at(0.5), p99Micros: at(0.99) }
}
