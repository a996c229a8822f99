/** Frame v2: one committed transaction as signed bytes (FORMATS §4).
 *  Keeps: checksum = H("constellite frame v2"; everything before it); it is the frame's identity.
 *  Never: touches storage or the network.  Signing is per head, not per frame: see seal.ts.
 *  Layout: table in layout.ts.  Inside runs and the log a frame is written shorter: see body.ts. */

import { assert } from '../base/assert.ts'
import { fail, type Result, succeed } from '../base/failure.ts'
import type { Hlc, Position, Seq } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { hashOf } from '../crypto/hash.ts'
import {
  CHECKSUM_BYTES,
  DOMAINS,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_PREIMAGE_BYTES,
  FRAME_VERSION,
  KEY_BYTES,
  SUITE,
} from './layout.ts'
import {
  assertPayload,
  FORM_STUB,
  formOf,
  payloadBytesOf,
  payloadDigestOf,
  readPayload,
  type Section,
  sectionDigestOf,
  writePayload,
} from './payload.ts'

export type FrameKind = 'pages' | 'effects' | 'entry' | 'control'

export type FrameFlags = {
  /** Sections are compressed (deflate-raw). */
  readonly compressed: boolean
  /** Sections are encrypted. */
  readonly encrypted: boolean
  /** The transaction goes on in the next seq. */
  readonly continues: boolean
  /** The payload block begins with a salt. */
  readonly salted: boolean
}

/** What the checksum covers. */
export type FrameHeader = {
  readonly kind: FrameKind
  readonly flags: FrameFlags
  /** 32 zero bytes in the genesis' own header. */
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly seq: Seq
  readonly prev: Uint8Array
  readonly hlc: Hlc
  /** Size of the payload block in form 1, whatever form this copy has. */
  readonly payloadBytes: number
  readonly payloadDigest: Uint8Array
}

export type Frame = FrameHeader & {
  readonly checksum: Uint8Array
  readonly salt: Uint8Array | undefined
  /** The payload, or undefined for a stub (form 0); a section given as `{ digest }` is absent (form 2). */
  readonly sections: readonly Section[] | undefined
}

export type FrameFields = Omit<FrameHeader, 'flags' | 'payloadBytes' | 'payloadDigest'> & {
  /** All false by default; `salted` follows from `salt`. */
  readonly flags?: Partial<Omit<FrameFlags, 'salted'>>
  readonly sections: readonly Uint8Array[]
  readonly salt?: Uint8Array | undefined
}

const KINDS: readonly FrameKind[] = ['pages', 'effects', 'entry', 'control']
const FLAG_COMPRESSED = 1
const FLAG_ENCRYPTED = 2
const FLAG_CONTINUES = 4
const FLAG_SALTED = 8
const FLAGS_KNOWN = 15

/** A whole frame with its digest and checksum. */
export function buildFrame(fields: FrameFields): Frame {
  const { kind, shard, author, epoch, seq, prev, hlc, salt } = fields
  const payload = { salt, sections: fields.sections.map((bytes) => ({ bytes })) }
  assertPayload(payload)
  const header: FrameHeader = {
    kind,
    flags: {
      compressed: fields.flags?.compressed ?? false,
      encrypted: fields.flags?.encrypted ?? false,
      continues: fields.flags?.continues ?? false,
      salted: salt !== undefined,
    },
    shard,
    author,
    epoch,
    seq,
    prev,
    hlc,
    payloadBytes: payloadBytesOf(payload),
    payloadDigest: payloadDigestOf(payload),
  }
  const problem = problemOf(header)
  assert(problem === undefined, problem ?? '')
  return { ...header, ...payload, checksum: checksumOf(header) }
}

/** What no frame may say whatever its checksum; undefined when there is nothing. */
export function problemOf(header: FrameHeader): string | undefined {
  const { kind, flags, seq, epoch, hlc, prev, shard } = header
  if (seq < 1n) return 'a seq is below 1'
  if (hlc < 1n) return 'an hlc is 0'
  if (kind === 'control' && (flags.compressed || flags.encrypted || flags.continues)) {
    return 'a control frame is compressed, encrypted or continues'
  }
  if ((seq === 1n) !== isZero(prev)) return 'prev is zeros at seq 1 and nowhere else'
  if (isZero(shard) && (kind !== 'control' || seq !== 1n || epoch !== 0n)) {
    return 'only a genesis has no shard'
  }
  return undefined
}

export function checksumOf(header: FrameHeader): Uint8Array {
  return hashOf(DOMAINS.frame, encodeHeader(header))
}

/** The id of the shard that begins with the genesis of this checksum. */
export function shardIdOf(genesisChecksum: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.shard, genesisChecksum)
}

export function positionOf(frame: Frame): Position {
  return { seq: frame.seq, checksum: frame.checksum }
}

/** The same frame without its payload. */
export function stubOf(frame: Frame): Frame {
  return { ...frame, salt: undefined, sections: undefined }
}

/** The same frame with only the sections that `keeps` chooses. */
export function partOf(frame: Frame, keeps: (index: number) => boolean): Frame {
  if (frame.sections === undefined) return frame
  const sections = frame.sections.map((section, index) =>
    keeps(index) ? section : { digest: sectionDigestOf(section, index, frame.salt) },
  )
  return { ...frame, sections }
}

