/** Envelope: one message between peers: type u8, length u32, body (FORMATS §13).  Types and codec.
 *  Keeps: every length has a limit; unknown types and trailing bytes are refused.
 *  Never: judges what it carries; a run stays bytes, because only its receiver knows who may write. */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import { AUTHORITY_FRAMES_MAX } from '../frame/authority.ts'
import { decodeFrame, encodeFrame, type Frame } from '../frame/frame.ts'
import { decodeReceipt, encodeReceipt, type Receipt } from '../frame/receipt.ts'
import {
  AUTHORITY_FRAME_BYTES_MAX,
  ERROR_CODE_BYTES_MAX,
  ERROR_TEXT_BYTES_MAX,
  HEADS_MAX,
  JOINED_BYTES_MAX,
  KEY_BYTES,
  MESSAGE_HEADER_BYTES,
  MESSAGE_TYPE,
  SHARD_BYTES,
  SNAPSHOT_PART_BYTES_MAX,
} from './layout.ts'

export type Head = { readonly author: Uint8Array; readonly position: Position }

export type Envelope =
  /** Positions that the sender holds of a shard, by author; `first` is the lowest seq that it can serve
   *  as frames (0: none). */
  | {
      readonly type: 'heads'
      readonly shard: Uint8Array
      readonly heads: readonly Head[]
      readonly first: Seq
    }
  | { readonly type: 'authority'; readonly shard: Uint8Array; readonly frames: readonly Frame[] }
  /** Asks for runs from `from` on; `to` undefined means live: go on as they come. */
  | {
      readonly type: 'want'
      readonly shard: Uint8Array
      readonly author: Uint8Array
      readonly from: Seq
      readonly to: Seq | undefined
    }
  /** An encoded sealed run; decoded and checked by the receiver, which knows the author's right. */
  | { readonly type: 'run'; readonly bytes: Uint8Array }
  | { readonly type: 'receipt'; readonly receipt: Receipt }
  | { readonly type: 'want-snapshot'; readonly shard: Uint8Array; readonly seqMin: Seq }
  /** One piece of a snapshot stream, in order; `last` ends it. */
  | {
      readonly type: 'snapshot'
      readonly shard: Uint8Array
      readonly index: number
      readonly last: boolean
      readonly bytes: Uint8Array
    }
  | { readonly type: 'error'; readonly code: string; readonly text: string }

/** One message, header included; the same bytes whether it travels whole or in parts. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const writer = createWriter(envelope.type === 'run' ? envelope.bytes.byteLength + 16 : 256)
  writer.u8(TYPE_OF[envelope.type]).u32(0)
  writeBody(writer, envelope)
  assert(writer.size <= JOINED_BYTES_MAX, `a message of ${writer.size} bytes is within the limit`)
  writer.patchU32(1, writer.size - MESSAGE_HEADER_BYTES)
  return writer.finish()
}

/** Reads one message of type 3 to 10. */
export function decodeEnvelope(message: Uint8Array): Result<Envelope> {
  return decoding('envelope', () => {
    const { type, body } = splitMessage(message)
    const envelope = readBody(type, body)
    body.end()
    return envelope
  })
}

/** The header of any message and a reader of its body.  For decoders: throws `DecodeError`. */
export function splitMessage(message: Uint8Array): { type: number; body: Reader } {
  const reader = createReader(message)
  const type = reader.u8()
  const sizeBytes = reader.u32()
  if (sizeBytes !== reader.remaining) {
    throw new DecodeError(`a body of ${reader.remaining} bytes says it has ${sizeBytes}`)
  }
  return { type, body: reader }
}

const TYPE_OF: Readonly<Record<Envelope['type'], number>> = {
  heads: MESSAGE_TYPE.heads,
  authority: MESSAGE_TYPE.authority,
  want: MESSAGE_TYPE.want,
  run: MESSAGE_TYPE.run,
  receipt: MESSAGE_TYPE.receipt,
  'want-snapshot': MESSAGE_TYPE.wantSnapshot,
  snapshot: MESSAGE_TYPE.snapshot,
  error: MESSAGE_TYPE.error,
}

