/** Signer of node:crypto (Node, Deno, Bun), with its key as a PEM of PKCS#8.  Signs in the calling
 *  thread in about 23 µs, half of what WebCrypto's promise costs there.
 *  Never: verifies; platforms differ on crafted signatures (see verify.ts). */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { fail, type Result, succeed } from '../base/failure.ts'
import type { Signer } from './signer.ts'

const PUBLIC_KEY_BYTES = 32

/** A new key as a PEM of PKCS#8. */
export function createNodeKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

export function signerFromPem(pem: string): Result<Signer> {
  const key = parseKey(pem)
  if (key === undefined) {
    return fail({
      code: 'ErrIdentity',
      message: 'The key is not an Ed25519 private key in PEM.',
      hint: 'Its file was damaged or replaced; restore it, or make a new copy of the database.',
    })
  }
  // A SubjectPublicKeyInfo of Ed25519 ends with the 32 bytes of the key (RFC 8410 §4).
  const info = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return succeed({
    publicKey: new Uint8Array(info.subarray(-PUBLIC_KEY_BYTES)),
    sign: async (message) => new Uint8Array(sign(null, message, key)),
  })
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    // OpenSSL answers "not a key" by throwing, in words that differ between versions.
    return undefined
  }
}
