/** The box decrypts only with its key, for its purpose and unchanged, and says which of these failed; the
 *  library beneath it gives the published vector. */

import { readFileSync } from 'node:fs'
import { type AeadInterface, CipherSuite, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ConstelliteError, isFailure } from '../../src/base/failure.ts'
import { formatHex, parseHex } from '../../src/bytes/text.ts'
import {
  BOX_BYTES,
  createHpkeBox,
  createHpkeKeys,
  type HpkeKeys,
  hpkeKeysOf,
} from '../../src/crypto/hpke-box.ts'
import { compress, decompress } from '../../src/crypto/hpke-compress.ts'
import { createHpkeSuite } from '../../src/crypto/hpke-suite.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

type Vector = {
  readonly info: string
  readonly ikmE: string
  readonly skRm: string
  readonly pkRm: string
  readonly enc: string
  readonly shared_secret: string
  readonly encryptions: readonly {
    readonly aad: string
    readonly ct: string
    readonly pt: string
  }[]
  readonly exports: readonly {
    readonly exporter_context: string
    readonly exported_value: string
  }[]
}

const vector: Vector = JSON.parse(
  readFileSync(new URL('../vectors/hpke-xwing.json', import.meta.url), 'utf8'),
)
const utf8 = new TextEncoder()
const TEXT = utf8.encode('the quick brown fox '.repeat(50))

function bytes(hex: string): Uint8Array {
  const parsed = parseHex(hex)
  if (!parsed.ok) throw parsed.failure
  return parsed.value
}

async function failureOf(task: Promise<unknown>): Promise<ConstelliteError | undefined> {
  const error = await task.then(
    () => undefined,
    (it) => it,
  )
  if (error !== undefined && !isFailure(error)) throw error
  return error
}

describe('the published vector of draft-ietf-hpke-pq', () => {
  const kem = new XWing()

  test('X-Wing: the public key, the encapsulation and the secret on both sides', async () => {
    const { publicKey, privateKey } = await kem.generateKeyPairDerand(bytes(vector.skRm))
    expect(await createHpkeSuite().publicKeyOf(bytes(vector.skRm))).toEqual(bytes(vector.pkRm))
    const sent = await kem.encap({ recipientPublicKey: publicKey, ekm: bytes(vector.ikmE) })
    expect(formatHex(new Uint8Array(sent.enc))).toBe(vector.enc)
    expect(formatHex(new Uint8Array(sent.sharedSecret))).toBe(vector.shared_secret)
    const got = await kem.decap({ recipientKey: privateKey, enc: bytes(vector.enc) })
    expect(formatHex(new Uint8Array(got))).toBe(vector.shared_secret)
  })

  test('the key schedule: ciphertexts in their order and the exported secret', async () => {
    // The vector's AEAD is ChaCha20-Poly1305, which comes from noble here.
    const aead: AeadInterface = {
      id: 3,
      keySize: 32,
      nonceSize: 12,
      tagSize: 16,
      createEncryptionContext: (key) => ({
        seal: async (nonce, data, aad) =>
          cipher(key, nonce, aad).encrypt(viewOf(data)).slice().buffer,
        open: async (nonce, data, aad) =>
          cipher(key, nonce, aad).decrypt(viewOf(data)).slice().buffer,
      }),
    }
    const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead })
    const recipient = await suite.createRecipientContext({
      recipientKey: (await kem.generateKeyPairDerand(bytes(vector.skRm))).privateKey,
      enc: bytes(vector.enc),
      info: bytes(vector.info),
    })
    for (const { ct, aad, pt } of vector.encryptions) {
      expect(formatHex(new Uint8Array(await recipient.open(bytes(ct), bytes(aad))))).toBe(pt)
    }
    for (const { exporter_context, exported_value } of vector.exports) {
      const exported = await recipient.export(bytes(exporter_context), 32)
      expect(formatHex(new Uint8Array(exported))).toBe(exported_value)
    }
  })
})