function writeBody(writer: Writer, envelope: Envelope): void {
  switch (envelope.type) {
    case 'heads':
      assert(envelope.heads.length <= HEADS_MAX, 'heads are within their limit')
      writeKey(writer, envelope.shard).u64(envelope.first).varint(envelope.heads.length)
      for (const { author, position } of envelope.heads) {
        writeKey(writeKey(writer, author).u64(position.seq), position.checksum)
      }
      return
    case 'authority':
      assert(envelope.frames.length <= AUTHORITY_FRAMES_MAX, 'an authority is within its limit')
      writeKey(writer, envelope.shard).varint(envelope.frames.length)
      for (const frame of envelope.frames) {
        const bytes = encodeFrame(frame)
        writer.varint(bytes.byteLength).bytes(bytes)
      }
      return
    case 'want':
      writeKey(writeKey(writer, envelope.shard), envelope.author).u64(envelope.from)
      if (envelope.to === undefined) writer.u8(0)
      else writer.u8(1).u64(envelope.to)
      return
    case 'run':
      writer.bytes(envelope.bytes)
      return
    case 'receipt':
      writer.bytes(encodeReceipt(envelope.receipt))
      return
    case 'want-snapshot':
      writeKey(writer, envelope.shard).u64(envelope.seqMin)
      return
    case 'snapshot':
      assert(envelope.bytes.byteLength <= SNAPSHOT_PART_BYTES_MAX, 'a snapshot part is in bounds')
      writeKey(writer, envelope.shard)
        .u32(envelope.index)
        .u8(envelope.last ? 1 : 0)
      writer.bytes(envelope.bytes)
      return
    case 'error':
      writer.str16(cutText(envelope.code, ERROR_CODE_BYTES_MAX))
      writer.str16(cutText(envelope.text, ERROR_TEXT_BYTES_MAX))
  }
}

function readBody(type: number, body: Reader): Envelope {
  switch (type) {
    case MESSAGE_TYPE.heads:
      return readHeads(body)
    case MESSAGE_TYPE.authority:
      return readAuthority(body)
    case MESSAGE_TYPE.want: {
      const shard = body.bytes(SHARD_BYTES)
      const author = body.bytes(KEY_BYTES)
      const from = readSeq(body)
      return { type: 'want', shard, author, from, to: readFlag(body) ? readSeq(body) : undefined }
    }
    case MESSAGE_TYPE.run:
      return { type: 'run', bytes: body.bytes(body.remaining) }
    case MESSAGE_TYPE.receipt:
      return { type: 'receipt', receipt: nested(decodeReceipt(body.bytes(body.remaining))) }
    case MESSAGE_TYPE.wantSnapshot:
      return { type: 'want-snapshot', shard: body.bytes(SHARD_BYTES), seqMin: readSeq(body) }
    case MESSAGE_TYPE.snapshot:
      return readSnapshotPart(body)
    case MESSAGE_TYPE.error: {
      const code = body.str16(ERROR_CODE_BYTES_MAX)
      return { type: 'error', code, text: body.str16(ERROR_TEXT_BYTES_MAX) }
    }
    default:
      throw new DecodeError(`no envelope has type ${type}`)
  }
}

function readHeads(body: Reader): Envelope {
  const shard = body.bytes(SHARD_BYTES)
  const first = readSeq(body)
  const heads: Head[] = []
  for (let left = body.varint(HEADS_MAX); left > 0; left--) {
    const author = body.bytes(KEY_BYTES)
    const seq = readSeq(body)
    heads.push({ author, position: { seq, checksum: body.bytes(KEY_BYTES) } })
  }
  return { type: 'heads', shard, heads, first }
}

function readAuthority(body: Reader): Envelope {
  const shard = body.bytes(SHARD_BYTES)
  const frames: Frame[] = []
  for (let left = body.varint(AUTHORITY_FRAMES_MAX); left > 0; left--) {
    const sizeBytes = body.varint(AUTHORITY_FRAME_BYTES_MAX)
    frames.push(nested(decodeFrame(body.bytes(sizeBytes))))
  }
  return { type: 'authority', shard, frames }
}

function readSnapshotPart(body: Reader): Envelope {
  const shard = body.bytes(SHARD_BYTES)
  const index = body.u32()
  const last = readFlag(body)
  if (body.remaining > SNAPSHOT_PART_BYTES_MAX) {
    throw new DecodeError(`a snapshot part of ${body.remaining} bytes is over the limit`)
  }
  return { type: 'snapshot', shard, index, last, bytes: body.bytes(body.remaining) }
}

/** The value of an inner format; its refusal refuses the whole message. */
function nested<T>(result: Result<T>): T {
  if (!result.ok) throw new DecodeError(result.failure.message)
  return result.value
}

function writeKey(writer: Writer, key: Uint8Array): Writer {
  assert(key.byteLength === KEY_BYTES, 'a key, shard id or checksum has 32 bytes')
  return writer.bytes(key)
}

function readSeq(body: Reader): Seq {
  // A Seq is a bigint of 64 bits, which is what was just read.
  return body.u64() as Seq
}

function readFlag(body: Reader): boolean {
  const value = body.u8()
  if (value > 1) throw new DecodeError(`a flag is 0 or 1, not ${value}`)
  return value === 1
}

/** The longest start of `text` that fits, so that an error about a long name can still be sent. */
function cutText(text: string, sizeBytesMax: number): string {
  const encoder = new TextEncoder()
  let cut = text.slice(0, sizeBytesMax)
  while (encoder.encode(cut).byteLength > sizeBytesMax) cut = cut.slice(0, -1)
  return cut
}
