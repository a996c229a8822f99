/** Signer: one Ed25519 key that signs (RFC 8032 §5.1.6).  Three implementations behind one suite: the
 *  platform's (default), the kernel's, and @noble/ed25519 as oracle. */

export type Signer = {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}
