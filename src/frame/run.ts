/** Sealed run: consecutive frames of one author and the seal at the last of them: the unit of wire and
 *  archive (FORMATS §5).  seq, prev and checksum inside it are recomputed, never stored.
 *  Keeps: the author's right, then the seal's signature, are checked before any frame of the body is
 *  read; the frames must then recompute, from `prev` on, to the checksum that the seal signed.
 *  Never: decides who may write; the caller's `mayWrite` does (see authority.ts). */

import { assert } from '../base/assert.ts'
import { fail, type Result, succeed } from '../base/failure.ts'
import type { Hlc, Seq } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { advanceCursor, type ChainCursor, readFrameBody, writeFrameBody } from './body.ts'
import type { Frame } from './frame.ts'
import {
  CHECKSUM_BYTES,
  KEY_BYTES,
  RUN_BYTES_MAX,
  RUN_FRAMES_MAX,
  RUN_START_BYTES,
  RUN_VERSION,
  SIGNATURE_BYTES,
  SUITE,
} from './layout.ts'
import { type Seal, verifySeal } from './seal.ts'

export type SealedRun = {
  readonly firstSeq: Seq
  /** Checksum of the frame before the first. */
  readonly prev: Uint8Array
  readonly frames: readonly Frame[]
  readonly seal: Seal
}

/** All that a run says before its body; nothing of it is verified yet. */
export type RunHeader = {
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly firstSeq: Seq
  readonly lastSeq: Seq
  readonly prev: Uint8Array
  readonly count: number
  readonly seal: Seal
  /** Where the body begins. */
  readonly bodyOffset: number
}

/** Answers whether the author may write these seqs.  `opening` reads the first frame when it is a small
 *  control frame: a hand-over makes its author's right and stands at the start of that author's run. */
export type MayWrite = (header: RunHeader, opening: () => Frame | undefined) => Result<void>

/** Control frames up to this size are read before the seal is verified. */
const OPENING_BYTES_MAX = 1024
const HLC_NONE = 0n as Hlc

export function encodeRun(run: SealedRun): Uint8Array {
  const { seal, frames, firstSeq, prev } = run
  const last = frames.at(-1)
  assert(last !== undefined && frames.length <= RUN_FRAMES_MAX, 'a run has frames, up to its limit')
  assert(last.seq === seal.seq, 'a run ends at its seal')
  assert(equalBytes(last.checksum, seal.checksum), 'a seal names the last frame of its run')
  assert(firstSeq + BigInt(frames.length) - 1n === seal.seq, 'a run has no gap')
  const writer = createWriter(RUN_START_BYTES + 256)
    .u8(RUN_VERSION)
    .u8(SUITE)
    .bytes(seal.shard)
    .bytes(seal.author)
    .u64(seal.epoch)
    .u64(firstSeq)
    .bytes(prev)
    .varint(frames.length)
    .bytes(seal.checksum)
    .bytes(seal.root)
    .bytes(seal.signature)
  const bodyOffset = writer.size
  let hlc = HLC_NONE
  for (const frame of frames) {
    writeFrameBody(writer, frame, hlc)
    hlc = frame.hlc
  }
  assert(writer.size - bodyOffset <= RUN_BYTES_MAX, 'the body of a run fits its limit')
  return writer.finish()
}

/** Reads the header alone; `bytes` may end anywhere after it. */
export function decodeRunHeader(bytes: Uint8Array): Result<RunHeader> {
  return decoding('sealed run', () => readHeader(createReader(bytes)))
}

/** Refuses with what `mayWrite` answers, ErrSignature, ErrDecode or ErrChecksum, in this order. */
export function decodeRun(bytes: Uint8Array, mayWrite: MayWrite): Result<SealedRun> {
  const decoded = decodeRunHeader(bytes)
  if (!decoded.ok) return decoded
  const header = decoded.value
  const bodyBytes = bytes.byteLength - header.bodyOffset
  if (bodyBytes > RUN_BYTES_MAX) return refuseSize(bodyBytes)
  const right = mayWrite(header, () => openingOf(bytes, header))
  if (!right.ok) return right
  if (!verifySeal(header.seal)) return refuseSignature(header)
  const body = decoding('sealed run', () => readBody(bytes, header))
  if (!body.ok) return body
  const frames = body.value
  const last = frames.at(-1)
  if (last === undefined || !equalBytes(last.checksum, header.seal.checksum)) {
    return refuseChecksum(header)
  }
  const { firstSeq, prev, seal } = header
  return succeed({ firstSeq, prev, frames, seal })
}

