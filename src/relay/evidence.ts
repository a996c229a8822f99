/** Evidence: what shows a fork to anyone: two sealed pieces of one author that exclude each other.
 *  A file `fork-<seq>.bin` holds length u32, the run that was stored; then the run that came second, to
 *  the end.  The first may be empty when only a frame of it is still kept: its seal is in the receipt.
 *  Keeps: at most one file a seq and `EVIDENCE_FILES_MAX` a shard; flushed before anybody is told. */

import type { Seq } from '../base/ids.ts'
import { createWriter } from '../bytes/writer.ts'
import { encodeRun, type SealedRun } from '../frame/run.ts'
import type { Device } from '../storage/device.ts'

export const EVIDENCE_FILES_MAX = 8

export function evidenceName(seq: Seq): string {
  return `fork-${seq.toString().padStart(20, '0')}.bin`
}

export function isEvidenceName(name: string): boolean {
  return /^fork-\d{20}\.bin$/.test(name)
}

/** Writes and flushes one piece; answers its size. */
export async function writeEvidence(
  device: Device,
  forked: {
    readonly seq: Seq
    readonly stored: SealedRun | undefined
    readonly second: Uint8Array
  },
): Promise<number> {
  const stored = forked.stored === undefined ? new Uint8Array(0) : encodeRun(forked.stored)
  const bytes = createWriter(stored.byteLength + forked.second.byteLength + 4)
    .u32(stored.byteLength)
    .bytes(stored)
    .bytes(forked.second)
    .view()
  const [file] = await device.open([evidenceName(forked.seq)])
  if (file === undefined) return 0
  try {
    file.truncate(0)
    file.write(0, bytes)
    await file.sync()
    return bytes.byteLength
  } finally {
    file.close()
  }
}
