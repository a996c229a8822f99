/** Targets of the room `relay`: the folder that a relay keeps of one shard, opened and served again. */

import { orThrow } from '../../../src/base/failure.ts'
import { concatBytes } from '../../../src/bytes/compare.ts'
import { createWriter } from '../../../src/bytes/writer.ts'
import { readAuthority } from '../../../src/frame/authority.ts'
import { positionOf } from '../../../src/frame/frame.ts'
import { openStoredShard } from '../../../src/relay/stored-open.ts'
import { decodeSuspended, encodeSuspended } from '../../../src/relay/suspended-session.ts'
import {
  createMemoryDevice,
  createMemoryDisk,
  type MemoryDisk,
} from '../../../src/storage/memory.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { cloneDisk, drive, stream } from '../../unit/shard-fixtures.ts'
import { mustBeCanonical, mustHold, type Target } from '../target.ts'
import type { World } from '../world.ts'
import { contentsOf, filesOf, reshapeFile, trimmed, withFile } from './log.ts'

const RELAY_KEY = new Uint8Array(32).fill(0x52)
const SERVED_BYTES_MAX = 65_536
const UPLOAD_BYTES_MAX = 1_048_576

function openStored({ shard }: World, disk: MemoryDisk, host = createManualHost()) {
  const { id, authority } = shard.writer.shard
  return openStoredShard({
    host,
    device: createMemoryDevice(host, disk),
    shard: id,
    relayKey: RELAY_KEY,
    wal: {},
    authority: orThrow(readAuthority(authority, id)),
  })
}

/** After some runs, and after a snapshot in their place. */
async function disksOf(world: World): Promise<readonly MemoryDisk[]> {
  const { runs, snapshot } = world.shard
  const disk = createMemoryDisk('relay')
  const stored = await openStored(world, disk)
  for (const run of runs) await stored.store(run)
  await stored.flush()
  const before = cloneDisk(disk)
  const limits = { sizeBytesMax: UPLOAD_BYTES_MAX, reserve: () => undefined }
  await stored.install(stream(snapshot), limits)
  return [before, cloneDisk(disk)]
}

/** Byte 0 names the disk, byte 1 the file, the rest is that file. */
const folder: Target = {
  name: 'relay folder',
  reaches: ['relay/stored-open.ts openStoredShard'],
  seeds: async (world) =>
    (await disksOf(world)).flatMap((disk, index) =>
      filesOf(disk).map((name, fileIndex) => {
        const bytes = contentsOf(disk, name)
        return createWriter().u8(index).u8(fileIndex).bytes(trimmed(bytes)).finish()
      }),
    ),
  reshape: reshapeFile,
  inputBytesMax: 65_536,
  allocatesBytesMax: 16 * 1_048_576,
  testRuns: 200,
  shares: 3,
  async decoder(world) {
    const disks = await disksOf(world)
    return async (input) => {
      const disk = disks[(input[0] ?? 0) % disks.length] as MemoryDisk
      const host = createManualHost()
      return await drive(host, serve(world, withFile(disk, input), host))
    }
  },
}

async function serve(
  world: World,
  disk: MemoryDisk,
  host: ReturnType<typeof createManualHost>,
): Promise<string> {
  const stored = await openStored(world, disk, host)
  try {
    const run = stored.first > 0n ? stored.readRun(stored.first, SERVED_BYTES_MAX) : undefined
    const parts: Uint8Array[] = []
    if (stored.snapshotSeq !== undefined) {
      for await (const part of stored.readSnapshot()) parts.push(part)
    }
    const sizeBytes = concatBytes(...parts).byteLength
    mustHold(sizeBytes <= UPLOAD_BYTES_MAX, 'a snapshot is no larger than its file')
    return `${run?.frames.length} frames, snapshot ${sizeBytes > 0}`
  } finally {
    await stored.close()
  }
}

/** What a Durable Object keeps with a socket, and reads when it wakes. */
const suspended: Target = {
  name: 'suspended session',
  reaches: ['relay/suspended-session.ts decodeSuspended'],
  seeds: ({ genesis }) => {
    const subject = { shard: genesis.shard, needsAuthority: true, isWatching: false }
    const other = { shard: RELAY_KEY, needsAuthority: false, isWatching: true }
    const position = positionOf(genesis.frame)
    const first = position.seq
    const peer = {
      role: 'follower',
      publicKey: genesis.author,
      outbox: { sentBytes: 900n, takenBytes: 800n, partId: 3 },
      inbox: { consumedBytes: 70n, reportedBytes: 60n },
      receivedAtMs: 1_700_000_000_000,
    } as const
    const subjects = [
      { ...subject, told: { epoch: 1n, author: genesis.author, position, first }, live: undefined },
      { ...other, told: undefined, live: { cursor: position.seq, epoch: 2n } },
    ]
    return [[], subjects].flatMap((it) => encodeSuspended({ peer, subjects: it }) ?? [])
  },
  decoder: () => (input) => {
    const session = orThrow(decodeSuspended(input))
    mustBeCanonical(encodeSuspended(session) ?? new Uint8Array(0), input)
    return `${session.peer.role} ${session.subjects.length}`
  },
}

export const relayTargets: readonly Target[] = [folder, suspended]
