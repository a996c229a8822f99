/** Frame inside a run or a log record: what the chain around it does not already say (FORMATS §5).
 *  kind u8, flags u8, form u8, hlc delta varint64, payload length varint, payload digest 32 if form 0,
 *  else the payload block.  seq, prev and checksum are recomputed, never stored.
 *  Keeps: reading gives the checksum of what was read, so a changed byte changes every later checksum;
 *  the caller compares the last one with a seal. */

import { assert } from '../base/assert.ts'
import { type Hlc, nextSeq, SEQ_MAX, type Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import {
  checksumOf,
  encodeFlags,
  encodeKind,
  type Frame,
  type FrameHeader,
  flagsOf,
  kindOf,
  problemOf,
  shardIdOf,
} from './frame.ts'
import { CHECKSUM_BYTES, FRAME_PAYLOAD_BYTES_MAX } from './layout.ts'
import { FORM_STUB, formOf, payloadDigestOf, readPayload, writePayload } from './payload.ts'

/** Where the next frame of a chain stands. */
export type ChainCursor = {
  /** The real id, also before the genesis. */
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  /** Of the frame that comes next. */
  readonly seq: Seq
  /** Checksum of the frame before it; zeros at seq 1. */
  readonly prev: Uint8Array
  /** What the next hlc is counted from: 0 at the first frame of a run or record. */
  readonly hlc: Hlc
}

const HLC_MAX = 0xffff_ffff_ffff_ffffn
const NO_SHARD = new Uint8Array(CHECKSUM_BYTES)

/** The cursor after `frame`. */
export function advanceCursor(cursor: ChainCursor, frame: Frame): ChainCursor {
  return { ...cursor, seq: nextSeq(frame.seq), prev: frame.checksum, hlc: frame.hlc }
}

/** Writes `frame` with its hlc counted from `hlcBefore`. */
export function writeFrameBody(writer: Writer, frame: Frame, hlcBefore: Hlc): void {
  assert(frame.hlc > hlcBefore, 'clocks rise along a chain')
  const form = formOf(frame.sections)
  writer
    .u8(encodeKind(frame.kind))
    .u8(encodeFlags(frame.flags))
    .u8(form)
    .varint64(frame.hlc - hlcBefore)
    .varint(frame.payloadBytes)
  if (frame.sections === undefined) writer.bytes(frame.payloadDigest)
  else writePayload(writer, { salt: frame.salt, sections: frame.sections })
}

/** Reads the frame at `cursor` and recomputes digest and checksum; throws `DecodeError`. */
export function readFrameBody(reader: Reader, cursor: ChainCursor): Frame {
  const kind = kindOf(reader.u8())
  const flags = flagsOf(reader.u8())
  const form = reader.u8()
  const delta = reader.varint64()
  if (delta === 0n || delta > HLC_MAX - cursor.hlc) throw new DecodeError('a clock does not rise')
  if (cursor.seq > SEQ_MAX) throw new DecodeError('a seq is over 64 bits')
  const payloadBytes = reader.varint(FRAME_PAYLOAD_BYTES_MAX)
  const payload =
    form === FORM_STUB
      ? undefined
      : readPayload(reader, { form, isSalted: flags.salted, payloadBytes })
  const { shard, author, epoch, seq, prev } = cursor
  const header: FrameHeader = {
    kind,
    flags,
    shard,
    author,
    epoch,
    seq,
    prev,
    // Both terms are clocks and the sum fits 64 bits, as checked above.
    hlc: (cursor.hlc + delta) as Hlc,
    payloadBytes,
    payloadDigest: payload === undefined ? reader.bytes(CHECKSUM_BYTES) : payloadDigestOf(payload),
  }
  const named = nameShard(header)
  const problem = problemOf(named)
  if (problem !== undefined) throw new DecodeError(problem)
  return {
    ...named,
    checksum: checksumOf(named),
    salt: payload?.salt,
    sections: payload?.sections,
  }
}

/** The genesis has zeros for its shard, since the shard's id is made from it.  That id recognises it:
 *  no other frame can have the checksum from which the id is made. */
function nameShard(header: FrameHeader): FrameHeader {
  if (header.kind !== 'control' || header.seq !== 1n || header.epoch !== 0n) return header
  const genesis = { ...header, shard: NO_SHARD }
  return equalBytes(shardIdOf(checksumOf(genesis)), header.shard) ? genesis : header
}
