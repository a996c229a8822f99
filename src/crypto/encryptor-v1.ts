/** Encryptor v1: what the source system's stash wrote, byte for byte, to read it and to write for it.
 *  What it does not cover: nothing binds a ciphertext to its record, owner or revision, so one may be put
 *  in the place of another; new data belongs into v2 (encryptor.ts). */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { AEAD_NONCE_BYTES, decryptAead, deriveKey, encryptAead } from './encryptor-aead.ts'

export type EncryptedV1 = {
  readonly nonce: Uint8Array
  /** The ciphertext and its tag of 16 bytes. */
  readonly ciphertext: Uint8Array
}

/** The key that the source derives from an Ed25519 seed of 32 bytes. */
export function deriveKeyV1(seed: Uint8Array): Uint8Array {
  return deriveKey({ seed, salt: 'nara:stash:v1', info: 'symmetric' })
}

export function encryptV1(host: Host, key: Uint8Array, plaintext: Uint8Array): EncryptedV1 {
  const nonce = host.random(AEAD_NONCE_BYTES)
  return { nonce, ciphertext: encryptAead({ key, nonce }, plaintext) }
}

export function decryptV1(key: Uint8Array, { nonce, ciphertext }: EncryptedV1): Uint8Array {
  if (nonce.byteLength !== AEAD_NONCE_BYTES) {
    throw new ConstelliteError({
      code: 'ErrDecode',
      message: `A nonce has ${AEAD_NONCE_BYTES} bytes, not ${nonce.byteLength}.`,
      hint: 'The nonce and the ciphertext are stored side by side; one of them was cut.',
      facts: { sizeBytes: nonce.byteLength },
    })
  }
  return decryptAead({ key, nonce }, ciphertext)
}
