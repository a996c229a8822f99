/** What every kernel must do, beside the plain one, on random input: one list of cases for Node, Chromium
 *  and every other runtime.  Keeps: no file, no clock; each case reruns from the seed that it prints. */

import type { Kernel, SignedMessage } from '../../src/crypto/kernel-interface.ts'
import { expectTrue } from '../../src/testing/expect.ts'
import type { Random } from '../../src/testing/random.ts'
import { expectSame, flipped, type KernelCase } from './kernel-case.ts'
import { deltaCases } from './kernel-delta-cases.ts'

const utf8 = new TextEncoder()

/** Around every border inside BLAKE3: blocks, chunks, groups of lanes, groups of chunks, pieces. */
const LENGTHS = [
  0, 1, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073, 4095, 4096, 4097,
  5120, 6143, 7168, 8192, 8193, 16384, 31744, 65535, 65536, 65537, 66560, 131072, 131073, 262144,
  262145, 300000,
]

export function kernelCases(): KernelCase[] {
  return [...hashCases, ...checksumCases, ...signatureCases, ...deltaCases]
}

const hashCases: KernelCase[] = [
  {
    name: 'hashes, keyed hashes and derived keys of every border length are those of noble',
    run({ kernel, plain }, random) {
      const key = random.bytes(32)
      for (const length of LENGTHS) {
        const bytes = random.bytes(length)
        const what = `length ${length}`
        expectSame(kernel.blake3(bytes), plain.blake3(bytes), what)
        expectSame(kernel.blake3Keyed(key, bytes), plain.blake3Keyed(key, bytes), what)
        expectSame(kernel.blake3DeriveKey('c', bytes), plain.blake3DeriveKey('c', bytes), what)
      }
    },
  },
  {
    name: 'a message in parts, cut anywhere, has the hash of the whole, in each mode',
    run({ kernel, plain }, random) {
      const key = random.bytes(32)
      for (let time = 0; time < 40; time++) {
        const bytes = random.bytes(random.below(random.chance(0.2) ? 300_000 : 9000))
        const parts = cut(bytes, random)
        const modes = [undefined, { key }, { context: 'parts' }] as const
        for (const mode of modes) {
          const hasher = kernel.hasher(mode)
          for (const part of parts) hasher.update(part)
          const expected = plain.hasher(mode).update(bytes).digest()
          expectSame(hasher.digest(), expected, `${bytes.byteLength} bytes`)
          // Asking does not spend it.
          hasher.update(key)
          expectSame(hasher.digest(), plain.hasher(mode).update(bytes).update(key).digest(), 'more')
        }
        const derived = kernel.blake3DeriveKey('parts', ...parts)
        expectSame(derived, plain.blake3DeriveKey('parts', bytes), 'derived from parts')
      }
    },
  },
  {
    name: 'hashers that take turns do not disturb one another',
    run({ kernel, plain }, random) {
      const messages = Array.from({ length: 5 }, () => random.bytes(5000))
      const hashers = messages.map(() => kernel.hasher())
      for (let at = 0; at < 5000; at += 500) {
        for (const [index, message] of messages.entries()) {
          hashers[index]?.update(message.subarray(at, at + 500))
        }
      }
      for (const [index, message] of messages.entries()) {
        expectSame(hashers[index]?.digest(), plain.blake3(message), `hasher ${index}`)
      }
    },
  },
  {
    name: 'output of any length is a prefix of one stream',
    run({ kernel, plain }, random) {
      for (const length of [0, 1, 31, 32, 33, 64, 65, 131, 1000]) {
        const bytes = random.bytes(random.below(5000))
        const own = kernel.blake3(bytes, new Uint8Array(length))
        expectSame(own, plain.blake3(bytes, new Uint8Array(length)), `output of ${length}`)
      }
    },
  },
  {
    name: 'batches of pages and of pairs of nodes have the hashes of their members',
    run({ kernel }, random) {
      for (const size of [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]) {
        for (const count of [0, 1, 3, 4, 5, 9]) {
          const pages = Array.from({ length: count }, () => random.bytes(size))
          const single = pages.map((page) => kernel.blake3DeriveKey('page', page))
          expectSame(kernel.blake3Pages('page', pages), joined(single), `${count} of ${size}`)
        }
      }
      for (const count of [0, 1, 4, 7, 5000]) {
        const children = random.bytes(count * 64)
        const single = Array.from({ length: count }, (_, index) =>
          kernel.blake3DeriveKey('node', children.subarray(index * 64, index * 64 + 64)),
        )
        expectSame(kernel.blake3Nodes('node', children), joined(single), `${count} nodes`)
      }
    },
  },
  {
    name: 'more contexts than are kept still derive right keys',
    run({ kernel, plain }) {
      for (let index = 0; index < 300; index++) {
        const context = `context ${index}`
        const bytes = utf8.encode(context)
        const expected = plain.blake3DeriveKey(context, bytes)
        expectSame(kernel.blake3DeriveKey(context, bytes), expected, context)
      }
    },
  },
]

