/** Every signer that runs in Node passes the suite of signers; PKCS#8 comes and goes unchanged. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import { pkcs8FromSeed, seedFromPkcs8 } from '../../src/crypto/pkcs8.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { createNodeKey, signerFromPem } from '../../src/crypto/signer-node.ts'
import {
  createWebCryptoKey,
  exportWebCryptoKey,
  hasWebCryptoEd25519,
  importWebCryptoKey,
  importWebCryptoSeed,
  randomSeed,
  signerFromWebCryptoKey,
} from '../../src/crypto/signer-webcrypto.ts'
import { createRandom } from '../../src/testing/random.ts'
import { type SignerContext, signerCases } from '../../src/testing/signer-suite.ts'

const seed = createRandom(7).bytes(32)

function pemOf(key: Uint8Array): string {
  const base64 = Buffer.from(pkcs8FromSeed(key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`
}

const SIGNERS: Readonly<Record<string, SignerContext>> = {
  noble: {
    create: async () => signerFromSeed(randomSeed()),
    fromSeed: async (key) => signerFromSeed(key),
  },
  webcrypto: {
    create: async () => signerFromWebCryptoKey(await createWebCryptoKey()),
    fromSeed: async (key) => signerFromWebCryptoKey(await importWebCryptoSeed(key)),
  },
  'node:crypto': {
    create: async () => orThrow(signerFromPem(createNodeKey())),
    fromSeed: async (key) => orThrow(signerFromPem(pemOf(key))),
  },
}

afterEach(() => vi.restoreAllMocks())

describe.each(Object.keys(SIGNERS))('the %s signer', (name) => {
  it.each(signerCases())('$name', async ({ run }) => {
    await run(SIGNERS[name] as SignerContext)
  })
})

describe('signers', () => {
  it('keep their own copy of a seed', async () => {
    const mine = seed.slice()
    const signer = signerFromSeed(mine)
    const before = await signer.sign(seed)
    mine.fill(0)
    expect(await signer.sign(seed)).toEqual(before)
  })

  it('of WebCrypto are not extractable unless asked', async () => {
    await expect(exportWebCryptoKey(await createWebCryptoKey())).rejects.toThrow()
    await expect(exportWebCryptoKey(await importWebCryptoSeed(seed))).rejects.toThrow()
    const open = await importWebCryptoKey(pkcs8FromSeed(seed), { extractable: true })
    expect(await exportWebCryptoKey(open)).toEqual(pkcs8FromSeed(seed))
    const made = await createWebCryptoKey({ extractable: true })
    const again = await importWebCryptoKey(await exportWebCryptoKey(made))
    expect(again.publicKey).toEqual(made.publicKey)
  })

  it('of WebCrypto say whether the platform has them', async () => {
    expect(await hasWebCryptoEd25519()).toBe(true)
  })

  it('of WebCrypto are drawn again where a platform fails with some keys, as WebKitGTK does', async () => {
    const generate = vi.spyOn(crypto.subtle, 'generateKey')
    const refuse = (name: string) => async (): Promise<never> => {
      throw new DOMException('The operation failed', name)
    }
    for (let n = 0; n < 3; n++) generate.mockImplementationOnce(refuse('OperationError'))
    expect((await createWebCryptoKey()).publicKey).toHaveLength(32)
    expect(generate).toHaveBeenCalledTimes(4)
    generate.mockClear().mockImplementation(refuse('OperationError'))
    await expect(createWebCryptoKey()).rejects.toThrow('The operation failed')
    expect(generate).toHaveBeenCalledTimes(8)
    generate.mockClear().mockImplementation(refuse('NotSupportedError'))
    expect(await hasWebCryptoEd25519()).toBe(false)
    expect(generate).toHaveBeenCalledTimes(1)
  })

  it.each([
    ['text', 'not a key'],
    ['a public key', '-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n'],
    ['an empty file', ''],
  ])('of node:crypto refuse %s', (_, pem) => {
    expect(signerFromPem(pem)).toMatchObject({ ok: false, failure: { code: 'ErrIdentity' } })
  })
})

describe('PKCS#8', () => {
  it('gives back the seed', () => {
    expect(seedFromPkcs8(pkcs8FromSeed(seed))).toEqual({ ok: true, value: seed })
  })

  it('refuses any change of its start, and any other length', () => {
    const pkcs8 = pkcs8FromSeed(seed)
    for (let at = 0; at < 16; at++) {
      const changed = pkcs8.slice()
      changed[at] = (changed[at] as number) ^ 1
      expect(seedFromPkcs8(changed).ok).toBe(false)
    }
    expect(seedFromPkcs8(pkcs8.subarray(1)).ok).toBe(false)
    expect(seedFromPkcs8(new Uint8Array(49)).ok).toBe(false)
  })
})
