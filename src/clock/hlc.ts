/** Hybrid logical clock (Kulkarni et al. 2014): 48 bits of milliseconds, then a 16-bit counter, in one
 *  u64, so that numeric order is clock order and counter overflow carries into the milliseconds.
 *  Keeps: each tick is strictly above what it follows, whatever the wall clock does.
 *  Never: judges validity by the receiver's clock; the structural rule is `isAbove`. */

import type { Hlc } from '../base/ids.ts'

export const HLC_ZERO: Hlc = 0n as Hlc
const COUNTER_BITS = 16n
const HLC_MAX = 0xffff_ffff_ffff_ffffn

/** The next tick: local time where that is ahead of everything in `after`, else one step above it. */
export function tickHlc(nowMs: number, ...after: readonly Hlc[]): Hlc {
  let newest = 0n
  for (const hlc of after) if (hlc > newest) newest = hlc
  const wall = BigInt(Math.max(0, Math.floor(nowMs))) << COUNTER_BITS
  const next = wall > newest ? wall : newest + 1n
  return (next > HLC_MAX ? HLC_MAX : next) as Hlc
}

/** The structural rule of FORMATS §4: a frame's clock is strictly above prev's and every dep's. */
export function isAbove(hlc: Hlc, ...after: readonly Hlc[]): boolean {
  return after.every((other) => hlc > other)
}

/** Milliseconds since the Unix epoch. */
export function hlcToMs(hlc: Hlc): number {
  return Number(hlc >> COUNTER_BITS)
}
