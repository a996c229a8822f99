/** A client of a core that names its requests, and repeats those whose answer it did not get. */

import { createLocalConnect, type LocalPlatform } from '../../src/database/assemble.ts'
import type { Core, CoreRequest } from '../../src/database/core.ts'
import type { Query } from '../../src/database/sql.ts'
import type { Row, RunResult } from '../../src/database/types.ts'
import type { KeyStore } from '../../src/identity/key-store.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import type { Device } from '../../src/storage/device.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createRequestId } from '../../src/wal/request-id.ts'
import { createTestHost } from './database-fixtures.ts'
import { createTestPlatform } from './local-platform.ts'

export const CALLER = 1
/** Where the ids of the tests begin. */
export const NOW_S = 1_790_000_000

export function createKeys(): KeyStore {
  return createMemoryKeyStore((sizeBytes) => createRandom(5).bytes(sizeBytes))
}

/** A core over one device, with a table that takes the same row twice. */
export async function openCore(
  makeDevice: (host: LocalPlatform['host']) => Device,
  keys: KeyStore,
): Promise<Core> {
  const host = createTestHost()
  const connect = createLocalConnect(createTestPlatform({ host, device: makeDevice, keys }))
  return connect('notes', { migrations: [TABLE] }, () => undefined)
}

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)'

export function idOf(number: number, seconds: number = NOW_S): Uint8Array {
  return createRequestId(new Uint8Array(8).fill(7), seconds, number)
}

export function first(id: Uint8Array): CoreRequest {
  return { id, isRepeated: false }
}

export function again(id: Uint8Array): CoreRequest {
  return { id, isRepeated: true }
}

export function insert(x: number | string): Query {
  return { sql: 'INSERT INTO t (x) VALUES (?)', parameters: [x] }
}

export function run(core: Core, x: number | string, request: CoreRequest): Promise<RunResult> {
  return core.run(insert(x), { caller: CALLER, request })
}

export function rows(core: Core, sql: string): Promise<Row[]> {
  return core.all({ sql, parameters: [] }, { caller: CALLER })
}

/** Every x with how many rows have it. */
export async function countsOf(core: Core): Promise<Map<unknown, unknown>> {
  const counted = await rows(core, 'SELECT x, count(*) AS n FROM t GROUP BY x')
  return new Map(counted.map((row) => [row['x'], row['n']]))
}
