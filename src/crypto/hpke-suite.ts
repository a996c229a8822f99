/** HPKE suite: base mode of RFC 9180 with X-Wing (ML-KEM-768 and X25519, draft-connolly-cfrg-xwing-kem),
 *  HKDF-SHA256 and AES-256-GCM, through a library.
 *  Keeps: the library's keys and errors stay in this file. */

import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'

export const XWING_PUBLIC_KEY_BYTES = 1216
export const XWING_SECRET_KEY_BYTES = 32
export const XWING_ENC_BYTES = 1120

export type HpkeTerms = { readonly info: Uint8Array; readonly aad: Uint8Array }

export type HpkeSealed = { readonly enc: Uint8Array; readonly ciphertext: Uint8Array }

export type HpkeSuite = {
  /** Keys out of a secret key, which is a seed of 32 bytes. */
  publicKeyOf(secretKey: Uint8Array): Promise<Uint8Array>
  encrypt(publicKey: Uint8Array, terms: HpkeTerms, plaintext: Uint8Array): Promise<HpkeSealed>
  /** Rejects, without saying why, where the bytes do not belong together. */
  decrypt(secretKey: Uint8Array, terms: HpkeTerms, sealed: HpkeSealed): Promise<Uint8Array>
}

export function createHpkeSuite(): HpkeSuite {
  const kem = new XWing()
  const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() })
  return {
    async publicKeyOf(secretKey) {
      const { publicKey } = await kem.generateKeyPairDerand(secretKey.slice())
      return new Uint8Array(await kem.serializePublicKey(publicKey))
    },
    async encrypt(publicKey, { info, aad }, plaintext) {
      const recipientPublicKey = await kem.deserializePublicKey(publicKey)
      const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plaintext, aad)
      return { enc: new Uint8Array(enc), ciphertext: new Uint8Array(ct) }
    },
    async decrypt(secretKey, { info, aad }, { enc, ciphertext }) {
      const recipientKey = await kem.deserializePrivateKey(secretKey)
      return new Uint8Array(await suite.open({ recipientKey, enc, info }, ciphertext, aad))
    },
  }
}
