/** Encryptor: records at rest under one secret, each bound to its owner, its id and its revision.
 *
 *  | offset | size | field |
 *  |---|---|---|
 *  | 0 | 2 | magic `CX` |
 *  | 2 | 1 | version = 2 |
 *  | 3 | 8 | key id: H("constellite encryptor key v2"; key), its first 8 bytes |
 *  | 11 | 24 | nonce, random |
 *  | 35 | n + 16 | ciphertext and tag, XChaCha20-Poly1305 |
 *
 *  Associated data: "constellite encryptor v2" ‖ bytes 0 to 11 ‖ owner str16 ‖ record id str16 ‖ revision u64.
 *  Keeps: a ciphertext decrypts only as the record that it was; purposes have keys of their own; nonces are
 *  24 random bytes, so no counter is needed, and nobody passes one in.
 *  What it cannot show: that a record is the newest one; who keeps the revision elsewhere can. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { createReader, decoding } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { HeldBase } from '../flow/held.ts'
import {
  AEAD_NONCE_BYTES,
  AEAD_TAG_BYTES,
  decryptAead,
  deriveKey,
  encryptAead,
} from './encryptor-aead.ts'
import { hashOf } from './hash.ts'
import { wipe } from './secret.ts'

const MAGIC = new Uint8Array([0x43, 0x58])
const VERSION = 2
const KEY_ID_BYTES = 8
const HEAD_BYTES = 3 + KEY_ID_BYTES
export const ENVELOPE_BYTES: number = HEAD_BYTES + AEAD_NONCE_BYTES + AEAD_TAG_BYTES
const DOMAIN = new TextEncoder().encode('constellite encryptor v2')

export type EncryptorOptions = {
  readonly host: Host
  /** 32 secret bytes: random, or out of a passphrase (`constellite/passphrase`). */
  readonly seed: Uint8Array
  /** What is encrypted with it; each purpose has a key of its own. */
  readonly purpose: string
}

/** What a ciphertext is bound to. */
export type RecordName = {
  readonly owner: string
  readonly recordId: string
  readonly revision: bigint
}

export class Encryptor extends HeldBase {
  readonly #host: Host
  readonly #key: Uint8Array
  readonly #head: Uint8Array
  #isDisposed = false

  constructor({ host, seed, purpose }: EncryptorOptions) {
    super()
    this.#host = host
    this.#key = deriveKey({ seed, salt: 'constellite encryptor v2', info: purpose })
    const keyId = hashOf('constellite encryptor key v2', this.#key).subarray(0, KEY_ID_BYTES)
    this.#head = concatBytes(MAGIC, new Uint8Array([VERSION]), keyId)
  }

  /** Names the key without telling it. */
  get keyId(): Uint8Array {
    return this.#head.slice(HEAD_BYTES - KEY_ID_BYTES)
  }

  encrypt(record: RecordName, plaintext: Uint8Array): Uint8Array {
    this.#assertUsable()
    const nonce = this.#host.random(AEAD_NONCE_BYTES)
    const aad = bindingOf(this.#head, record)
    return concatBytes(this.#head, nonce, encryptAead({ key: this.#key, nonce, aad }, plaintext))
  }

  decrypt(record: RecordName, envelope: Uint8Array): Uint8Array {
    this.#assertUsable()
    const { keyId, nonce, ciphertext } = orThrow(readEnvelope(envelope))
    if (!equalBytes(keyId, this.keyId)) throw anotherKey(keyId)
    const aad = bindingOf(this.#head, record)
    return decryptAead({ key: this.#key, nonce, aad }, ciphertext)
  }

  /** Wipes the key. */
  override dispose(): void {
    this.#isDisposed = true
    wipe(this.#key)
  }

  #assertUsable(): void {
    if (!this.#isDisposed) return
    throw new ConstelliteError({
      code: 'ErrClosed',
      message: 'The encryptor was disposed.',
      hint: 'Its key is wiped; make another one from the seed.',
    })
  }
}

function readEnvelope(envelope: Uint8Array) {
  return decoding('encrypted record', () => {
    const reader = createReader(envelope)
    reader.expect(MAGIC, 'the magic')
    reader.expect(new Uint8Array([VERSION]), 'the version')
    const keyId = reader.bytes(KEY_ID_BYTES)
    const nonce = reader.view(AEAD_NONCE_BYTES)
    const ciphertext = reader.view(Math.max(reader.remaining, AEAD_TAG_BYTES))
    return { keyId, nonce, ciphertext }
  })
}

function bindingOf(head: Uint8Array, { owner, recordId, revision }: RecordName): Uint8Array {
  const writer = createWriter(DOMAIN.byteLength + 128)
  return writer.bytes(DOMAIN).bytes(head).str16(owner).str16(recordId).u64(revision).finish()
}

function anotherKey(keyId: Uint8Array): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrKey',
    message: 'The record was encrypted with another key.',
    hint: 'Decrypt it with the seed and the purpose that it was encrypted with.',
    facts: { keyId },
  })
}
