/** Secrets in memory: compare without telling where they differ, and wipe.
 *  Public bytes use `equalBytes`, which is faster. */

/** True when equal; the time depends on the length only. */
export function equalSecrets(left: Uint8Array, right: Uint8Array): boolean {
  if (left.byteLength !== right.byteLength) return false
  let difference = 0
  for (let index = 0; index < left.byteLength; index++) {
    difference |= (left[index] as number) ^ (right[index] as number)
  }
  return difference === 0
}

/** Overwrites bytes that the caller owns.  Copies that the engine made are out of reach. */
export function wipe(secret: Uint8Array): void {
  secret.fill(0)
}
