/** Targets of the rooms `wal`, `shard` and `relay`: what lies on a disk, file by file, through the code that
 *  opens it.  Checksums of a mutant are made to fit again half of the time: what passes them must still be
 *  refused with a typed failure, or open to a state that `verify` agrees with. */

import { assert } from '../../../src/base/assert.ts'
import { orThrow } from '../../../src/base/failure.ts'
import { toSeq } from '../../../src/base/ids.ts'
import { createReader, decoding } from '../../../src/bytes/reader.ts'
import { createWriter } from '../../../src/bytes/writer.ts'
import { positionOf, stubOf } from '../../../src/frame/frame.ts'
import { PAGE_COUNT_MAX } from '../../../src/pages/layout.ts'
import type { VerifyReport } from '../../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../../src/storage/memory.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { FILE_HEADER_BYTES, GROUP_BODY_BYTES_MAX, RECORD_START } from '../../../src/wal/layout.ts'
import {
  decodeRecord,
  encodeRecord,
  type LogRecord,
  outlineRecord,
  type RequestEntry,
  visitRecords,
} from '../../../src/wal/records.ts'
import {
  bodyOf,
  groupsOf,
  type RawRecord,
  recordsIn,
  rewriteGroups,
  withHeaderChecksum,
} from '../../support/rewrite-log.ts'
import { cloneDisk, drive, openOn } from '../../unit/shard-fixtures.ts'
import { mustBeCanonical, mustHold, type ReshapeTools, type Target } from '../target.ts'
import type { World } from '../world.ts'

/** Type and content of one record, as a group's body holds it. */
const record: Target = {
  name: 'log record',
  reaches: [],
  seeds: (world) => recordsOf(world).map((it) => encodeRecord(it, undefined).bytes),
  reshape: (input, { mutate }) => {
    const parts = splitRecord(input)
    if (parts === undefined) return mutate(input)
    const content = mutate(parts.content)
    return createWriter().u8(parts.type).varint(content.byteLength).bytes(content).finish()
  },
  decoder: () => (input) => {
    let described = 'nothing'
    const read = decoding('log record', () =>
      visitRecords(input, (type, content) => {
        const bytes = content.view(content.remaining)
        outlineRecord(type, createReader(bytes))
        const { record: decoded } = decodeRecord(type, createReader(bytes), undefined)
        mustBeCanonical(encodeRecord(decoded, undefined).bytes, envelopeOf(type, bytes))
        described = decoded.type
      }),
    )
    orThrow(read)
    return described
  },
}

function envelopeOf(type: number, content: Uint8Array): Uint8Array {
  return createWriter().u8(type).varint(content.byteLength).bytes(content).finish()
}

function splitRecord(input: Uint8Array): { type: number; content: Uint8Array } | undefined {
  const read = decoding('record', () => {
    const reader = createReader(input)
    const type = reader.u8()
    return { type, content: reader.view(reader.varint(GROUP_BODY_BYTES_MAX)) }
  })
  return read.ok ? read.value : undefined
}

function recordsOf({ frames, runs, genesis, handOver }: World): readonly LogRecord[] {
  const [, second] = runs
  assert(second !== undefined, 'the world has runs')
  const position = positionOf(genesis.frame)
  const mark = {
    shard: genesis.shard,
    mode: 'ordered',
    ownAuthor: genesis.author,
    owner: 3,
    position,
    head: stubOf(genesis.frame),
    epoch: 0n,
    pageSize: 512,
    pageCount: 2,
    autoVacuum: 0,
    seal: second.seal,
    authority: [genesis.frame, handOver],
    installed: { position, root: second.seal.root },
    requests: requestEntries(position.seq),
    holders: [{ name: 'relay', seq: position.seq }],
    pageFile: 'pages-0',
  } as const
  const number = { name: 'epoch', value: 4n }
  const bytes = { name: 'first', value: new Uint8Array(40).fill(6) }
  return [
    { type: 'frames', frames: second.frames },
    { type: 'frames', frames: frames.slice(0, 1) },
    { type: 'seal', seal: second.seal },
    { type: 'requests', requests: mark.requests },
    {
      type: 'images',
      asOf: { group: 3n, index: 1 },
      file: 'pages',
      pages: [{ pgno: 2, bytes: new Uint8Array(64).fill(2) }],
    },
    { type: 'holders', oldestFile: 1n, holders: mark.holders },
    { type: 'truncate', position },
    { type: 'halt', halt: { reason: 'ErrForked', message: 'two', facts: [number, bytes] } },
    { type: 'start', start: { oldestFile: 1n, redoGroup: 1n, mark } },
  ]
}

/** One of each outcome. */
function requestEntries(seq: RequestEntry['seq']): readonly RequestEntry[] {
  const id = new Uint8Array(16).fill(4)
  return [
    { id, seq: toSeq(0), outcome: { type: 'forgotten' } },
    { id, seq, outcome: { type: 'begun' } },
    { id, seq, outcome: { type: 'done' } },
    { id, seq, outcome: { type: 'answered', changes: 2, lastInsertRowid: -5 } },
  ]
}

/** A whole shard's folder: byte 0 names the disk, byte 1 the file, the rest is that file. */
const folder: Target = folderTarget({
  name: 'shard folder',
  repair: false,
  reaches: ['wal/read-back.ts visitEntry', 'wal/read-back.ts readSealEntry'],
})

/** The same, to be repaired where it must be. */
const repaired: Target = folderTarget({
  name: 'shard repair',
  repair: true,
  reaches: ['shard/repair.ts beyondRepair'],
})

