/** The page of `bench kernels`: the same pairs as in Node, one repetition of one side at a time. */

import { createKernel } from '../../../src/crypto/kernel.ts'
import { kernelPairs } from '../kernels-cases.ts'

async function start(): Promise<object> {
  const module = await WebAssembly.compileStreaming(fetch('./kernel.wasm'))
  const random = (sizeBytes: number): Uint8Array =>
    crypto.getRandomValues(new Uint8Array(sizeBytes))
  const pairs = await kernelPairs(createKernel(module, random), module, () => performance.now())
  return {
    pairs: pairs.map(({ ours: _ours, peer: _peer, ...facts }) => facts),
    ours: (index: number) => pairs[index]?.ours(),
    peer: (index: number) => pairs[index]?.peer?.(),
  }
}

Object.assign(globalThis, { start })
