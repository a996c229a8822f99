/** Sealed run: consecutive frames of one author and the seal at the last of them: the unit of wire and
 *  archive (FORMATS §5).  seq, prev and checksum inside it are recomputed, never stored. */

import type { Seq } from '../base/ids.ts'
import type { Frame } from './frame.ts'
import type { Seal } from './seal.ts'

export type SealedRun = {
  readonly firstSeq: Seq
  /** Checksum of the frame before the first. */
  readonly prev: Uint8Array
  readonly frames: readonly Frame[]
  readonly seal: Seal
}
