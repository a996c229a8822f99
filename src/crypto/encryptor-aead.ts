/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) and HKDF-SHA256 (RFC 5869), for the encryptors.
 *  Keeps: every failure to decrypt is the same ErrDecrypt, so that it tells nothing about why. */

import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ConstelliteError } from '../base/failure.ts'

export const AEAD_KEY_BYTES = 32
export const AEAD_NONCE_BYTES = 24
export const AEAD_TAG_BYTES = 16

export type AeadTerms = {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly aad?: Uint8Array
}

/** Ciphertext and, behind it, the tag. */
export function encryptAead({ key, nonce, aad }: AeadTerms, plaintext: Uint8Array): Uint8Array {
  return xchacha20poly1305(key, nonce, aad).encrypt(plaintext)
}

export function decryptAead({ key, nonce, aad }: AeadTerms, ciphertext: Uint8Array): Uint8Array {
  try {
    return xchacha20poly1305(key, nonce, aad).decrypt(ciphertext)
  } catch (cause) {
    throw new ConstelliteError({
      code: 'ErrDecrypt',
      message: 'The ciphertext, what it was bound to and the key do not belong together.',
      hint: 'It was changed, belongs to another record, or was encrypted with another key.',
      cause,
    })
  }
}

export type KeyTerms = {
  readonly seed: Uint8Array
  readonly salt: string
  readonly info: string
}

const utf8 = new TextEncoder()

/** A key of 32 bytes out of a seed of 32 bytes. */
export function deriveKey({ seed, salt, info }: KeyTerms): Uint8Array {
  if (seed.byteLength !== AEAD_KEY_BYTES) {
    throw new ConstelliteError({
      code: 'ErrKey',
      message: `A seed has ${AEAD_KEY_BYTES} bytes, not ${seed.byteLength}.`,
      hint: 'Give 32 random bytes, or make them out of a passphrase.',
      facts: { sizeBytes: seed.byteLength },
    })
  }
  return hkdf(sha256, seed, utf8.encode(salt), utf8.encode(info), AEAD_KEY_BYTES)
}
