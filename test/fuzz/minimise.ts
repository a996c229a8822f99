/** Minimise: a shorter input that behaves the same, found by leaving out smaller and smaller pieces.
 *  Never: more attempts than its limit, so the answer is short and not the shortest. */

const ATTEMPTS_MAX = 300

export async function minimise(
  input: Uint8Array,
  isSame: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let smallest = input
  let attempts = 0
  for (let piece = smallest.byteLength >>> 1; piece >= 1; piece >>>= 1) {
    for (let at = 0; at < smallest.byteLength && attempts < ATTEMPTS_MAX; attempts++) {
      const candidate = without(smallest, at, at + piece)
      if (await isSame(candidate)) smallest = candidate
      else at += piece
    }
  }
  return smallest
}

function without(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const kept = new Uint8Array(bytes.byteLength - (Math.min(to, bytes.byteLength) - from))
  kept.set(bytes.subarray(0, from))
  kept.set(bytes.subarray(to), from)
  return kept
}