function folderTarget({
  repair,
  ...named
}: Pick<Target, 'name' | 'reaches'> & { readonly repair: boolean }): Target {
  return {
    ...named,
    seeds: ({ shard }) =>
      shard.disks.flatMap(({ disk }, index) =>
        filesOf(disk).map((name, fileIndex) => {
          const bytes = contentsOf(disk, name)
          return createWriter().u8(index).u8(fileIndex).bytes(trimmed(bytes)).finish()
        }),
      ),
    reshape: reshapeFile,
    inputBytesMax: 65_536,
    // A log file is reserved ahead, and a memory file is made of chunks of 64 KiB.
    allocatesBytesMax: 16 * 1_048_576,
    testRuns: 250,
    shares: 6,
    decoder:
      ({ shard: { disks } }) =>
      async (input) => {
        const { disk, seed } = disks[(input[0] ?? 0) % disks.length] as (typeof disks)[number]
        const copy = withFile(disk, input)
        const host = createManualHost()
        const device = createMemoryDevice(host, copy)
        try {
          return await drive(host, openOn(device, host, { seed, repair }).then(describeShard))
        } finally {
          await device.close()
        }
      },
  }
}

type OpenShard = Awaited<ReturnType<typeof openOn>>

/** Reads back all that the log says it has, and lets `verify` look at the rest. */
async function describeShard(shard: OpenShard): Promise<string> {
  const range = shard.range()
  const runs: number[] = []
  for (let seq = range?.first; seq !== undefined && range !== undefined && seq <= range.last; ) {
    const run = shard.readRun(seq, 65_536)
    if (run === undefined) break
    mustHold(run.seal.seq >= seq, 'a run goes on')
    runs.push(run.frames.length)
    // A seq after a seq.
    seq = (run.seal.seq + 1n) as typeof seq
  }
  const report = await shard.verify()
  await shard.close()
  return `${shard.role} halted ${shard.halted?.code} runs ${runs.length} verify ${isSound(report)}`
}

function isSound({ pages, chain, seals }: VerifyReport): boolean {
  return pages === 'match' && chain.broken === undefined && seals.broken === undefined
}

export function filesOf(disk: MemoryDisk): readonly string[] {
  const names = [...disk.files.keys()].sort()
  return names.length === 0 ? ['log-0'] : names
}

export function contentsOf(disk: MemoryDisk, name: string): Uint8Array {
  const file = disk.files.get(name)
  const bytes = new Uint8Array(file?.size ?? 0)
  file?.read(0, bytes)
  return bytes
}

export function withFile(disk: MemoryDisk, input: Uint8Array): MemoryDisk {
  const copy = cloneDisk(disk)
  const names = filesOf(copy)
  const name = names[(input[1] ?? 0) % names.length] as string
  if (!copy.files.has(name)) return copy
  const file = copy.files.get(name)
  file?.truncate(0)
  file?.write(0, input.subarray(2))
  return copy
}

/** Reserved room at the end of a file says nothing. */
export function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.byteLength
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return bytes.subarray(0, Math.min(bytes.byteLength, (end + 511) & ~511))
}

/** Changes one group's body, one record of it or the header, and writes lengths and checksums anew. */
export function reshapeFile(input: Uint8Array, tools: ReshapeTools): Uint8Array {
  const { random, mutate } = tools
  const groups = groupsOf(input.subarray(2))
  if (groups.length === 0) return mutate(input)
  const chosen = random.pick(groups).number
  const bytes = rewriteGroups(input.subarray(2), ({ number }, body) => {
    if (number !== chosen) return { number, body }
    const isRenumbered = random.chance(0.1)
    return {
      number: isRenumbered ? number + BigInt(random.below(3)) : number,
      body: reshapeBody(body, tools),
    }
  })
  const header = bytes.subarray(0, FILE_HEADER_BYTES)
  if (random.chance(0.1)) header.set(mutate(header.slice()).subarray(0, FILE_HEADER_BYTES))
  return createWriter(bytes.byteLength + 2)
    .bytes(input.subarray(0, 2))
    .bytes(random.chance(0.9) ? withHeaderChecksum(bytes) : bytes)
    .finish()
}

/** One record changed inside its length, dropped or doubled; else any change of the body. */
function reshapeBody(body: Uint8Array, { random, mutate }: ReshapeTools): Uint8Array {
  const records = recordsIn(body)
  if (records.length === 0 || random.chance(0.2)) return mutate(body)
  const chosen = random.below(records.length)
  const changed = records.flatMap((it, index) => {
    if (index !== chosen) return [it]
    const one = { type: it.type, content: boundedStart(it, mutate(it.content)) }
    if (random.chance(0.1)) return []
    return random.chance(0.1) ? [one, one] : [one]
  })
  return bodyOf(changed)
}

const START_PAGE_COUNT_OFFSET = 145
const PAGE_COUNT_TESTED_MAX = 4096

/** A page count that is within the limit and far beyond the file costs time in proportion, as it must. */
function boundedStart({ type, content: before }: RawRecord, content: Uint8Array): Uint8Array {
  if (type !== RECORD_START || content.byteLength < START_PAGE_COUNT_OFFSET + 4) return content
  const pageCount = new DataView(content.buffer, content.byteOffset).getUint32(
    START_PAGE_COUNT_OFFSET,
  )
  const isTested = pageCount <= PAGE_COUNT_TESTED_MAX || pageCount > PAGE_COUNT_MAX
  return isTested ? content : before
}

export const logTargets: readonly Target[] = [record, folder, repaired]
