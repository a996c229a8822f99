/** The bytes of the log: tables, constants and codecs agree; a changed byte is never accepted. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { createReader, DecodeError } from '../../src/bytes/reader.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import type { ChainCursor } from '../../src/frame/body.ts'
import { positionOf, stubOf } from '../../src/frame/frame.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { finishGroup, generationSeed } from '../../src/wal/group.ts'
import type { HaltEvidence } from '../../src/wal/halt-record.ts'
import * as layout from '../../src/wal/layout.ts'
import { decodeRecord, encodeRecord, type LogRecord, visitRecords } from '../../src/wal/records.ts'
import type { RequestEntry } from '../../src/wal/request-entry.ts'
import { scanSegment } from '../../src/wal/scan.ts'
import { encodeSegmentHeader, findSegmentHeader } from '../../src/wal/segment-header.ts'
import { readStart, type StartMark, writeStart } from '../../src/wal/start-mark.ts'
import { createChain, markAt, SHARD } from './wal-chain.ts'
import { at, expectUnbroken, tableOf } from './wal-tables.ts'

const GENERATION = new Uint8Array(16).map((_, index) => index + 1)
const HEADER = {
  pageSizeLog2: 13,
  generation: GENERATION,
  fileNumber: 0x0102_0304_0506_0708n,
  baseSeq: 0x1112_1314_1516_1718n,
  firstGroup: 0x2122_2324_2526_2728n,
}

describe('the tables', () => {
  it('of the file header say where its fields are', () => {
    const rows = tableOf('layout.ts', 'File header;')
    expectUnbroken(rows, layout.FILE_HEADER_BYTES)
    const bytes = encodeSegmentHeader(HEADER)
    const view = new DataView(bytes.buffer)
    expect(bytes.byteLength).toBe(layout.FILE_HEADER_BYTES)
    expect(view.getUint32(at(rows, 'magic'))).toBe(layout.LOG_MAGIC)
    expect(String.fromCharCode(...bytes.subarray(0, 4))).toBe('CLOG')
    expect(bytes[at(rows, 'version')]).toBe(layout.LOG_VERSION)
    expect(bytes[at(rows, 'pageSizeLog2')]).toBe(13)
    expect(view.getUint8(at(rows, 'generation'))).toBe(1)
    for (const name of ['fileNumber', 'baseSeq', 'firstGroup'] as const) {
      expect(view.getBigUint64(at(rows, name)), name).toBe(HEADER[name])
    }
    expect(at(rows, 'crc')).toBe(layout.FILE_HEADER_CRC_OFFSET)
  })

  it('of the group header say where its fields are', () => {
    const rows = tableOf('layout.ts', 'Group header;')
    expectUnbroken(rows, layout.GROUP_HEADER_BYTES)
    const group = groupOf(new Uint8Array([1, 2, 3]), { number: 9n, flushed: 8n, owner: 7 })
    const view = new DataView(group.buffer)
    expect(String.fromCharCode(...group.subarray(0, 2))).toBe('CG')
    expect(view.getUint16(at(rows, 'flags'))).toBe(layout.GROUP_FLAG_CHAIN)
    expect(view.getUint32(at(rows, 'bodyBytes'))).toBe(3)
    expect(view.getBigUint64(at(rows, 'number'))).toBe(9n)
    expect(view.getBigUint64(at(rows, 'flushed'))).toBe(8n)
    expect(view.getUint32(at(rows, 'owner'))).toBe(7)
    expect(at(rows, 'crc')).toBe(layout.GROUP_CRC_OFFSET)
  })

  it('of the start mark say where its fields are', () => {
    const rows = tableOf('start-mark.ts', 'offset | size')
    const writer = createWriter()
    const mark = { ...markAt({ seq: toSeq(77), checksum: SHARD }), owner: 5, autoVacuum: 2 }
    writeStart(writer, { oldestFile: 3n, redoGroup: 4n, mark })
    const bytes = writer.finish()
    const view = new DataView(bytes.buffer)
    expectUnbroken(rows, 142)
    expect(view.getBigUint64(at(rows, 'oldestFile'))).toBe(3n)
    expect(view.getBigUint64(at(rows, 'redoGroup'))).toBe(4n)
    expect(view.getBigUint64(at(rows, 'seq'))).toBe(77n)
    expect(view.getUint32(at(rows, 'owner'))).toBe(5)
    expect(view.getUint32(at(rows, 'pageSize'))).toBe(4096)
    expect(view.getUint32(at(rows, 'pageCount'))).toBe(3)
    expect(view.getUint8(at(rows, 'autoVacuum'))).toBe(2)
    expect(view.getUint16(142)).toBe('pages-0'.length)
  })
})

type Header = { readonly number: bigint; readonly flushed: bigint; readonly owner: number }

function groupOf(body: Uint8Array, header: Header): Uint8Array {
  const group = new Uint8Array(layout.groupBytes(body.byteLength))
  group.set(body, layout.GROUP_HEADER_BYTES)
  const bodyBytes = body.byteLength
  finishGroup(group, { ...header, bodyBytes, hasChain: true }, generationSeed(GENERATION))
  return group
}

function scan(group: Uint8Array, generation = GENERATION): number {
  const bytes = new Uint8Array(layout.FILE_HEADER_BYTES + group.byteLength)
  bytes.set(group, layout.FILE_HEADER_BYTES)
  const request = { generation, firstGroup: 5n, lastGroup: undefined, owner: 1 }
  return scanSegment(bytes, request).groups.length
}

describe('a changed byte', () => {
  it('of a file header leaves no header that is believed', () => {
    const bytes = encodeSegmentHeader(HEADER)
    expect(findSegmentHeader(bytes)).toEqual({ type: 'segment', header: HEADER })
    for (let index = 0; index < bytes.byteLength; index++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = bytes.slice()
        changed[index] = (changed[index] ?? 0) ^ flip
        expect(findSegmentHeader(changed).type, `byte ${index}`).toBe('damaged')
      }
    }
  })

  it('of a group, its padding too, makes it no group', () => {
    const group = groupOf(new Uint8Array(43).fill(9), { number: 5n, flushed: 4n, owner: 2 })
    expect(group.byteLength).toBe(80)
    expect(scan(group)).toBe(1)
    for (let index = 0; index < group.byteLength; index++) {
      const changed = group.slice()
      changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8))
      expect(scan(changed), `byte ${index}`).toBe(0)
    }
  })

  it('is not needed: a group of another generation, number or older owner is none', () => {
    const body = new Uint8Array(8)
    expect(scan(groupOf(body, { number: 5n, flushed: 4n, owner: 1 }))).toBe(1)
    expect(scan(groupOf(body, { number: 5n, flushed: 4n, owner: 1 }), new Uint8Array(16))).toBe(0)
    expect(scan(groupOf(body, { number: 6n, flushed: 4n, owner: 1 }))).toBe(0)
    expect(scan(groupOf(body, { number: 5n, flushed: 4n, owner: 0 }))).toBe(0)
    expect(scan(groupOf(body, { number: 5n, flushed: 5n, owner: 1 }))).toBe(0)
  })
})

describe('a header that a failed write or erasing cut short', () => {
  it('counts as absent at every length', () => {
    const whole = encodeSegmentHeader(HEADER)
    for (let length = 0; length < whole.byteLength; length++) {
      const written = new Uint8Array(whole.byteLength)
      written.set(whole.subarray(0, length))
      // A checksum that happens to end in zeros is whole before its last byte.
      const isWhole = whole.subarray(length).every((byte) => byte === 0)
      expect(findSegmentHeader(written).type).toBe(isWhole ? 'segment' : 'absent')
      if (length > 0)
        expect(findSegmentHeader(whole.slice().fill(0, 0, length)).type).toBe('absent')
      expect(findSegmentHeader(whole.subarray(0, length)).type).toBe('absent')
    }
  })
})

function randomRecord(random: Random, chain: ReturnType<typeof createChain>): LogRecord {
  switch (random.below(8)) {
    case 0:
    case 1: {
      const count = 1 + random.below(4)
      const frames = Array.from({ length: count }, () => chain.add(random.bytes(random.below(300))))
      return { type: 'frames', frames }
    }
    case 2:
      return { type: 'seal', seal: chain.seal(chain.frames.at(-1) ?? chain.add(1)) }
    case 3:
      return {
        type: 'requests',
        requests: Array.from({ length: random.below(4) }, () => randomRequest(random)),
      }
    case 4:
      return {
        type: 'images',
        asOf: { group: BigInt(random.uint32()), index: random.below(65_536) },
        file: random.pick(['pages', 'leaves'] as const),
        pages: Array.from({ length: random.below(4) }, () => ({
          pgno: random.uint32(),
          bytes: random.bytes(random.pick([0, 32, 512, 4096])),
        })),
      }
    case 5:
      return {
        type: 'holders',
        oldestFile: BigInt(random.uint32()),
        holders: [{ name: 'wss://relay.example/ä', seq: toSeq(random.uint32()) }],
      }
    case 6:
      return { type: 'halt', halt: randomHalt(random) }
    default:
      return {
        type: 'start',
        start: { oldestFile: 1n, redoGroup: 2n, mark: randomMark(random, chain) },
      }
  }
}

function randomHalt(random: Random): HaltEvidence {
  return {
    reason: random.pick(['ErrForked', 'ErrSuperseded'] as const),
    message: 'Two valid frames claim position 7 – the history has forked.',
    facts: Array.from({ length: random.below(4) }, (_, index) => ({
      name: `fact ${index}`,
      value: random.chance(0.5) ? BigInt(random.uint32()) : random.bytes(random.below(300)),
    })),
  }
}

function randomMark(random: Random, chain: ReturnType<typeof createChain>): StartMark {
  const frame = chain.frames.at(-1) ?? chain.add(3)
  const position = positionOf(frame)
  return {
    ...markAt(position),
    head: random.chance(0.5) ? stubOf(frame) : undefined,
    mode: random.pick(['ordered', 'causal'] as const),
    owner: random.uint32(),
    seal: random.chance(0.5) ? chain.seal(frame) : undefined,
    authority: random.chance(0.5) ? [frame] : [],
    installed: random.chance(0.5) ? { position, root: random.bytes(32) } : undefined,
    requests: random.chance(0.5) ? [randomRequest(random), randomRequest(random)] : [],
    holders: random.chance(0.5) ? [{ name: 'a', seq: toSeq(1) }] : [],
  }
}

function randomRequest(random: Random): RequestEntry {
  const rowids = [0, -1, random.uint32(), 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)]
  const outcome = random.pick([
    { type: 'begun' },
    { type: 'done' },
    { type: 'answered', changes: random.uint32(), lastInsertRowid: random.pick(rowids) },
    { type: 'forgotten' },
  ] as const)
  return { id: random.bytes(16), seq: toSeq(random.uint32()), outcome }
}

describe('records', () => {
  it('read back equal, one after the other, whatever their order (40 seeds)', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = createRandom(seed)
      const chain = createChain()
      const records = Array.from({ length: 30 }, () => randomRecord(random, chain))
      const writer = createWriter()
      let cursor: ChainCursor | undefined
      for (const record of records) {
        const encoded = encodeRecord(record, random.chance(0.2) ? undefined : cursor)
        writer.bytes(encoded.bytes)
        cursor = encoded.cursor
      }
      const read: LogRecord[] = []
      cursor = undefined
      visitRecords(writer.finish(), (type, content) => {
        const decoded = decodeRecord(type, content, cursor)
        read.push(decoded.record)
        cursor = decoded.cursor
      })
      expect(read, `seed ${seed}`).toEqual(records)
    }
  })

  it('are refused with a byte too many, of an unknown type, or going on after nothing', () => {
    const chain = createChain()
    const first = encodeRecord({ type: 'frames', frames: [chain.add(5)] }, undefined)
    const second = encodeRecord({ type: 'frames', frames: [chain.add(5)] }, first.cursor)
    expect(() =>
      visitRecords(second.bytes, (type, content) => decodeRecord(type, content, undefined)),
    ).toThrow(DecodeError)
    expect(() => decodeRecord(99, createReader(new Uint8Array()), undefined)).toThrow(DecodeError)
    for (const type of [layout.RECORD_SEAL, layout.RECORD_TRUNCATE, layout.RECORD_HOLDERS]) {
      expect(() => decodeRecord(type, createReader(new Uint8Array(400)), undefined)).toThrow(
        DecodeError,
      )
    }
  })

  it('of a start mark refuse every length that is cut short', () => {
    const chain = createChain()
    chain.add(10)
    const writer = createWriter()
    const mark = randomMark({ ...createRandom(3), chance: () => true }, chain)
    writeStart(writer, { oldestFile: 1n, redoGroup: 1n, mark })
    const bytes = writer.finish()
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(() => readStart(createReader(bytes.subarray(0, length)))).toThrow()
    }
    expect(readStart(createReader(bytes)).mark).toEqual(mark)
  })
})
