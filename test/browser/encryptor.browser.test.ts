/** In a browser the encryptor, the box and the passphrase give what they give in Node, byte for byte. */

import { describe, expect, it } from 'vitest'
import { formatHex } from '../../src/bytes/text.ts'
import { Encryptor } from '../../src/crypto/encryptor.ts'
import { seedOfPassphrase } from '../../src/crypto/encryptor-passphrase.ts'
import { deriveKeyV1, encryptV1 } from '../../src/crypto/encryptor-v1.ts'
import { createHpkeBox, createHpkeKeys, hpkeKeysOf } from '../../src/crypto/hpke-box.ts'
import { createHost } from '../../src/platform/host-portable.ts'
import vector from '../vectors/hpke-xwing.json' with { type: 'json' }

const utf8 = new TextEncoder()
const SEED = Uint8Array.from({ length: 32 }, (_, at) => at)
const NONCE = Uint8Array.from({ length: 24 }, (_, at) => 0x40 + at)

describe('in a browser', () => {
  const host = createHost()

  it('the encryptor gives the known answer of the source and binds records', () => {
    const fixed = { ...host, random: () => NONCE }
    expect(
      formatHex(encryptV1(fixed, deriveKeyV1(SEED), utf8.encode('hello stash')).ciphertext),
    ).toBe('3056435dde9f79e1702851aa3def328c8f441bc088e1b26094f65d')
    const encryptor = new Encryptor({ host, seed: SEED, purpose: 'stash' })
    const record = { owner: 'alice', recordId: 'r1', revision: 7n }
    const envelope = encryptor.encrypt(record, utf8.encode('hello'))
    expect(encryptor.decrypt(record, envelope)).toEqual(utf8.encode('hello'))
    expect(() => encryptor.decrypt({ ...record, revision: 8n }, envelope)).toThrow()
  })

  it('the box has the published public key, compresses, and finds tampering', async () => {
    const secretKey = Uint8Array.from(vector.skRm.match(/../g) ?? [], (it) =>
      Number.parseInt(it, 16),
    )
    expect(formatHex((await hpkeKeysOf(secretKey)).publicKey)).toBe(vector.pkRm)
    const box = createHpkeBox({ ...(await createHpkeKeys(host)), purpose: 'effect' })
    const text = utf8.encode('the quick brown fox '.repeat(50))
    const encrypted = await box.encrypt(text)
    expect(encrypted.byteLength).toBeLessThan(text.byteLength + 500)
    expect(await box.decrypt(encrypted)).toEqual(text)
    encrypted[encrypted.length - 1] = (encrypted.at(-1) as number) ^ 1
    await expect(box.decrypt(encrypted)).rejects.toMatchObject({ code: 'ErrDecrypt' })
  })

  it('the passphrase gives the seed of the reference implementation', async () => {
    const salt = utf8.encode('somesalt')
    const seed = await seedOfPassphrase({ passphrase: 'password', salt, passes: 2, lanes: 1 })
    expect(formatHex(seed)).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7')
  })
})
