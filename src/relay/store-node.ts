/** Relay store on Node: one folder a shard under `<dir>/shards`, named by the shard id in hex. */

import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { formatHex, parseHex } from '../bytes/text.ts'
import { createNodeDevice, DIRECTORY_SUFFIX } from '../storage/node-fs.ts'
import type { RelayStore, StoredSize } from './store.ts'

const SHARDS = 'shards'

export function createNodeStore(host: Host, directory: string): RelayStore {
  const shards = join(directory, SHARDS)
  mkdirSync(shards, { recursive: true })
  return {
    list: async () => readdirSync(shards).flatMap((name) => sizeOf(shards, name)),
    device: (shard) => createNodeDevice(host, { name: join(shards, formatHex(shard)) }),
  }
}

/** Nothing for a name that is no shard's. */
function sizeOf(shards: string, name: string): readonly StoredSize[] {
  const id = name.slice(0, -DIRECTORY_SUFFIX.length)
  if (!name.endsWith(DIRECTORY_SUFFIX) || !/^[0-9a-f]{64}$/.test(id)) return []
  const folder = join(shards, name)
  let sizeBytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) sizeBytes += statSync(join(folder, entry.name)).size
  }
  return [{ shard: orThrow(parseHex(id)), sizeBytes }]
}
