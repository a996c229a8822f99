/** Proves in workerd that both signers pass the suite of signers, that the kernel is WASM and does what the
 *  plain one does, that published vectors hold, and that passphrases are refused with the reason. */

import { describe, expect, inject, test } from 'vitest'
import { seedOfPassphrase } from '../../../src/crypto/encryptor-passphrase.ts'
import { loadKernel } from '../../../src/crypto/kernel-load-workerd.ts'
import { createPlainKernel } from '../../../src/crypto/kernel-plain.ts'
import { useKernel } from '../../../src/crypto/kernel-slot.ts'
import { signerFromSeed } from '../../../src/crypto/signer-kernel.ts'
import {
  createWebCryptoKey,
  hasWebCryptoEd25519,
  importWebCryptoSeed,
  randomSeed,
  signerFromWebCryptoKey,
} from '../../../src/crypto/signer-webcrypto.ts'
import { type SignerContext, signerCases } from '../../../src/testing/signer-suite.ts'
import { runKernelCase } from '../../support/kernel-case.ts'
import { kernelCases } from '../../support/kernel-cases.ts'
import {
  checkBlake3,
  checkRfc8032,
  checkWycheproof,
  checkZip215,
} from '../../support/kernel-vectors.ts'

const SIGNERS: Readonly<Record<string, SignerContext>> = {
  WebCrypto: {
    create: async () => signerFromWebCryptoKey(await createWebCryptoKey()),
    fromSeed: async (seed) => signerFromWebCryptoKey(await importWebCryptoSeed(seed)),
  },
  'the kernel': {
    create: async () => signerFromSeed(randomSeed()),
    fromSeed: async (seed) => signerFromSeed(seed),
  },
}

test('workerd has Ed25519, and its kernel is WASM, one for all who ask', async () => {
  const kernel = await loadKernel()
  expect([await hasWebCryptoEd25519(), kernel.kind]).toEqual([true, 'wasm'])
  expect(await loadKernel()).toBe(kernel)
  useKernel(kernel)
})

for (const [name, context] of Object.entries(SIGNERS)) {
  describe(`signing with ${name}`, () => {
    for (const { name: proves, run } of signerCases()) test(proves, () => run(context))
  })
}

describe('the kernel', () => {
  const seed = 20_261_120

  for (const one of kernelCases()) {
    test(one.name, async () => {
      runKernelCase(one, { kernel: await loadKernel(), plain: createPlainKernel('a test') }, seed)
    })
  }

  test('signs and verifies as RFC 8032 says', async () => {
    expect(checkRfc8032(await loadKernel())).toEqual({ count: 4, wrong: [] })
  })

  test('has the official BLAKE3 hashes, and decides ZIP-215 and Wycheproof as expected', async (context) => {
    const vectors = inject('publishedVectors')
    if (vectors === null) return context.skip('the published vectors are not in the repository')
    const kernel = await loadKernel()
    expect(checkBlake3(kernel, vectors.blake3)).toEqual({ count: 35, wrong: [] })
    expect(checkZip215(kernel, vectors.zip215)).toEqual({ count: 196, wrong: [] })
    const { count, wrong } = checkWycheproof(kernel, vectors.wycheproof)
    expect([wrong, count > 140]).toEqual([[], true])
  })
})

test('a passphrase is refused, because Argon2id would have to be compiled', async () => {
  const salt = new TextEncoder().encode('somesalt')
  await expect(seedOfPassphrase({ passphrase: 'password', salt })).rejects.toMatchObject({
    code: 'ErrNotConfigured',
    hint: expect.stringContaining('secret'),
  })
})
