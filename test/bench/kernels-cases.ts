/** What `bench kernels` measures, on any platform: ours and a peer in turns, through the public wrapper and
 *  so copies included, but for the case that says "in place".
 *  Keeps: both sides do the whole work from bytes in JavaScript to an answer in JavaScript. */

import { createBLAKE3, createCRC32, type IHasher } from 'hash-wasm'
import sodium from 'libsodium-wrappers'
import { attachKernel } from '../../src/crypto/kernel-instance.ts'
import type { Kernel, SignedMessage } from '../../src/crypto/kernel-interface.ts'
import { plainDelta } from '../../src/crypto/kernel-plain-delta.ts'
import { encodeRuns } from '../../src/crypto/kernel-plain-runs.ts'
import type { Pair } from './pairs.ts'

const REPETITIONS = 7
/** Shorter than what a scheduler gives a process, so that on a busy machine some are undisturbed. */
const WINDOW_MS = 1
const WINDOWS = 40
const MESSAGE_BYTES = 128
const CASTAGNOLI = 0x82f63b78

type Work = () => unknown

type Parts = {
  readonly case: string
  readonly note: string
  /** The ratio that issue 4 asks for, where it asks. */
  readonly goal?: number
  /** Units of work that one call does. */
  readonly perCall?: number
  readonly peerPerCall?: number
  readonly ours: Work
  readonly peer: Work
}

export type KernelPair = Pair & { readonly goal: number | undefined }

/** Milliseconds, from anywhere. */
type Clock = () => number

export async function kernelPairs(
  kernel: Kernel,
  module: WebAssembly.Module,
  now: Clock,
): Promise<KernelPair[]> {
  await sodium.ready
  const parts = [
    ...hashCases(kernel, await createBLAKE3()),
    ...checksumCases(kernel, await createCRC32(CASTAGNOLI)),
    ...signatureCases(kernel),
    ...batchCases(kernel),
    ...deltaCases(kernel, module),
  ]
  return parts.map((part) => ({
    case: part.case,
    unit: 'µs',
    note: part.goal === undefined ? part.note : `${part.note}; goal ${part.goal} ×`,
    goal: part.goal,
    repetitions: REPETITIONS,
    ours: async () => costOf(now, part.ours, part.perCall ?? 1),
    peer: async () => costOf(now, part.peer, part.peerPerCall ?? 1),
  }))
}

function hashCases(kernel: Kernel, peer: IHasher): Parts[] {
  const sizes = [
    { size: 1024, goal: 1.2 },
    { size: 4096, goal: 1.5 },
    { size: 65536, goal: 1.5 },
    { size: 1 << 20, goal: 1.5 },
  ]
  const single = sizes.map(({ size, goal }) => {
    const bytes = noise(size, size)
    return {
      case: `BLAKE3 of ${size} bytes`,
      note: 'peer hash-wasm',
      goal,
      ours: () => kernel.blake3(bytes),
      peer: () => peer.init().update(bytes).digest('binary'),
    }
  })
  const batches = [1024, 4096, 8192].map((size) => {
    const pages = Array.from({ length: 64 }, (_, index) => noise(size, index))
    return {
      case: `BLAKE3 of 64 pages of ${size} bytes, one page`,
      note: 'peer hash-wasm, page by page',
      goal: 1.6,
      perCall: pages.length,
      peerPerCall: pages.length,
      ours: () => kernel.blake3Pages('bench', pages),
      peer: () => {
        for (const page of pages) peer.init().update(page).digest('binary')
      },
    }
  })
  return [...single, ...batches]
}

function checksumCases(kernel: Kernel, peer: IHasher): Parts[] {
  return [4096, 65536].map((size) => {
    const bytes = noise(size, size)
    return {
      case: `CRC-32C of ${size} bytes`,
      note: 'peer hash-wasm',
      goal: 1.5,
      ours: () => kernel.crc32c(bytes),
      peer: () => peer.init().update(bytes).digest('binary'),
    }
  })
}

function signatureCases(kernel: Kernel): Parts[] {
  const { ed25519 } = kernel
  const seed = noise(32, 1)
  const message = noise(MESSAGE_BYTES, 2)
  const publicKey = ed25519.publicKey(seed)
  const signature = ed25519.sign(message, seed)
  const pair = sodium.crypto_sign_seed_keypair(seed)
  // As many keys as never get a table, so that each is a stranger's.
  const strangers = signedMessages(kernel, 64, 64)
  let next = 0
  return [
    {
      case: 'Ed25519 sign',
      note: 'peer libsodium WASM',
      goal: 1.2,
      ours: () => ed25519.sign(message, seed),
      peer: () => sodium.crypto_sign_detached(message, pair.privateKey),
    },
    {
      case: 'Ed25519 verify, known key',
      note: 'peer libsodium WASM',
      goal: 2.8,
      ours: () => assertTrue(ed25519.verify(signature, message, publicKey)),
      peer: () => assertTrue(sodium.crypto_sign_verify_detached(signature, message, publicKey)),
    },
    {
      case: 'Ed25519 verify, unknown key',
      note: 'peer libsodium WASM',
      ours: () => {
        const item = strangers[next++ % strangers.length] as SignedMessage
        assertTrue(ed25519.verify(item.signature, item.message, item.publicKey))
      },
      peer: () => assertTrue(sodium.crypto_sign_verify_detached(signature, message, publicKey)),
    },
  ]
}