function readHeader(reader: Reader): RunHeader {
  const version = reader.u8()
  if (version !== RUN_VERSION) throw new DecodeError(`version ${version} is unknown`)
  const suite = reader.u8()
  if (suite !== SUITE) throw new DecodeError(`suite ${suite} is unknown`)
  const shard = reader.bytes(CHECKSUM_BYTES)
  const author = reader.bytes(KEY_BYTES)
  const epoch = reader.u64()
  // The reader answers a plain u64; this field is a Seq by the layout.
  const firstSeq = reader.u64() as Seq
  const prev = reader.bytes(CHECKSUM_BYTES)
  const count = reader.varint(RUN_FRAMES_MAX)
  const checksum = reader.bytes(CHECKSUM_BYTES)
  const root = reader.bytes(CHECKSUM_BYTES)
  const signature = reader.bytes(SIGNATURE_BYTES)
  if (firstSeq < 1n || count < 1) throw new DecodeError('a run has no frame or begins before seq 1')
  if ((firstSeq === 1n) !== isZero(prev)) throw new DecodeError('prev is zeros at seq 1 only')
  // A sum of a Seq and a count is a Seq; the seal's u64 is refused below when it overflows.
  const lastSeq = (firstSeq + BigInt(count) - 1n) as Seq
  if (lastSeq >= 1n << 64n) throw new DecodeError('a seq is over 64 bits')
  const seal: Seal = { shard, author, epoch, seq: lastSeq, checksum, root, signature }
  const bodyOffset = reader.offset
  return { shard, author, epoch, firstSeq, lastSeq, prev, count, seal, bodyOffset }
}

function readBody(bytes: Uint8Array, header: RunHeader): readonly Frame[] {
  const reader = createReader(bytes.subarray(header.bodyOffset))
  const frames: Frame[] = []
  let cursor = startOf(header)
  for (let index = 0; index < header.count; index++) {
    const frame = readFrameBody(reader, cursor)
    frames.push(frame)
    cursor = advanceCursor(cursor, frame)
  }
  reader.end()
  // A transaction that goes on has no state to sign; one that ends always has, and no hash is zeros.
  if (frames.at(-1)?.flags.continues !== isZero(header.seal.root)) {
    throw new DecodeError('a root is zeros on a frame that continues and nowhere else')
  }
  return frames
}

/** The first frame, when it is a control frame of a bounded size; anything else is not looked at. */
function openingOf(bytes: Uint8Array, header: RunHeader): Frame | undefined {
  const start = bytes.subarray(header.bodyOffset, header.bodyOffset + OPENING_BYTES_MAX)
  const opening = decoding('frame', () => readFrameBody(createReader(start), startOf(header)))
  return opening.ok && opening.value.kind === 'control' ? opening.value : undefined
}

function startOf(header: RunHeader): ChainCursor {
  const { shard, author, epoch, firstSeq, prev } = header
  return { shard, author, epoch, seq: firstSeq, prev, hlc: HLC_NONE }
}

function refuseSize(bodyBytes: number): Result<never> {
  return fail({
    code: 'ErrTooLarge',
    message: `A sealed run has a body of ${bodyBytes} bytes; at most ${RUN_BYTES_MAX} are taken.`,
    hint: 'Ask for fewer frames at a time; one frame alone always fits.',
    facts: { bodyBytes, bodyBytesMax: RUN_BYTES_MAX },
  })
}

function refuseSignature(header: RunHeader): Result<never> {
  return fail({
    code: 'ErrSignature',
    message: `The seal at seq ${header.lastSeq} was not signed by its author.`,
    hint: 'It was changed on the way, or forged; ask another peer.',
    facts: { author: header.author, seq: header.lastSeq },
  })
}

function refuseChecksum(header: RunHeader): Result<never> {
  return fail({
    code: 'ErrChecksum',
    message: `The frames ${header.firstSeq} to ${header.lastSeq} are not those that were sealed.`,
    hint: 'They were changed on the way; ask another peer for them.',
    facts: { author: header.author, firstSeq: header.firstSeq, lastSeq: header.lastSeq },
  })
}
