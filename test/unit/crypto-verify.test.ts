/** The verifier follows ZIP-215 on crafted signatures and Wycheproof's expectations on ordinary ones;
 *  weak keys are known; secrets are compared whole. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import { parseHex } from '../../src/bytes/text.ts'
import { wipe } from '../../src/crypto/secret.ts'
import { publicKeyFromSeed, signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { isWeakPublicKey, verify } from '../../src/crypto/verify.ts'
import { createRandom } from '../../src/testing/random.ts'

const DATA =
  process.env.CONSTELLITE_TEST_DATA ??
  fileURLToPath(new URL('../../../shared/data', import.meta.url))
const ZIP215 = `${DATA}/crypto/ed25519-zip215.json`
const WYCHEPROOF = `${DATA}/crypto/wycheproof-ed25519.json`
const MISSING = 'no published vectors: set CONSTELLITE_TEST_DATA to the folder that has crypto/'

/** The one case where RFC 8032 and ZIP-215 part: R is the identity with a sign, a second encoding of it,
 *  which ZIP-215 takes (its "encodings are not required to be canonical"). */
const LENIENT_BY_RULE = 151

const bytes = (text: string): Uint8Array => orThrow(parseHex(text))

type Zip215Vector = { vk_bytes: string; sig_bytes: string; valid_zip215: boolean }
type WycheproofFile = {
  testGroups: {
    publicKey: { pk: string }
    tests: { tcId: number; msg: string; sig: string; result: string; flags: string[] }[]
  }[]
}

describe('ZIP-215 vectors', () => {
  it('are decided as the rule says, each under a small-order key, each key weak', (context) => {
    if (!existsSync(ZIP215)) context.skip(MISSING)
    const vectors: Zip215Vector[] = JSON.parse(readFileSync(ZIP215, 'utf8'))
    expect(vectors.length).toBe(196)
    const message = new TextEncoder().encode('Zcash')
    for (const vector of vectors) {
      const key = bytes(vector.vk_bytes)
      expect(verify(bytes(vector.sig_bytes), message, key)).toBe(vector.valid_zip215)
      expect(isWeakPublicKey(key)).toBe(true)
    }
  })
})

describe('Wycheproof vectors', () => {
  it('are decided as expected, but for the encoding that ZIP-215 takes', (context) => {
    if (!existsSync(WYCHEPROOF)) context.skip(MISSING)
    const file: WycheproofFile = JSON.parse(readFileSync(WYCHEPROOF, 'utf8'))
    const wrong: string[] = []
    let count = 0
    for (const { publicKey, tests } of file.testGroups) {
      for (const { tcId, msg, sig, result, flags } of tests) {
        count += 1
        const isValid = verify(bytes(sig), bytes(msg), bytes(publicKey.pk))
        const isExpected = result === 'valid' || tcId === LENIENT_BY_RULE
        if (isValid !== isExpected) wrong.push(`${tcId} ${result} ${flags.join()}`)
      }
    }
    expect(count).toBe(151)
    expect(wrong).toEqual([])
  })
})

describe('verify', () => {
  const random = createRandom(11)
  const signer = signerFromSeed(random.bytes(32))
  const message = random.bytes(100)

  it('refuses any flipped bit of signature, message and key', async () => {
    const signature = await signer.sign(message)
    expect(verify(signature, message, signer.publicKey)).toBe(true)
    const flip = (source: Uint8Array, at: number): Uint8Array =>
      source.map((byte, index) => (index === at ? byte ^ (1 << (at & 7)) : byte))
    for (let at = 0; at < 64; at++) {
      expect(verify(flip(signature, at), message, signer.publicKey)).toBe(false)
    }
    for (let at = 0; at < 100; at += 7) {
      expect(verify(signature, flip(message, at), signer.publicKey)).toBe(false)
    }
    for (let at = 0; at < 32; at++) {
      expect(verify(signature, message, flip(signer.publicKey, at))).toBe(false)
    }
  })

  it('answers false, and does not throw, for other lengths', async () => {
    const signature = await signer.sign(message)
    expect(verify(signature.subarray(1), message, signer.publicKey)).toBe(false)
    expect(verify(signature, message, signer.publicKey.subarray(1))).toBe(false)
    expect(verify(new Uint8Array(0), message, new Uint8Array(0))).toBe(false)
  })

  it('refuses a scalar that is not below the group order', async () => {
    const signature = await signer.sign(message)
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    let scalar = 0n
    for (let at = 63; at >= 32; at--) scalar = (scalar << 8n) | BigInt(signature[at] as number)
    scalar += order
    const malleable = signature.slice()
    for (let at = 32; at < 64; at++, scalar >>= 8n) malleable[at] = Number(scalar & 255n)
    expect(verify(malleable, message, signer.publicKey)).toBe(false)
  })
})

describe('isWeakPublicKey', () => {
  const identity = new Uint8Array(32)
  identity[0] = 1

  it('accepts ordinary keys', () => {
    const random = createRandom(3)
    for (let turn = 0; turn < 20; turn++) {
      expect(isWeakPublicKey(publicKeyFromSeed(random.bytes(32)))).toBe(false)
    }
  })

  it.each([
    ['the identity', identity],
    ['zeros, a point of order 4', new Uint8Array(32)],
    ['a y that is not below the prime', new Uint8Array(32).fill(0xff)],
    ['a y that is on no point', new Uint8Array(32).fill(2)],
    ['another length', new Uint8Array(31)],
    // x = 0 with the sign bit set: a second encoding of the identity.
    ['the identity with a sign', identity.map((byte, at) => (at === 31 ? 0x80 : byte))],
  ])('refuses %s', (_, key) => {
    expect(isWeakPublicKey(key)).toBe(true)
  })
})

describe('secrets', () => {
  it('are gone after wipe', () => {
    const secret = Uint8Array.of(1, 2, 3)
    wipe(secret)
    expect(secret).toEqual(new Uint8Array(3))
  })
})
