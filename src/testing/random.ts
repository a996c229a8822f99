/** Seeded randomness for tests: the same seed gives the same numbers on every platform (sfc32).
 *  Never: used for keys or nonces outside a test. */

export type Random = {
  uint32(): number
  /** A whole number from 0 up to, but not including, `limit`. */
  below(limit: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  bytes(sizeBytes: number): Uint8Array
  pick<T>(items: readonly T[]): T
}

export function createRandom(seed: number): Random {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed >>> 0
  let counter = 1
  const uint32 = (): number => {
    const sum = (a + b + counter) >>> 0
    counter = (counter + 1) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0
    return sum
  }
  // The first outputs still resemble the seed.
  for (let turn = 0; turn < 16; turn++) uint32()
  const below = (limit: number): number => Math.floor((uint32() / 2 ** 32) * limit)
  return {
    uint32,
    below,
    chance: (probability) => uint32() / 2 ** 32 < probability,
    bytes: (sizeBytes) => Uint8Array.from({ length: sizeBytes }, () => uint32() >>> 24),
    // The list is not empty, or there would be nothing to pick.
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
  }
}
