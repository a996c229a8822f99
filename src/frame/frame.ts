/** Frame v2: one committed transaction as signed bytes (FORMATS §4).
 *  Keeps: checksum = H("constellite frame v2"; everything before it); it is the frame's identity.
 *  Never: touches storage or the network.  Signing is per head, not per frame: see seal.ts. */

import type { Hlc, Position, Seq } from '../base/ids.ts'

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

export type Frame = {
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
  readonly checksum: Uint8Array
  readonly salt: Uint8Array | undefined
  /** The payload, or undefined for a stub (form 0); a section given as `{ digest }` is absent (form 2). */
  readonly sections: readonly Section[] | undefined
}

export type Section = { readonly bytes: Uint8Array } | { readonly digest: Uint8Array }

export function positionOf(frame: Frame): Position {
  return { seq: frame.seq, checksum: frame.checksum }
}
