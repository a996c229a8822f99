/** Kept: what a writer wrote beyond the hand-over that ended its term, in a file of the database's folder.
 *  `superseded-<epoch>-<head>.runs` is a run file (frame/run-file.ts) from the hand-over's seq on; where the
 *  log has those frames no longer, `superseded-<epoch>-<head>.snapshot` is the whole image at its last head
 *  (FORMATS §11).  `head` is the start of that head's checksum: who loses twice has two files.
 *  Keeps: nothing of it is given up before the file is whole and flushed; the log keeps the frames until
 *  then, and each opening tries again.  Never: overwrites a whole file. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { formatHex } from '../bytes/text.ts'
import { encodeRunFileEntry, encodeRunFileStart, RUN_FILE_MAGIC } from '../frame/run-file.ts'
import type { DeviceFile } from '../storage/device.ts'
import { flushTail } from './flush.ts'
import { isKeptName, KEPT_HEAD_BYTES } from './halt-evidence.ts'
import { notOpened } from './open-failures.ts'
import { sealTail } from './seal-head.ts'
import { snapshotAt } from './snapshot.ts'
import { authorityOf, type ShardState } from './state.ts'

/** Payload of one run at most, unless one transaction is larger. */
const KEPT_RUN_BYTES = 524_288
const PIECE_BYTES = 1 << 20
const SNAPSHOT_SUFFIX = '.snapshot'

/** The file for what is beyond, or undefined when nothing is. */
export function keptFileName(
  { wal, head }: Pick<ShardState, 'wal' | 'head'>,
  cut: { readonly seq: Seq; readonly epoch: bigint },
): string | undefined {
  if (head.seq < cut.seq) return undefined
  const range = wal.range()
  const hasFrames = range !== undefined && range.first <= cut.seq
  const lost = formatHex(head.checksum.subarray(0, KEPT_HEAD_BYTES))
  return `superseded-${cut.epoch}-${lost}${hasFrames ? '.runs' : SNAPSHOT_SUFFIX}`
}

/** Writes the file that a superseded writer's failure names, unless it is there. */
export async function keepBeyond(state: ShardState, failure: ConstelliteError): Promise<void> {
  const { file: name, seq } = failure.facts
  if (typeof name !== 'string' || typeof seq !== 'bigint') return
  await flushTail(state)
  await sealTail(state)
  await state.wal.flush()
  const [file] = await state.device.open([name])
  if (file === undefined) throw notOpened(name)
  try {
    if (hasMagic(file)) return
    file.truncate(0)
    if (name.endsWith(SNAPSHOT_SUFFIX)) await writeSnapshot(state, file)
    else await writeRuns(state, file, toSeq(seq))
  } finally {
    file.close()
  }
}

/** The first bytes of either format: there when the rest is. */
function hasMagic(file: DeviceFile): boolean {
  const start = new Uint8Array(RUN_FILE_MAGIC.byteLength)
  return file.read(0, start) === start.byteLength && !equalBytes(start, new Uint8Array(4))
}

async function writeRuns(state: ShardState, file: DeviceFile, from: Seq): Promise<void> {
  let at = RUN_FILE_MAGIC.byteLength
  const put = (bytes: Uint8Array): void => {
    file.write(at, bytes)
    at += bytes.byteLength
  }
  put(encodeRunFileStart(state.id, authorityOf(state)))
  for (let seq = from; seq <= state.head.seq; ) {
    const run = state.wal.readRun(seq, KEPT_RUN_BYTES)
    assert(run !== undefined, 'a log that reaches back to a hand-over has every frame since')
    put(encodeRunFileEntry(run))
    seq = toSeq(run.seal.seq + 1n)
  }
  await finish(file, RUN_FILE_MAGIC)
}

async function writeSnapshot(state: ShardState, file: DeviceFile): Promise<void> {
  const seal = state.newestSeal
  assert(seal !== undefined, 'the tail was sealed')
  const magic = new Uint8Array(RUN_FILE_MAGIC.byteLength)
  let at = 0
  for await (const part of snapshotAt(state, seal)) {
    // The first part is longer than the magic, which is written last.
    if (at === 0) magic.set(part.subarray(0, magic.byteLength))
    const skip = at === 0 ? magic.byteLength : 0
    file.write(at + skip, part.subarray(skip))
    at += part.byteLength
  }
  await finish(file, magic)
}

async function finish(file: DeviceFile, magic: Uint8Array): Promise<void> {
  await file.sync()
  file.write(0, magic)
  await file.sync()
}

/** The bytes of such a file.  Rejects with ErrUnavailable when this copy keeps none of that name. */
export async function* readKept(state: ShardState, name: string): AsyncIterable<Uint8Array> {
  await state.keeping
  const isThere = isKeptName(name) && (await state.device.list()).includes(name)
  const [file] = isThere ? await state.device.open([name]) : []
  if (file === undefined) throw notKept(name)
  try {
    for (let at = 0; at < file.size(); at += PIECE_BYTES) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, file.size() - at))
      file.read(at, piece)
      yield piece
    }
  } finally {
    file.close()
  }
}

function notKept(name: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: `This database keeps no file "${name}".`,
    hint: 'Give the `file` that the facts of ErrSuperseded name.',
    facts: { file: name },
  })
}