function batchCases(kernel: Kernel): Parts[] {
  const cases = [
    { count: 64, keys: 64, goal: 2.6 },
    { count: 64, keys: 1, goal: undefined },
    { count: 1024, keys: 1024, goal: undefined },
    { count: 1024, keys: 1, goal: 7.5 },
  ]
  return cases.map(({ count, keys, goal }) => {
    const items = signedMessages(kernel, count, keys)
    const { signature, message, publicKey } = items[0] as SignedMessage
    return {
      case: `Ed25519 batch of ${count}, ${keys === 1 ? 'one signer' : 'distinct keys'}, one signature`,
      note: 'peer libsodium WASM, one by one',
      ...(goal === undefined ? {} : { goal }),
      perCall: count,
      // About as long as the batch takes, so that a busy machine disturbs both alike.
      peerPerCall: count / 8,
      ours: () => assertTrue(kernel.ed25519.verifyBatch(items).ok),
      peer: () => {
        for (let time = 0; time < count / 8; time++) {
          assertTrue(sodium.crypto_sign_verify_detached(signature, message, publicKey))
        }
      },
    }
  })
}

function deltaCases(kernel: Kernel, module: WebAssembly.Module): Parts[] {
  const size = 4096
  const before = noise(size, 1)
  const after = before.slice()
  // Three runs, 148 bytes in all: what an UPDATE of one row does to a leaf.
  for (const [at, length] of [
    [24, 4],
    [1000, 44],
    [3000, 100],
  ] as const) {
    for (let index = 0; index < length; index++) after[at + index] = ~(after[at + index] as number)
  }
  const target = new Uint8Array(size)
  const plain = (): Uint8Array => target.slice(0, encodeRuns(before, after, target))
  const { run, pages } = inPlace(module, before, after)
  // Little enough that nobody tries LZ4, so both sides do the same.
  const short = before.slice()
  for (const at of [24, 25, 26, 2000]) short[at] = ~(short[at] as number)
  return [
    {
      case: 'delta of a 4 KiB page, few bytes changed, copies included',
      note: 'peer plain JavaScript, by words of four bytes',
      goal: 2,
      ours: () => kernel.delta.encode(before, short),
      peer: () => target.slice(0, encodeRuns(before, short, target)),
    },
    {
      case: 'delta of a 4 KiB page, three runs, LZ4 tried, copies included',
      note: 'peer plain JavaScript of the same rule',
      ours: () => kernel.delta.encode(before, after),
      peer: () => plainDelta.encode(before, after),
    },
    {
      case: 'delta of a 4 KiB page, three runs, in place',
      note: 'peer plain JavaScript, by words of four bytes',
      goal: 6,
      perCall: 16,
      ours: () => {
        for (let time = 0; time < 16; time++) {
          run.delta_runs(pages, pages + size, size, pages + 2 * size)
        }
      },
      peer: plain,
    },
  ]
}

/** The kernel inside a memory that another module would own, with two pages lying there. */
function inPlace(
  module: WebAssembly.Module,
  before: Uint8Array,
  after: Uint8Array,
): { run: ReturnType<typeof attachKernel>['run']; pages: number } {
  const memory = new WebAssembly.Memory({ initial: 32 })
  const { run } = attachKernel(module, { memory, allocate: () => 1 << 18 })
  const pages = 1 << 20
  const heap = new Uint8Array(memory.buffer)
  heap.set(before, pages)
  heap.set(after, pages + before.byteLength)
  return { run, pages }
}

function signedMessages(kernel: Kernel, count: number, keys: number): SignedMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = noise(32, 1000 + (index % keys))
    const message = noise(MESSAGE_BYTES, index)
    const publicKey = kernel.ed25519.publicKey(seed)
    return { signature: kernel.ed25519.sign(message, seed), message, publicKey }
  })
}

/** Microseconds for one unit of work: the best of a few windows, so that what else runs on the machine
 *  counts as little as can be. */
function costOf(now: Clock, work: Work, perCall: number): number {
  work()
  let calls = 1
  let best = Number.POSITIVE_INFINITY
  for (let window = 0; window < WINDOWS; ) {
    const begin = now()
    for (let call = 0; call < calls; call++) work()
    const elapsed = now() - begin
    if (elapsed < WINDOW_MS / 2) {
      // Too short to be measured: a clock tick would count.
      calls *= 2
      continue
    }
    best = Math.min(best, elapsed / calls)
    window += 1
  }
  return (best * 1000) / perCall
}

/** The same bytes in every run: xorshift32. */
export function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = Math.imul(seed + 1, 2654435761) | 1
  for (let index = 0; index < sizeBytes; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state
  }
  return bytes
}

function assertTrue(isValid: boolean): void {
  if (!isValid) throw new Error('bench kernels: a good signature was refused')
}