const checksumCases: KernelCase[] = [
  {
    name: 'checksums have their published check values',
    run({ kernel, plain }) {
      for (const one of [kernel, plain]) {
        expectSame(one.crc32(utf8.encode('123456789')), 0xcbf43926, 'CRC-32')
        expectSame(one.crc32c(utf8.encode('123456789')), 0xe3069283, 'CRC-32C')
        // RFC 3720 §B.4.
        expectSame(one.crc32c(new Uint8Array(32)), 0x8a9136aa, 'CRC-32C of zeros')
        expectSame(one.crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43, 'CRC-32C of ones')
        const ascending = Uint8Array.from({ length: 32 }, (_, index) => index)
        expectSame(one.crc32c(ascending), 0x46dd794e, 'CRC-32C ascending')
      }
    },
  },
  {
    name: 'checksums of any length, and going on from a part, are those of the tables',
    run({ kernel, plain }, random) {
      for (let time = 0; time < 150; time++) {
        const bytes = random.bytes(random.below(random.chance(0.1) ? 300_000 : 700))
        const middle = random.below(bytes.byteLength + 1)
        const [left, right] = [bytes.subarray(0, middle), bytes.subarray(middle)]
        expectSame(kernel.crc32c(bytes), plain.crc32c(bytes), 'CRC-32C')
        expectSame(kernel.crc32c(right, kernel.crc32c(left)), plain.crc32c(bytes), 'in parts')
        expectSame(kernel.crc32(right, kernel.crc32(left)), plain.crc32(bytes), 'CRC-32')
      }
    },
  },
]

