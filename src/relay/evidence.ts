/** Evidence: what shows a fork to anyone: two sealed pieces of one author that exclude each other.
 *  A file `fork-<seq>.bin` holds length u32 and the stored run of that length (empty when none of it is
 *  kept any more); then, to the end, what came second: a sealed run, or the seal of a snapshot.
 *  Keeps: at most one file a seq and `EVIDENCE_FILES_MAX` a shard; flushed before anybody is told. */

import type { Seq } from '../base/ids.ts'
import { createWriter } from '../bytes/writer.ts'
import { encodeRun } from '../frame/run.ts'
import { NO_SEQ, type StoredState } from './stored-state.ts'

export const EVIDENCE_FILES_MAX = 8

export function evidenceName(seq: Seq): string {
  return `fork-${seq.toString().padStart(20, '0')}.bin`
}

export function isEvidenceName(name: string): boolean {
  return /^fork-\d{20}\.bin$/.test(name)
}

/** Under the mutex.  False when there is evidence of this seq, or enough of it, already. */
export async function keepEvidence(
  state: StoredState,
  forked: {
    /** Where the second piece is sealed. */
    readonly seq: Seq
    /** Where it begins. */
    readonly firstSeq: Seq
    readonly second: Uint8Array
  },
): Promise<boolean> {
  const { device, evidence, wal } = state
  const name = evidenceName(forked.seq)
  if (evidence.has(name) || evidence.size >= EVIDENCE_FILES_MAX) return false
  // A piece that begins after the head contradicts the head itself.
  const isBeyond = forked.firstSeq > state.staged.seq
  const from = isBeyond ? state.staged.seq : forked.firstSeq
  const stored = from > NO_SEQ ? wal.readRun(from, 1) : undefined
  const first = stored === undefined ? new Uint8Array(0) : encodeRun(stored)
  const bytes = createWriter(first.byteLength + forked.second.byteLength + 4)
    .u32(first.byteLength)
    .bytes(first)
    .bytes(forked.second)
    .view()
  const [file] = await device.open([name])
  if (file === undefined) return false
  try {
    file.truncate(0)
    file.write(0, bytes)
    await file.sync()
  } finally {
    file.close()
  }
  evidence.add(name)
  state.evidenceBytes += bytes.byteLength
  return true
}
