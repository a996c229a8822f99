/** The WASM kernel does in Node what the plain one does: every case of test/support/kernel-cases.ts.
 *  `KERNEL_SEED` repeats a run. */

import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { loadKernelNode } from '../../src/crypto/kernel-load-node.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import { runKernelCase } from '../support/kernel-case.ts'
import { kernelCases } from '../support/kernel-cases.ts'

const seed = Number(process.env['KERNEL_SEED'] ?? randomInt(2 ** 32))

describe('the WASM kernel in Node', async () => {
  const kernel = await loadKernelNode((sizeBytes) => new Uint8Array(randomBytes(sizeBytes)))
  const plain = createPlainKernel('a test')

  it('is WASM and says so', () => {
    expect(kernel.kind).toBe('wasm')
    expect(kernel.reason).toBeUndefined()
    expect(plain.kind).toBe('plain')
    expect(plain.reason).toBe('a test')
  })

  it.each(kernelCases())('$name', (one) => runKernelCase(one, { kernel, plain }, seed), 60_000)
})
