/** What a database needs to open in this thread, for tests: a device and keys of theirs, SQLite as Node loads
 *  it, and no network. */

import type { LocalPlatform } from '../../src/database/assemble.ts'
import type { KeyStore } from '../../src/identity/key-store.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import type { Device } from '../../src/storage/device.ts'
import { memoryFiles } from './database-fixtures.ts'

export function createTestPlatform<H extends LocalPlatform['host']>({
  host,
  device,
  keys,
}: {
  readonly host: H
  readonly device: (host: H) => Device
  readonly keys: KeyStore
}): LocalPlatform {
  return {
    host,
    device: () => device(host),
    keyStore: () => keys,
    transport: () => {
      throw new Error('The test has no network.')
    },
    loadSqlite: () => loadSqliteNode,
    files: memoryFiles,
    isScopeExact: false,
    titleOf: (name) => name,
    isPersisted: async () => false,
  }
}
