/** In a browser the WASM kernel does what the plain one does, and published vectors hold. */

import { describe, expect, it } from 'vitest'
import { commands } from 'vitest/browser'
import { loadKernel, loadKernelBrowser } from '../../src/crypto/kernel-load-browser.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import { runKernelCase } from '../support/kernel-case.ts'
import { kernelCases } from '../support/kernel-cases.ts'
import {
  checkBlake3,
  checkRfc8032,
  checkWycheproof,
  checkZip215,
} from '../support/kernel-vectors.ts'

const MISSING = 'no published vectors in ../shared/data/crypto'

const seed = crypto.getRandomValues(new Uint32Array(1))[0] as number

describe('the WASM kernel in a browser', () => {
  it('is WASM, one for all who ask', async () => {
    expect((await loadKernel()).kind).toBe('wasm')
    expect(await loadKernel()).toBe(await loadKernel())
  })

  it.each(kernelCases())(
    '$name',
    async (one) => {
      const plain = createPlainKernel('a test')
      runKernelCase(one, { kernel: await loadKernel(), plain }, seed)
    },
    120_000,
  )

  it('signs and verifies as RFC 8032 says', async () => {
    expect(checkRfc8032(await loadKernel())).toEqual({ count: 4, wrong: [] })
  })

  it('has the official BLAKE3 hashes, and decides ZIP-215 and Wycheproof as expected', async (context) => {
    const read = (name: string): Promise<string> =>
      commands.readFile(`../shared/data/crypto/${name}.json`).catch(() => context.skip(MISSING))

    const kernel = await loadKernel()
    const hashes = checkBlake3(kernel, JSON.parse(await read('blake3')))
    expect(hashes).toEqual({ count: 35, wrong: [] })
    const zip215 = checkZip215(kernel, JSON.parse(await read('ed25519-zip215')))
    expect(zip215).toEqual({ count: 196, wrong: [] })
    const wycheproof = checkWycheproof(kernel, JSON.parse(await read('wycheproof-ed25519')))
    expect(wycheproof.wrong).toEqual([])
  })

  it('says where it looked when there is no file, and refuses another file', async () => {
    const random = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes)
    const nowhere = new URL('./no-such-kernel.wasm', 'http://127.0.0.1:9/').href
    await expect(loadKernelBrowser(nowhere, random)).rejects.toMatchObject({
      code: 'ErrWorkerFailed',
      facts: { url: nowhere },
    })
    const other = URL.createObjectURL(new Blob([new Uint8Array(100)]))
    await expect(loadKernelBrowser(other, random)).rejects.toMatchObject({ code: 'ErrChecksum' })
  })
})