describe('a box', () => {
  let keys: HpkeKeys
  let others: HpkeKeys
  beforeAll(async () => {
    keys = await createHpkeKeys(createManualHost({ seed: 1 }))
    others = await createHpkeKeys(createManualHost({ seed: 2 }))
  })
  const open = (more: object = {}) => createHpkeBox({ ...keys, purpose: 'effect', ...more })
  const onlyEncrypts = () => createHpkeBox({ publicKey: keys.publicKey, purpose: 'effect' })

  test('the holder of the public key encrypts, the holder of the secret key decrypts', async () => {
    const box = await onlyEncrypts().encrypt(TEXT, utf8.encode('for you'))
    expect(await open().decrypt(box, utf8.encode('for you'))).toEqual(TEXT)
    expect((await hpkeKeysOf(keys.secretKey)).publicKey).toEqual(keys.publicKey)
    expect(await onlyEncrypts().encrypt(TEXT)).not.toEqual(await onlyEncrypts().encrypt(TEXT))
  })

  test('it is compressed before it is encrypted, but only where that makes it smaller', async () => {
    const packed = await open().encrypt(TEXT)
    expect(packed.byteLength).toBe(BOX_BYTES + (await compress(TEXT)).byteLength)
    const plain = await open({ compress: false }).encrypt(TEXT)
    expect(plain.byteLength).toBe(BOX_BYTES + TEXT.byteLength)
    expect(await open().decrypt(plain)).toEqual(TEXT)
    const random = createManualHost().random(500)
    const box = await open().encrypt(random)
    expect(box.byteLength).toBe(BOX_BYTES + 500)
    expect(await open().decrypt(box)).toEqual(random)
    expect(await open().decrypt(await open().encrypt(new Uint8Array()))).toEqual(new Uint8Array())
  })

  test('without a secret key, with another one, and for another purpose: each its own failure', async () => {
    const box = await open().encrypt(TEXT)
    const none = await failureOf(onlyEncrypts().decrypt(box))
    expect([none?.code, none?.message]).toEqual(['ErrKey', expect.stringMatching(/no secret key/)])
    const other = await failureOf(open(others).decrypt(box))
    expect([other?.code, other?.message]).toEqual(['ErrKey', expect.stringMatching(/another key/)])
    const purpose = await failureOf(open({ purpose: 'tip-recovery' }).decrypt(box))
    expect(purpose?.code).toBe('ErrPurpose')
    const mismatched = open({ secretKey: others.secretKey })
    expect((await failureOf(mismatched.decrypt(box)))?.code).toBe('ErrDecrypt')
  })

  test('a purpose that is forged in the head does not open: it is bound by the key schedule too', async () => {
    const box = await open().encrypt(TEXT)
    const forged = box.slice()
    forged.set((await open({ purpose: 'tip-recovery' }).encrypt(TEXT)).subarray(12, 20), 12)
    const failure = await failureOf(open({ purpose: 'tip-recovery' }).decrypt(forged))
    expect(failure?.code).toBe('ErrDecrypt')
  })

  test('every changed byte, other associated data and a cut are found', async () => {
    const box = await open().encrypt(utf8.encode('short'))
    // Every byte of the head and the ciphertext; of the long encapsulation every 97th.
    for (let at = 0; at < box.byteLength; at += at < 20 || at >= 1140 ? 1 : 97) {
      const bad = box.slice()
      bad[at] = (bad[at] as number) ^ 0x80
      const code = (await failureOf(open().decrypt(bad)))?.code
      const expected =
        at < 4 ? 'ErrDecode' : at < 12 ? 'ErrKey' : at < 20 ? 'ErrPurpose' : 'ErrDecrypt'
      expect([at, code]).toEqual([at, expected])
    }
    expect((await failureOf(open().decrypt(box, utf8.encode('x'))))?.code).toBe('ErrDecrypt')
    for (const size of [0, 19, 1139, BOX_BYTES - 1]) {
      expect((await failureOf(open().decrypt(box.subarray(0, size))))?.code).toBe('ErrDecode')
    }
    // The flag of compression is bound as well.
    const flag = box.slice()
    flag[3] = 1
    expect((await failureOf(open().decrypt(flag)))?.code).toBe('ErrDecrypt')
  })

  test('keys of a wrong size are refused when the box is made', () => {
    expect(() => open({ publicKey: new Uint8Array(32) })).toThrow(/public key has 1216/)
    expect(() => open({ secretKey: new Uint8Array(31) })).toThrow(/secret key has 32/)
  })
})

describe('unpacking', () => {
  test('it stops at its bound, and malformed bytes are a decode failure', async () => {
    const bomb = await compress(new Uint8Array(1_000_000))
    expect(bomb.byteLength).toBeLessThan(2000)
    await expect(decompress(bomb, 999_999)).rejects.toThrow(/more than 999999/)
    expect((await decompress(bomb, 1_000_000)).byteLength).toBe(1_000_000)
    const garbage = new Uint8Array([0, 0, 0, 9, 255, 255, 255])
    await expect(decompress(garbage, 100)).rejects.toThrow(/malformed/)
  })

  test('what was cut short, and what holds more or less than it says, is refused everywhere', async () => {
    const plain = new Uint8Array(1000).fill(7)
    const packed = await compress(plain)
    for (let size = 0; size < packed.byteLength; size++) {
      const answer = await decompress(packed.subarray(0, size), 1000).catch((error) => error)
      // Deno does not miss the mark of the end where all bytes before it are there.
      if (answer instanceof Uint8Array) expect(answer).toEqual(plain)
      else expect(answer, `${size} bytes`).toMatchObject({ name: 'DecodeError' })
    }
    for (const size of [999, 1001]) {
      const lying = packed.slice()
      new DataView(lying.buffer).setUint32(0, size)
      await expect(decompress(lying, 2000), `says ${size}`).rejects.toThrow(/malformed/)
    }
  })
})

function viewOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(data)) return new Uint8Array(data)
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function cipher(
  key: ArrayBufferLike | ArrayBufferView,
  nonce: ArrayBufferLike | ArrayBufferView,
  aad: ArrayBufferLike | ArrayBufferView,
) {
  return chacha20poly1305(viewOf(key), viewOf(nonce), viewOf(aad))
}
