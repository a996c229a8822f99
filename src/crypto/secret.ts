/** Secrets in memory are wiped by whoever owns them.
 *  Never: compares them.  `equalBytes` is for public bytes; nothing here decides by equal secrets. */

/** Overwrites bytes that the caller owns.  Copies that the engine made are out of reach. */
export function wipe(secret: Uint8Array): void {
  secret.fill(0)
}
