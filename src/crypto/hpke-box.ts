/** HPKE box: bytes for the holder of a secret key, safe from quantum computers; whoever has the public key
 *  alone can encrypt, and cannot read what it encrypted.
 *
 *  | offset | size | field |
 *  |---|---|---|
 *  | 0 | 2 | magic `CB` |
 *  | 2 | 1 | version = 1 |
 *  | 3 | 1 | flags: bit 0 compressed (deflate-raw) |
 *  | 4 | 8 | key id: H("constellite box key v1"; public key), its first 8 bytes |
 *  | 12 | 8 | purpose: H("constellite box purpose v1"; purpose), its first 8 bytes |
 *  | 20 | 1120 | X-Wing encapsulation |
 *  | 1140 | n + 16 | ciphertext and tag, AES-256-GCM; compressed content as in hpke-compress.ts |
 *
 *  HPKE's `info` is "constellite box v1" ‖ 0 ‖ purpose; associated data are bytes 0 to 20 ‖ the caller's.
 *  Keeps: compression comes before encryption and only where it makes smaller; unpacking is bounded.
 *  What it does not show: who encrypted it.  What its length tells: how well the content compresses, so do
 *  not mix a secret with text that an attacker chooses; `compress: false` is for that. */

import { ConstelliteError, type FailureInit, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { createReader, DecodeError, decoding } from '../bytes/reader.ts'
import { AEAD_TAG_BYTES } from './encryptor-aead.ts'
import { hashOf } from './hash.ts'
import { compress, decompress } from './hpke-compress.ts'
import {
  createHpkeSuite,
  type HpkeSuite,
  XWING_ENC_BYTES,
  XWING_PUBLIC_KEY_BYTES,
  XWING_SECRET_KEY_BYTES,
} from './hpke-suite.ts'

const MAGIC = new Uint8Array([0x43, 0x42])
const VERSION = 1
const FLAG_COMPRESSED = 1
const TAG_BYTES = 8
const HEAD_BYTES: number = 4 + 2 * TAG_BYTES
export const BOX_BYTES: number = HEAD_BYTES + XWING_ENC_BYTES + AEAD_TAG_BYTES
/** What a box may hold, packed or not. */
export const BOX_CONTENT_BYTES_MAX = 134_217_728

export type HpkeKeys = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

export type HpkeBoxOptions = {
  readonly publicKey: Uint8Array
  /** Without it the box only encrypts. */
  readonly secretKey?: Uint8Array
  /** What the content is for; a box of one purpose does not open as one of another. */
  readonly purpose: string
  /** Default true. */
  readonly compress?: boolean
}

export type HpkeBox = {
  encrypt(plaintext: Uint8Array, aad?: Uint8Array): Promise<Uint8Array>
  /** Rejects with ErrKey (no secret key, or another one), ErrPurpose, ErrDecrypt or ErrDecode. */
  decrypt(box: Uint8Array, aad?: Uint8Array): Promise<Uint8Array>
}

const EMPTY = new Uint8Array()
const utf8 = new TextEncoder()

/** A new key pair; the secret key is 32 random bytes. */
export function createHpkeKeys(host: Host): Promise<HpkeKeys> {
  return hpkeKeysOf(host.random(XWING_SECRET_KEY_BYTES))
}

/** The key pair of a secret key that one has. */
export async function hpkeKeysOf(secretKey: Uint8Array): Promise<HpkeKeys> {
  checkSize('secret key', secretKey, XWING_SECRET_KEY_BYTES)
  return { publicKey: await createHpkeSuite().publicKeyOf(secretKey), secretKey }
}

export function createHpkeBox(options: HpkeBoxOptions): HpkeBox {
  const { publicKey, secretKey, purpose } = options
  checkSize('public key', publicKey, XWING_PUBLIC_KEY_BYTES)
  if (secretKey !== undefined) checkSize('secret key', secretKey, XWING_SECRET_KEY_BYTES)
  const suite = createHpkeSuite()
  const keyId = hashOf('constellite box key v1', publicKey).subarray(0, TAG_BYTES)
  const purposeBytes = utf8.encode(purpose)
  const purposeTag = hashOf('constellite box purpose v1', purposeBytes).subarray(0, TAG_BYTES)
  const info = concatBytes(utf8.encode('constellite box v1\0'), purposeBytes)
  return {
    async encrypt(plaintext, aad = EMPTY) {
      if (plaintext.byteLength > BOX_CONTENT_BYTES_MAX) throw new ConstelliteError(TOO_LARGE)
      const packed = options.compress === false ? plaintext : await compress(plaintext)
      const isSmaller = packed.byteLength < plaintext.byteLength
      const flags = isSmaller ? FLAG_COMPRESSED : 0
      const head = concatBytes(MAGIC, new Uint8Array([VERSION, flags]), keyId, purposeTag)
      const terms = { info, aad: concatBytes(head, aad) }
      const { enc, ciphertext } = await suite.encrypt(
        publicKey,
        terms,
        isSmaller ? packed : plaintext,
      )
      return concatBytes(head, enc, ciphertext)
    },
    async decrypt(box, aad = EMPTY) {
      if (secretKey === undefined) throw new ConstelliteError(NO_SECRET_KEY)
      const parts = orThrow(readBox(box))
      if (!equalBytes(parts.keyId, keyId)) throw new ConstelliteError(ANOTHER_KEY)
      if (!equalBytes(parts.purposeTag, purposeTag))
        throw new ConstelliteError(wrongPurpose(purpose))
      const terms = { info, aad: concatBytes(parts.head, aad) }
      const content = await decryptWith(suite, secretKey, terms, parts)
      return parts.isCompressed ? await unpack(content) : content
    },
  }
}

type BoxParts = {
  readonly head: Uint8Array
  readonly isCompressed: boolean
  readonly keyId: Uint8Array
  readonly purposeTag: Uint8Array
  readonly enc: Uint8Array
  readonly ciphertext: Uint8Array
}

function readBox(box: Uint8Array) {
  return decoding('encrypted box', (): BoxParts => {
    const reader = createReader(box)
    const head = box.subarray(0, HEAD_BYTES)
    reader.expect(MAGIC, 'the magic')
    reader.expect(new Uint8Array([VERSION]), 'the version')
    const flags = reader.u8()
    if (flags > FLAG_COMPRESSED) throw new DecodeError(`the flags ${flags} are unknown`)
    const keyId = reader.view(TAG_BYTES)
    const purposeTag = reader.view(TAG_BYTES)
    const enc = reader.view(XWING_ENC_BYTES)
    const ciphertext = reader.view(Math.max(reader.remaining, AEAD_TAG_BYTES))
    return { head, isCompressed: flags === FLAG_COMPRESSED, keyId, purposeTag, enc, ciphertext }
  })
}

async function decryptWith(
  suite: HpkeSuite,
  secretKey: Uint8Array,
  terms: { readonly info: Uint8Array; readonly aad: Uint8Array },
  parts: BoxParts,
): Promise<Uint8Array> {
  try {
    return await suite.decrypt(secretKey, terms, parts)
  } catch (cause) {
    throw new ConstelliteError({ ...TAMPERED, cause })
  }
}

async function unpack(content: Uint8Array): Promise<Uint8Array> {
  try {
    return await decompress(content, BOX_CONTENT_BYTES_MAX)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return orThrow(
      decoding<Uint8Array>('encrypted box', () => {
        throw error
      }),
    )
  }
}

function checkSize(what: string, key: Uint8Array, sizeBytes: number): void {
  if (key.byteLength === sizeBytes) return
  throw new ConstelliteError({
    code: 'ErrKey',
    message: `A ${what} has ${sizeBytes} bytes, not ${key.byteLength}.`,
    hint: 'Keys are raw bytes; decode hex or base64 first.',
    facts: { sizeBytes: key.byteLength },
  })
}

const NO_SECRET_KEY: FailureInit = {
  code: 'ErrKey',
  message: 'This box has no secret key: it only encrypts.',
  hint: 'Decrypt where the secret key is kept.',
}

const ANOTHER_KEY: FailureInit = {
  code: 'ErrKey',
  message: 'The box is for another key.',
  hint: 'Decrypt it with the secret key of the public key that it was encrypted for.',
}

const TAMPERED: FailureInit = {
  code: 'ErrDecrypt',
  message: 'The box was changed, or the associated data or the secret key are others.',
  hint: 'Ask for it again; if that does not help, for a new box.',
}

const TOO_LARGE: FailureInit = {
  code: 'ErrTooLarge',
  message: `A box holds at most ${BOX_CONTENT_BYTES_MAX} bytes.`,
  hint: 'Encrypt it in parts.',
  facts: { sizeBytesMax: BOX_CONTENT_BYTES_MAX },
}

function wrongPurpose(purpose: string): FailureInit {
  return {
    code: 'ErrPurpose',
    message: `The box was not encrypted for ${JSON.stringify(purpose)}.`,
    hint: 'Open it with the purpose that it was made for; what it holds is something else.',
    facts: { purpose },
  }
}
