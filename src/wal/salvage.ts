/** Salvage: what a log still has in which something flushed cannot be read, found without changing a byte; and
 *  a copy of all its bytes, so that a repair deletes nothing.
 *  Keeps: recovery decides what counts (recover.ts); work is bounded by a named multiple of the size.
 *
 *  The copy has each file of the log, one after the other to the end:
 *  | size    | field     | notes                     |
 *  |---------|-----------|---------------------------|
 *  | 2 + n   | name      | str16                     |
 *  | 8       | sizeBytes | then that many bytes      | */

import { assert } from '../base/assert.ts'
import type { Result } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import { DecodeError } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import type { Device } from '../storage/device.ts'
import { generationSeed, isWholeGroup, placeGroup } from './group.ts'
import { FILE_HEADER_BYTES, GROUP_ALIGN_BYTES, GROUP_HEADER_BYTES } from './layout.ts'
import { logFileOf, openLogFiles } from './log-files.ts'
import { isLogFile } from './pool.ts'
import { outlineGroup } from './read-groups.ts'
import type { RecordOutline } from './records.ts'
import { type RecoveredLog, recoverLog } from './recover.ts'
import { findSegmentHeader } from './segment-header.ts'
import type { LogFile } from './segments.ts'

export type Salvage = {
  /** What an opening would find, or why it refuses. */
  readonly plain: Result<RecoveredLog | undefined>
  /** What a repair would go on from. */
  readonly repaired: Result<RecoveredLog | undefined>
  /** Highest seq that the whole groups name, whether they count or not. */
  readonly newestSeq: Seq
}

/** Reading on past damage could be made quadratic by forged groups: past so many bytes it stops. */
const LOOK_FACTOR_MAX = 8
const COPY_BYTES = 1 << 20

/** The device is owned and the log is not open. */
export async function salvageLog(device: Device): Promise<Salvage> {
  const pooled = await openLogFiles(device)
  try {
    const files = pooled.map(logFileOf)
    return {
      plain: recoverLog(files, { repair: false }),
      repaired: recoverLog(files, { repair: true }),
      newestSeq: newestSeqIn(files),
    }
  } finally {
    for (const { file } of pooled) file.close()
  }
}

/** Copies the bytes of all files of the log into a file that is not there yet, durably. */
export async function copyLog(device: Device, name: string): Promise<void> {
  const pooled = await openLogFiles(device)
  const [copy] = await device.open([name])
  assert(copy !== undefined, 'a device answers a handle for each name')
  try {
    let at = 0
    const put = (bytes: Uint8Array): void => {
      copy.write(at, bytes)
      at += bytes.byteLength
    }
    for (const { name: source, file } of pooled) {
      const sizeBytes = file.size()
      put(createWriter().str16(source).u64(BigInt(sizeBytes)).finish())
      for (let from = 0; from < sizeBytes; from += COPY_BYTES) {
        const piece = new Uint8Array(Math.min(COPY_BYTES, sizeBytes - from))
        file.read(from, piece)
        put(piece)
      }
    }
    await copy.sync()
  } finally {
    for (const { file } of [...pooled, { file: copy }]) file.close()
  }
}

/** Removes every file of the log. */
export async function removeLog(device: Device): Promise<void> {
  await device.remove((await device.list()).filter(isLogFile))
}

function newestSeqIn(files: readonly LogFile[]): Seq {
  let newest = 0n
  for (const file of files) {
    let seq = 0n
    for (const outline of outlinesIn(file)) {
      if (outline.type !== 'frames') seq = outline.seq > seq ? outline.seq : seq
      // What goes on behind lost frames is counted from the newest seal before it.
      else
        seq = (outline.firstSeq === undefined ? seq : outline.firstSeq - 1n) + BigInt(outline.count)
      if (seq > newest) newest = seq
    }
  }
  return toSeq(newest)
}

function* outlinesIn(file: LogFile): Iterable<RecordOutline> {
  const found = findSegmentHeader(file.start)
  if (found.type !== 'segment') return
  const seed = generationSeed(found.header.generation)
  const bytes = file.load()
  let budget = bytes.byteLength * LOOK_FACTOR_MAX
  let at = FILE_HEADER_BYTES
  while (at + GROUP_HEADER_BYTES <= bytes.byteLength) {
    const group = placeGroup(bytes, at)
    at += GROUP_ALIGN_BYTES
    if (group === undefined || group.endAt > bytes.byteLength) continue
    budget -= group.bodyBytes + GROUP_HEADER_BYTES
    if (budget < 0) return
    if (!isWholeGroup(bytes, group, seed)) continue
    at = group.endAt
    if (group.hasChain) yield* readOutlines(bytes.subarray(group.bodyAt, group.bodyEnd))
  }
}

function readOutlines(body: Uint8Array): readonly RecordOutline[] {
  try {
    return outlineGroup(body)
  } catch (error) {
    // A whole group with a record that nobody can read: it is what is repaired here.
    if (error instanceof DecodeError || error instanceof RangeError) return []
    throw error
  }
}
