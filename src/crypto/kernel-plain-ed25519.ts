/** Ed25519 in plain JavaScript, by @noble, where the kernel cannot run.
 *  Keeps: the kernel's answers (ZIP-215). */

import type { Ed25519 } from './kernel-interface.ts'
import { nobleEd25519 } from './noble.ts'

export const plainEd25519: Ed25519 = {
  publicKey: (seed) => nobleEd25519().getPublicKey(seed),
  sign: (message, seed) => nobleEd25519().sign(message, seed),
  verify(signature, message, publicKey) {
    if (signature.byteLength !== 64 || publicKey.byteLength !== 32) return false
    return nobleEd25519().verify(signature, message, publicKey, { zip215: true })
  },
  verifyBatch(items) {
    const bad: number[] = []
    for (const [index, { signature, message, publicKey }] of items.entries()) {
      if (!plainEd25519.verify(signature, message, publicKey)) bad.push(index)
    }
    return { ok: bad.length === 0, bad }
  },
  isWeakPublicKey(publicKey) {
    if (publicKey.byteLength !== 32) return true
    try {
      return nobleEd25519().Point.fromBytes(publicKey, false).isSmallOrder()
    } catch {
      // noble answers "no such point" by throwing; there is nothing else in it that can fail.
      return true
    }
  },
}
