/** The loader takes the recorded binary and no other; where it cannot run, the plain kernel says why; the
 *  binary is small, and runs inside a memory that belongs to somebody else. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { crc32c } from '../../src/crypto/crc32c.ts'
import { hashOf } from '../../src/crypto/hash.ts'
import { KERNEL_BYTES, KERNEL_ID, KERNEL_SHA256 } from '../../src/crypto/kernel-build.ts'
import { kernelFromBytes, kernelFromModule } from '../../src/crypto/kernel-check.ts'
import { attachKernel, createKernelInstance } from '../../src/crypto/kernel-instance.ts'
import { loadKernel } from '../../src/crypto/kernel-load-node.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import { currentKernel, useKernel } from '../../src/crypto/kernel-slot.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-kernel.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import { createRandom } from '../../src/testing/random.ts'
import { signerCases } from '../../src/testing/signer-suite.ts'

const binary = new Uint8Array(
  readFileSync(new URL('../../src/crypto/kernel.wasm', import.meta.url)),
)
const random = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(1)

afterEach(() => vi.restoreAllMocks())

describe('the binary', () => {
  it('is the recorded one, within 26 KB gzipped, named by its last section', () => {
    expect(binary.byteLength).toBe(KERNEL_BYTES)
    expect(createHash('sha256').update(binary).digest('hex')).toBe(KERNEL_SHA256)
    expect(gzipSync(binary, { level: 9 }).byteLength).toBeLessThanOrEqual(26 * 1024)
    const section = binary.subarray(-32)
    expect(Buffer.from(section).toString('hex')).toBe(KERNEL_ID)
    const linked = binary.subarray(0, -(2 + 1 + 'constellite.kernel'.length + 32))
    expect(createHash('sha256').update(linked).digest('hex')).toBe(KERNEL_ID)
  })

  it('runs inside a foreign memory, at any place, and keeps to its own part of it', () => {
    const module = new WebAssembly.Module(binary)
    const memory = new WebAssembly.Memory({ initial: 8 })
    const place = 70_004
    let allocated = 0
    const { run } = attachKernel(module, {
      memory,
      allocate: (sizeBytes) => {
        allocated = sizeBytes
        return place
      },
    })
    const heap = new Uint8Array(memory.buffer)
    heap.fill(7, 0, place)
    heap.fill(7, place + allocated)
    const page = createRandom(1).bytes(8192)
    const at = 300_000
    heap.set(page, at)
    heap.set(page, at + 8192)
    heap[at + 8192 + 100] = ~(heap[at + 8192 + 100] as number)
    run.blake3(0, 0, at, 8192, at + 20_000, 32)
    const hash = heap.slice(at + 20_000, at + 20_032)
    expect(hash).toEqual(createPlainKernel('a test').blake3(page))
    expect(run.delta_runs(at, at + 8192, 8192, at + 21_000)).toBe(3)
    expect(run.crc32c(at, 8192, 0) >>> 0).toBe(createPlainKernel('a test').crc32c(page))
    expect(heap.subarray(0, place).every((byte) => byte === 7)).toBe(true)
    expect(heap.subarray(place + allocated, at).every((byte) => byte === 7)).toBe(true)
  })

  it('hashes and compares pages where they lie in SQLite’s heap, also when that has grown', async () => {
    const { wasm } = await loadSqliteNode()
    // The package offers its memory too, which src/sqlite has no use for.
    const { memory } = wasm as unknown as { memory: WebAssembly.Memory }
    const allocate = (sizeBytes: number): number => wasm.exports.sqlite3_malloc(sizeBytes)
    const { run } = attachKernel(new WebAssembly.Module(binary), { memory, allocate })
    const at = allocate(4 * 8192)
    const page = createRandom(2).bytes(8192)
    const sizeBefore = memory.buffer.byteLength
    for (const [sizeBytes, changed] of [
      [8, 77],
      [64 << 20, 8000],
    ] as const) {
      const extra = allocate(sizeBytes)
      const heap = wasm.heap8u()
      heap.set(page, at)
      heap.set(page, at + 8192)
      heap[at + 8192 + changed] = ~(heap[at + 8192 + changed] as number)
      run.blake3(0, 0, at, 8192, at + 2 * 8192, 32)
      const hash = heap.slice(at + 2 * 8192, at + 2 * 8192 + 32)
      expect(hash).toEqual(createPlainKernel('a test').blake3(page))
      expect(run.delta_runs(at, at + 8192, 8192, at + 3 * 8192)).toBe(changed < 128 ? 3 : 4)
      wasm.exports.sqlite3_free(extra)
    }
    expect(memory.buffer.byteLength).toBeGreaterThan(sizeBefore)
  })

  it('gives room that is apart, aligned, and survives growing', () => {
    const instance = createKernelInstance(new WebAssembly.Module(binary))
    const first = instance.keep(5)
    const second = instance.keep(1 << 20)
    instance.bytes().set([1, 2, 3, 4, 5], first)
    const scratch = instance.scratch(3 << 20)
    expect([first % 16, second % 16, scratch % 16]).toEqual([0, 0, 0])
    expect(second).toBeGreaterThanOrEqual(first + 5)
    expect(scratch).toBeGreaterThanOrEqual(second + (1 << 20))
    expect(instance.bytes().byteLength).toBeGreaterThanOrEqual(scratch + (3 << 20))
    expect([...instance.bytes().subarray(first, first + 5)]).toEqual([1, 2, 3, 4, 5])
  })
})

describe('the loader', () => {
  it('answers one kernel to all who ask', async () => {
    expect(await loadKernel()).toBe(await loadKernel())
    expect((await loadKernel()).kind).toBe('wasm')
  })

  it.each([
    ['a flipped bit', binary.map((byte, index) => (index === 1000 ? byte ^ 1 : byte))],
    ['a byte more', Uint8Array.from([...binary, 0])],
    ['nothing', new Uint8Array(0)],
  ])('refuses a binary with %s', async (_name, bytes) => {
    await expect(kernelFromBytes(bytes, random)).rejects.toMatchObject({
      code: 'ErrChecksum',
      facts: { expected: KERNEL_SHA256 },
    })
  })

  it('refuses a compiled module that is not of this build', () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
    expect(() => kernelFromModule(empty, random)).toThrow(/not the one/)
    expect(kernelFromModule(new WebAssembly.Module(binary), random).kind).toBe('wasm')
  })

  it('falls back to the plain kernel where the engine cannot run it, and says why', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(
      new WebAssembly.CompileError('Wasm SIMD unsupported'),
    )
    const kernel = await kernelFromBytes(binary, random)
    expect(kernel.kind).toBe('plain')
    expect(kernel.reason).toBe('Wasm SIMD unsupported')
    expect(kernel.crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
  })
})

describe('where nothing may be compiled', () => {
  it('refuses, and says what the policy of the page lacks', async () => {
    const refusal = new WebAssembly.CompileError('WebAssembly.compile(): as a policy wants it')
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(refusal)
    vi.spyOn(WebAssembly, 'Module').mockImplementation(function refuse() {
      throw refusal
    })
    await expect(kernelFromBytes(binary, random)).rejects.toMatchObject({
      code: 'ErrWorkerFailed',
      message: expect.stringContaining('Content Security Policy'),
      hint: expect.stringContaining("script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'"),
      retry: 'never',
      cause: refusal,
    })
  })

  it('says so where there is no WebAssembly at all', async () => {
    vi.stubGlobal('WebAssembly', undefined)
    try {
      await expect(kernelFromBytes(binary, random)).rejects.toMatchObject({
        code: 'ErrWorkerFailed',
        message: expect.stringContaining('no WebAssembly'),
      })
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('a batch', () => {
  it('asks for sixteen new random bytes an item, after the items lie still', async () => {
    const asked: number[] = []
    const kernel = await kernelFromBytes(binary, (sizeBytes) => {
      asked.push(sizeBytes)
      return random(sizeBytes)
    })
    const seed = new Uint8Array(32).fill(9)
    const publicKey = kernel.ed25519.publicKey(seed)
    const items = Array.from({ length: 20 }, (_, index) => {
      const message = Uint8Array.of(index)
      return { message, publicKey, signature: kernel.ed25519.sign(message, seed) }
    })
    expect(kernel.ed25519.verifyBatch(items).ok).toBe(true)
    expect(asked).toEqual([320])
    items[3] = { ...items[3]!, message: Uint8Array.of(99) }
    expect(kernel.ed25519.verifyBatch(items).bad).toEqual([3])
    // The whole again, its half with the bad one, that half's half, and its good sibling.
    expect(asked.slice(1).reduce((sum, size) => sum + size, 0)).toBeGreaterThan(320)
  })
})

describe('seeds', () => {
  it('are nowhere in the kernel after signing', async () => {
    const memories: WebAssembly.Memory[] = []
    const Memory = WebAssembly.Memory
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function make(descriptor) {
      const memory = new Memory(descriptor)
      memories.push(memory)
      return memory
    })
    const kernel = await kernelFromBytes(binary, random)
    const seed = createRandom(77).bytes(32)
    const expanded = createHash('sha512').update(seed).digest()
    kernel.ed25519.publicKey(seed)
    kernel.ed25519.sign(Uint8Array.of(1, 2, 3), seed)
    expect(memories.length).toBe(1)
    const memory = Buffer.from(memories[0]!.buffer)
    expect(memory.indexOf(seed)).toBe(-1)
    expect(memory.indexOf(expanded.subarray(32))).toBe(-1)
    // The scalar is clamped in its first and last byte.
    expect(memory.indexOf(expanded.subarray(1, 31))).toBe(-1)
  })
})

describe('the slot', () => {
  it('holds the plain kernel until one is put in, and gives the same hashes with both', async () => {
    const [crc, hash] = [crc32c(Uint8Array.of(1, 2)), hashOf('a context', Uint8Array.of(3))]
    expect(currentKernel().kind).toBe('plain')
    useKernel(await loadKernel())
    expect(currentKernel().kind).toBe('wasm')
    expect(crc32c(Uint8Array.of(1, 2))).toBe(crc)
    expect(hashOf('a context', Uint8Array.of(3))).toEqual(hash)
  })
})

describe("the kernel's signer", () => {
  it.each(signerCases())('$name', async ({ run }) => {
    useKernel(await loadKernel())
    const fromSeed = async (seed: Uint8Array): Promise<Signer> => signerFromSeed(seed)
    const random = createRandom(5)
    await run({ create: () => fromSeed(random.bytes(32)), fromSeed })
  })
})
