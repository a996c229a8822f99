/** A relay's folder with a seal from before its snapshot behind the start mark, which no relay writes: the
 *  shard opens at its snapshot.  Found by `npm run fuzz`, target "relay folder". */

import { expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import { readAuthority } from '../../src/frame/authority.ts'
import { encodeSeal } from '../../src/frame/seal.ts'
import { openStoredShard } from '../../src/relay/stored-open.ts'
import type { StoredShard } from '../../src/relay/stored-shard.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { RECORD_SEAL } from '../../src/wal/layout.ts'
import { bodyOf, groupsOf, recordsIn, rewriteGroups } from '../support/rewrite-log.ts'
import { cloneDisk, commit, openWriter, runsOf, snapshotBytes, stream } from './shard-fixtures.ts'

function openStored(shard: Shard, disk: MemoryDisk): Promise<StoredShard> {
  const host = createManualHost()
  return openStoredShard({
    host,
    device: createMemoryDevice(host, disk),
    shard: shard.id,
    relayKey: new Uint8Array(32).fill(5),
    wal: {},
    authority: orThrow(readAuthority(shard.authority, shard.id)),
  })
}

it('keeps to its snapshot when an older seal follows the start mark', async () => {
  const { shard } = await openWriter()
  await commit(shard, { 1: 1 })
  const [first] = await runsOf(shard)
  if (first === undefined) throw new Error('there is a run')
  await commit(shard, { 1: 2 })
  await shard.seal()
  const disk = createMemoryDisk('relay')
  const stored = await openStored(shard, disk)
  for (const run of await runsOf(shard)) await stored.store(run)
  await stored.flush()
  const limits = { sizeBytesMax: 1_000_000, reserve: () => undefined }
  await stored.install(stream(await snapshotBytes(shard)), limits)

  const copy = cloneDisk(disk)
  for (const file of copy.files.values()) {
    const bytes = new Uint8Array(file.size)
    file.read(0, bytes)
    const [start] = groupsOf(bytes)
    const older = { type: RECORD_SEAL, content: encodeSeal(first.seal) }
    file.write(
      0,
      rewriteGroups(bytes, ({ number }, body) => ({
        number,
        body: number === start?.number ? bodyOf([...recordsIn(body), older]) : body,
      })),
    )
  }
  const again = await openStored(shard, copy)
  expect(again.head?.position.seq).toBe(shard.head.seq)
  await again.close()
})
