/** Relay store in a Durable Object: one database of its storage a shard, named `relay/` and the shard's id in
 *  hex, so that a relay and a database of one's own can share an object. */

import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { formatHex, parseHex } from '../bytes/text.ts'
import { createDurableObjectDevice } from '../storage/durable-object.ts'
import {
  createObjectTables,
  type ObjectStorage,
  type RowMeter,
} from '../storage/durable-object-tables.ts'
import type { RelayStore, StoredSize } from './store.ts'

const PREFIX = 'relay/'

/** `prepare` is what comes before the first shard; `meter` counts the rows that all shards write. */
export function createDurableObjectStore(
  host: Host,
  storage: ObjectStorage,
  meter: RowMeter,
  prepare: () => Promise<void> = () => Promise.resolve(),
): RelayStore {
  const tables = createObjectTables(storage, meter)
  return {
    prepare,
    async list() {
      // They come with the first shard.
      if (!hasTables(storage)) return []
      return tables
        .listDatabases()
        .flatMap(({ database, sizeBytes }) => sizeOf(database, sizeBytes))
    },
    device: (shard) =>
      createDurableObjectDevice(storage, { name: PREFIX + formatHex(shard), host, meter }),
  }
}

function hasTables(storage: ObjectStorage): boolean {
  const found = storage.sql.exec(
    "SELECT name FROM sqlite_master WHERE name = 'constellite_files' LIMIT 1",
  )
  return [...found].length > 0
}

/** Nothing for a database that is no shard's. */
function sizeOf(database: string, sizeBytes: number): readonly StoredSize[] {
  const id = database.slice(PREFIX.length)
  if (!database.startsWith(PREFIX) || !/^[0-9a-f]{64}$/.test(id)) return []
  return [{ shard: orThrow(parseHex(id)), sizeBytes }]
}