/** The sections' bytes, or undefined when any is absent. */
export function wholeSections(frame: Frame): readonly Uint8Array[] | undefined {
  const whole: Uint8Array[] = []
  for (const section of frame.sections ?? []) if ('bytes' in section) whole.push(section.bytes)
  return whole.length > 0 && whole.length === frame.sections?.length ? whole : undefined
}

export function encodeKind(kind: FrameKind): number {
  return KINDS.indexOf(kind) + 1
}

/** Throws `DecodeError` for a number that names no kind. */
export function kindOf(value: number): FrameKind {
  const kind = KINDS[value - 1]
  if (kind === undefined) throw new DecodeError(`kind ${value} is unknown`)
  return kind
}

export function encodeFlags(flags: FrameFlags): number {
  return (
    (flags.compressed ? FLAG_COMPRESSED : 0) |
    (flags.encrypted ? FLAG_ENCRYPTED : 0) |
    (flags.continues ? FLAG_CONTINUES : 0) |
    (flags.salted ? FLAG_SALTED : 0)
  )
}

/** Throws `DecodeError` for an unknown bit. */
export function flagsOf(value: number): FrameFlags {
  if ((value & ~FLAGS_KNOWN) !== 0) throw new DecodeError(`flags ${value} are unknown`)
  return {
    compressed: (value & FLAG_COMPRESSED) !== 0,
    encrypted: (value & FLAG_ENCRYPTED) !== 0,
    continues: (value & FLAG_CONTINUES) !== 0,
    salted: (value & FLAG_SALTED) !== 0,
  }
}

/** The stand-alone form. */
export function encodeFrame(frame: Frame): Uint8Array {
  const writer = createWriter(FRAME_HEADER_BYTES + 1 + frame.payloadBytes)
  writer.bytes(encodeHeader(frame)).bytes(frame.checksum).u8(formOf(frame.sections))
  if (frame.sections !== undefined) {
    writePayload(writer, { salt: frame.salt, sections: frame.sections })
  }
  return writer.finish()
}

/** Refuses whatever is malformed, and what does not recompute to its digest and checksum. */
export function decodeFrame(bytes: Uint8Array): Result<Frame> {
  const decoded = decoding('frame', () => {
    const reader = createReader(bytes)
    const frame = readFrame(reader)
    reader.end()
    return frame
  })
  if (!decoded.ok) return decoded
  const frame = decoded.value
  const isWhole =
    frame.sections === undefined ||
    equalBytes(frame.payloadDigest, payloadDigestOf({ salt: frame.salt, sections: frame.sections }))
  if (isWhole && equalBytes(frame.checksum, checksumOf(frame))) return succeed(frame)
  return fail({
    code: 'ErrChecksum',
    message: `Frame ${frame.seq} is not what its checksum says.`,
    hint: 'Its bytes were changed after it was made; ask another peer for it.',
    facts: { seq: frame.seq, checksum: frame.checksum, part: isWhole ? 'header' : 'payload' },
  })
}

function readFrame(reader: Reader): Frame {
  if (reader.u16() !== FRAME_MAGIC) throw new DecodeError('the magic is not CF')
  const version = reader.u8()
  if (version !== FRAME_VERSION) throw new DecodeError(`version ${version} is unknown`)
  const suite = reader.u8()
  if (suite !== SUITE) throw new DecodeError(`suite ${suite} is unknown`)
  const header: FrameHeader = {
    kind: kindOf(reader.u8()),
    flags: flagsOf(reader.u8()),
    shard: reader.bytes(CHECKSUM_BYTES),
    author: reader.bytes(KEY_BYTES),
    epoch: reader.u64(),
    // The reader answers a plain u64; this field is a Seq by the layout.
    seq: reader.u64() as Seq,
    prev: reader.bytes(CHECKSUM_BYTES),
    // As above: this field is an Hlc by the layout.
    hlc: reader.u64() as Hlc,
    payloadBytes: reader.u32(),
    payloadDigest: reader.bytes(CHECKSUM_BYTES),
  }
  const checksum = reader.bytes(CHECKSUM_BYTES)
  const problem = problemOf(header)
  if (problem !== undefined) throw new DecodeError(problem)
  if (header.payloadBytes > FRAME_PAYLOAD_BYTES_MAX) {
    throw new DecodeError(`a payload of ${header.payloadBytes} bytes is over the limit`)
  }
  const form = reader.u8()
  if (form === FORM_STUB) return { ...header, checksum, salt: undefined, sections: undefined }
  const { flags, payloadBytes } = header
  return {
    ...header,
    checksum,
    ...readPayload(reader, { form, isSalted: flags.salted, payloadBytes }),
  }
}

function encodeHeader(header: FrameHeader): Uint8Array {
  const writer = createWriter(FRAME_PREIMAGE_BYTES)
    .u16(FRAME_MAGIC)
    .u8(FRAME_VERSION)
    .u8(SUITE)
    .u8(encodeKind(header.kind))
    .u8(encodeFlags(header.flags))
    .bytes(header.shard)
    .bytes(header.author)
    .u64(header.epoch)
    .u64(header.seq)
    .bytes(header.prev)
    .u64(header.hlc)
    .u32(header.payloadBytes)
    .bytes(header.payloadDigest)
  assert(writer.size === FRAME_PREIMAGE_BYTES, 'a frame header has its fixed size')
  return writer.view()
}
