/** Branded primitives: numbers that must not be mixed up.  A Seq is a bigint from 1, without gaps. */

declare const brand: unique symbol

/** Position of a frame in its chain.  0 means "before the first frame". */
export type Seq = bigint & { readonly [brand]: 'Seq' }

/** Hybrid logical clock: 48 bits of milliseconds, 16 bits of counter. */
export type Hlc = bigint & { readonly [brand]: 'Hlc' }

export const SEQ_MAX = 0xffff_ffff_ffff_ffffn

export function toSeq(value: bigint | number): Seq {
  return BigInt(value) as Seq
}

export function nextSeq(seq: Seq): Seq {
  return (seq + 1n) as Seq
}

/** Where a replica stands: the newest frame it holds. */
export type Position = { readonly seq: Seq; readonly checksum: Uint8Array }
