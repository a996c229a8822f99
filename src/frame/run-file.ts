/** Run file: sealed runs of one shard in a file of their own, with the authority under which they stand, so
 *  that whoever has the file can check every frame in it and needs nothing else.
 *  A superseded writer keeps in one what it wrote beyond the hand-over (shard/kept.ts).
 *  Keeps: the magic is written last, so that a file that has it is whole.
 *
 *  | offset | size | name      | meaning                                                          |
 *  |      0 |    4 | magic     | "CRUN"                                                           |
 *  |      4 |    1 | version   | 1                                                                |
 *  |      5 |   32 | shard     |                                                                  |
 *  |     37 |    … | authority | count varint, then each: length varint, frame (FORMATS §4)       |
 *  Then to the end, each: length varint, sealed run (FORMATS §5), in the order of the chain. */

import { type Result, succeed } from '../base/failure.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { AUTHORITY_FRAMES_MAX, type Authority, mayWrite, readAuthority } from './authority.ts'
import { decodeFrame, encodeFrame, type Frame } from './frame.ts'
import { CHECKSUM_BYTES, RUN_BYTES_MAX } from './layout.ts'
import { decodeRun, encodeRun, type SealedRun } from './run.ts'

export const RUN_FILE_MAGIC: Uint8Array = new TextEncoder().encode('CRUN')
const RUN_FILE_VERSION = 1
/** Genesis and hand-overs are small control frames. */
const AUTHORITY_FRAME_BYTES_MAX = 65_536
const RUN_HEADER_BYTES_MAX = 512

export type RunFile = {
  readonly authority: Authority
  /** Verified: the right of their author, their seals, and the frames up to them. */
  readonly runs: readonly SealedRun[]
}

/** What stands after the magic and before the first run. */
export function encodeRunFileStart(shard: Uint8Array, authority: readonly Frame[]): Uint8Array {
  const writer = createWriter(1024).u8(RUN_FILE_VERSION).bytes(shard).varint(authority.length)
  for (const frame of authority) {
    const bytes = encodeFrame(frame)
    writer.varint(bytes.byteLength).bytes(bytes)
  }
  return writer.finish()
}

export function encodeRunFileEntry(run: SealedRun): Uint8Array {
  const bytes = encodeRun(run)
  return createWriter(bytes.byteLength + 8)
    .varint(bytes.byteLength)
    .bytes(bytes)
    .finish()
}

/** Reads and verifies a whole file. */
export function readRunFile(bytes: Uint8Array): Result<RunFile> {
  const decoded = decoding('run file', () => readStart(createReader(bytes)))
  if (!decoded.ok) return decoded
  const { shard, runs: encoded } = decoded.value
  const frames: Frame[] = []
  for (const each of decoded.value.frames) {
    const frame = decodeFrame(each)
    if (!frame.ok) return frame
    frames.push(frame.value)
  }
  const authority = readAuthority(frames, shard)
  if (!authority.ok) return authority
  const runs: SealedRun[] = []
  for (const each of encoded) {
    const run = decodeRun(each, mayWrite(authority.value))
    if (!run.ok) return run
    runs.push(run.value)
  }
  return succeed({ authority: authority.value, runs })
}

function readStart(reader: Reader): {
  readonly shard: Uint8Array
  readonly frames: readonly Uint8Array[]
  readonly runs: readonly Uint8Array[]
} {
  reader.expect(RUN_FILE_MAGIC, 'the magic of a run file')
  const version = reader.u8()
  if (version !== RUN_FILE_VERSION) throw new DecodeError(`version ${version} is unknown`)
  const shard = reader.bytes(CHECKSUM_BYTES)
  const frames: Uint8Array[] = []
  for (let left = reader.varint(AUTHORITY_FRAMES_MAX); left > 0; left--) {
    frames.push(reader.view(reader.varint(AUTHORITY_FRAME_BYTES_MAX)))
  }
  const runs: Uint8Array[] = []
  while (reader.remaining > 0) {
    runs.push(reader.view(reader.varint(RUN_BYTES_MAX + RUN_HEADER_BYTES_MAX)))
  }
  return { shard, frames, runs }
}