const signatureCases: KernelCase[] = [
  {
    name: 'public keys and signatures are those of noble, which takes them',
    run({ kernel, plain }, random) {
      for (let time = 0; time < 40; time++) {
        const seed = random.bytes(32)
        const message = random.bytes(random.below(400))
        const publicKey = kernel.ed25519.publicKey(seed)
        const signature = kernel.ed25519.sign(message, seed)
        expectSame(publicKey, plain.ed25519.publicKey(seed), 'public key')
        expectSame(signature, plain.ed25519.sign(message, seed), 'signature')
        expectTrue(kernel.ed25519.verify(signature, message, publicKey), 'it verifies')
      }
    },
  },
  {
    name: 'a flipped bit anywhere is refused, by a stranger and by a known key alike',
    run({ kernel }, random) {
      const { ed25519 } = kernel
      const [item] = signedMessages(kernel, { count: 1, keys: 1 }, random)
      const { signature, message, publicKey } = item as SignedMessage
      for (const round of ['stranger', 'known']) {
        for (let bit = 0; bit < 512; bit += 7) {
          expectTrue(
            !ed25519.verify(flipped(signature, bit), message, publicKey),
            `${round} ${bit}`,
          )
          const changed = flipped(message, bit % (message.byteLength * 8))
          expectTrue(!ed25519.verify(signature, changed, publicKey), `${round} message ${bit}`)
        }
        for (let time = 0; time < 12; time++) {
          expectTrue(ed25519.verify(signature, message, publicKey), `${round} good`)
        }
      }
    },
  },
  {
    name: 'more keys than have tables verify right, in any order, while tables come and go',
    run({ kernel }, random) {
      const items = signedMessages(kernel, { count: 60, keys: 14 }, random)
      for (let time = 0; time < 600; time++) {
        const { signature, message, publicKey } = random.pick(items)
        const isGood = random.chance(0.7)
        const shown = isGood ? message : flipped(message, random.below(message.byteLength * 8))
        expectSame(kernel.ed25519.verify(signature, shown, publicKey), isGood, `time ${time}`)
      }
    },
  },
  {
    name: 'wrong sizes are refused, and a long message goes through',
    run({ kernel }, random) {
      const { ed25519 } = kernel
      const seed = random.bytes(32)
      const publicKey = ed25519.publicKey(seed)
      const message = new Uint8Array((1 << 20) + 1)
      const signature = ed25519.sign(message, seed)
      expectTrue(ed25519.verify(signature, message, publicKey), 'over a megabyte')
      expectTrue(!ed25519.verify(signature.subarray(1), message, publicKey), 'a short signature')
      expectTrue(!ed25519.verify(signature, message, publicKey.subarray(1)), 'a short key')
      const items = [{ signature, message, publicKey: publicKey.subarray(1) }]
      expectSame(ed25519.verifyBatch(items), { ok: false, bad: [0] }, 'in a batch')
    },
  },
  {
    name: 'batches of every size and mix of keys accept good signatures',
    run({ kernel }, random) {
      for (const count of [0, 1, 2, 4, 5, 16, 63, 64, 80, 129, 300]) {
        for (const keys of [1, 3, count + 1]) {
          const items = signedMessages(kernel, { count, keys }, random)
          const result = kernel.ed25519.verifyBatch(items)
          expectSame(result, { ok: true, bad: [] }, `${count} items, ${keys} keys`)
        }
      }
    },
  },
  {
    name: 'a single bad item among 1 000 is always named, whatever is wrong with it',
    run({ kernel }, random) {
      const items = signedMessages(kernel, { count: 1000, keys: 20 }, random)
      for (let time = 0; time < 24; time++) {
        const at = time === 0 ? 0 : time === 1 ? 999 : random.below(1000)
        const mutated = items.slice()
        mutated[at] = mutate(items[at] as SignedMessage, random)
        const result = kernel.ed25519.verifyBatch(mutated)
        expectSame(result, { ok: false, bad: [at] }, `item ${at}`)
      }
    },
  },
  {
    name: 'of many bad items each is named, and none of the good',
    run({ kernel }, random) {
      const items = signedMessages(kernel, { count: 200, keys: 200 }, random)
      const bad: number[] = []
      const mutated = items.map((item, index) => {
        if (!random.chance(0.2)) return item
        bad.push(index)
        return mutate(item, random)
      })
      expectSame(kernel.ed25519.verifyBatch(mutated), { ok: false, bad }, 'a fifth')
    },
  },
]

/** One thing about it changed, so that it verifies no more. */
function mutate(item: SignedMessage, random: Random): SignedMessage {
  switch (random.below(5)) {
    case 0:
      return { ...item, signature: flipped(item.signature, random.below(256)) }
    case 1:
      return { ...item, signature: flipped(item.signature, 256 + random.below(256)) }
    case 2:
      return { ...item, message: flipped(item.message, random.below(item.message.byteLength * 8)) }
    case 3:
      return { ...item, publicKey: flipped(item.publicKey, random.below(256)) }
    default:
      return { ...item, signature: item.signature.subarray(random.below(64)).subarray(1) }
  }
}

type Signing = { readonly count: number; readonly keys: number }

function signedMessages(kernel: Kernel, { count, keys }: Signing, random: Random): SignedMessage[] {
  const seeds = Array.from({ length: Math.min(keys, Math.max(count, 1)) }, () => random.bytes(32))
  return Array.from({ length: count }, (_, index) => {
    const seed = seeds[index % seeds.length] as Uint8Array
    const message = random.bytes(1 + random.below(200))
    const signature = kernel.ed25519.sign(message, seed)
    return { signature, message, publicKey: kernel.ed25519.publicKey(seed) }
  })
}

function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const parts: Uint8Array[] = []
  const most = random.pick([10, 1000, 5000, 100_000])
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + Math.max(1, random.below(most))
    parts.push(bytes.subarray(at, end))
    at = end
  }
  return parts
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.length * 32)
  for (const [index, part] of parts.entries()) whole.set(part, index * 32)
  return whole
}
