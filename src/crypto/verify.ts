/** Verifier: one rule for every signature (ZIP-215: cofactored equation, S below the group order,
 *  encodings of R and A taken as they are).  Verifiers that differ on crafted signatures would let
 *  replicas diverge, so nothing that must converge is verified by a platform's own verifier.
 *  Never: decides whether a key may sign; enrolment, genesis and hand-over ask `isWeakPublicKey`. */

import type { BatchResult, SignedMessage } from './kernel-interface.ts'
import { currentKernel } from './kernel-slot.ts'

export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64

export function verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  return currentKernel().ed25519.verify(signature, message, publicKey)
}

/** The same answers for many at once, in about half the time from 64 on and a third from 1 024. */
export function verifyBatch(items: readonly SignedMessage[]): BatchResult {
  return currentKernel().ed25519.verifyBatch(items)
}

/** True for a public key that is no point, not canonically encoded, or of small order: with such a key
 *  one signature fits many messages, or one key has two encodings. */
export function isWeakPublicKey(publicKey: Uint8Array): boolean {
  return currentKernel().ed25519.isWeakPublicKey(publicKey)
}
