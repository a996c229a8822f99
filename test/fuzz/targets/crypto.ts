/** Targets of the room `crypto`: encrypted records and boxes, keys, and the kernels beside each other. */

import { orThrow } from '../../../src/base/failure.ts'
import { concatBytes, equalBytes } from '../../../src/bytes/compare.ts'
import { Encryptor } from '../../../src/crypto/encryptor.ts'
import { decryptV1, deriveKeyV1, encryptV1 } from '../../../src/crypto/encryptor-v1.ts'
import { createHpkeBox, hpkeKeysOf } from '../../../src/crypto/hpke-box.ts'
import { compress, decompress } from '../../../src/crypto/hpke-compress.ts'
import { createHpkeSuite } from '../../../src/crypto/hpke-suite.ts'
import type { DeltaEncoding, Kernel, SignedMessage } from '../../../src/crypto/kernel-interface.ts'
import { pkcs8FromSeed, seedFromPkcs8 } from '../../../src/crypto/pkcs8.ts'
import { signerFromPem } from '../../../src/crypto/signer-node.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { createRandom } from '../../../src/testing/random.ts'
import {
  bytesOf,
  createSignedSet,
  mustBeCanonical,
  mustHold,
  refused,
  type Target,
  textOf,
} from '../target.ts'

const SEED = new Uint8Array(32).fill(0x31)
const RECORD = { owner: 'ada', recordId: 'r-1', revision: 7n }
const PLAINTEXTS = [new Uint8Array(0), bytesOf('a note'), new Uint8Array(300).fill(9)]

const record: Target = {
  name: 'encrypted record',
  reaches: ['crypto/encryptor.ts readEnvelope'],
  seeds: () => envelopesOf(),
  decoder() {
    const encryptor = encryptorOf()
    const made = createSignedSet(envelopesOf())
    return (input) => {
      const plain = encryptor.decrypt(RECORD, input)
      made.mustHave(input, 'a record')
      return `${plain.byteLength} bytes`
    }
  },
}

function encryptorOf(): Encryptor {
  return new Encryptor({ host: createManualHost(), seed: SEED, purpose: 'notes' })
}

/** The manual host's random numbers are the same at every call. */
function envelopesOf(): readonly Uint8Array[] {
  const encryptor = encryptorOf()
  return PLAINTEXTS.map((plain) => encryptor.encrypt(RECORD, plain))
}

const recordV1: Target = {
  name: 'encrypted record v1',
  reaches: ['crypto/encryptor-v1.ts decryptV1'],
  seeds: () => recordsV1(),
  decoder() {
    const key = deriveKeyV1(SEED)
    const made = createSignedSet(recordsV1())
    return (input) => {
      const parts = { nonce: input.subarray(0, 24), ciphertext: input.subarray(24) }
      const plain = decryptV1(key, parts)
      made.mustHave(input, 'a record')
      return `${plain.byteLength} bytes`
    }
  },
}

function recordsV1(): readonly Uint8Array[] {
  const host = createManualHost()
  const key = deriveKeyV1(SEED)
  return PLAINTEXTS.map((plain) => {
    const { nonce, ciphertext } = encryptV1(host, key, plain)
    return concatBytes(nonce, ciphertext)
  })
}

const box: Target = {
  name: 'box',
  reaches: ['crypto/hpke-box.ts readBox'],
  testRuns: 150,
  // The library's lattices.
  allocatesBytesMax: 8 * 1_048_576,
  // A box is sealed to fresh randomness, so these are made once.
  seeds: async () => (await boxes).sealed,
  async decoder() {
    const { opener, sealed } = await boxes
    const made = createSignedSet(sealed)
    return async (input) => {
      const plain = await opener.decrypt(input)
      made.mustHave(input, 'a box')
      return `${plain.byteLength} bytes`
    }
  },
}

const boxes = makeBoxes()
const PURPOSE = 'backup'

async function makeBoxes() {
  const keys = await hpkeKeysOf(SEED)
  const opener = createHpkeBox({ ...keys, purpose: PURPOSE })
  const plains = [bytesOf('short'), new Uint8Array(2000).fill(5)]
  return { keys, opener, sealed: await Promise.all(plains.map((plain) => opener.encrypt(plain))) }
}

const BOX_HEAD_BYTES = 20
const BOX_COMPRESSED_FLAG_AT = 3

/** Whoever knows the public key can box whatever it likes as packed content. */
const boxContent: Target = {
  name: 'box content',
  reaches: ['crypto/hpke-box.ts unpack'],
  testRuns: 100,
  allocatesBytesMax: 8 * 1_048_576,
  seeds: () =>
    Promise.all([bytesOf('hello hello'), new Uint8Array(100_000)].map((bytes) => compress(bytes))),
  async decoder() {
    const { keys, opener, sealed } = await boxes
    const suite = createHpkeSuite()
    const head = (sealed[0] as Uint8Array).slice(0, BOX_HEAD_BYTES)
    head[BOX_COMPRESSED_FLAG_AT] = 1
    const info = bytesOf(`constellite box v1\0${PURPOSE}`)
    return async (input) => {
      const { enc, ciphertext } = await suite.encrypt(keys.publicKey, { info, aad: head }, input)
      const plain = await opener.decrypt(concatBytes(head, enc, ciphertext))
      return plain.byteLength === 0 ? 'empty' : 'bytes'
    }
  },
}

const INFLATED_BYTES_MAX = 65_536

/** What a box or a snapshot chunk holds packed: a few bytes may claim to be many. */
const packed: Target = {
  name: 'compressed bytes',
  reaches: ['crypto/hpke-compress.ts decompress'],
  testRuns: 1000,
  // The platform's stream works in chunks of its own.
  allocatesBytesMax: 4 * 1_048_576,
  seeds: () =>
    Promise.all(
      [bytesOf('hello hello hello'), createRandom(3).bytes(300), new Uint8Array(4_000_000)].map(
        (bytes) => compress(bytes),
      ),
    ),
  decoder: () => async (input) => {
    // Callers that know the format turn a DecodeError into their own failure.
    const plain = await decompress(input, INFLATED_BYTES_MAX).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'DecodeError') return error.message
      throw error
    })
    if (typeof plain === 'string') throw refused(plain)
    mustHold(plain.byteLength <= INFLATED_BYTES_MAX, 'no more than the limit comes out')
    return plain.byteLength === 0 ? 'empty' : 'bytes'
  },
}

const keyFile: Target = {
  name: 'key',
  reaches: ['crypto/pkcs8.ts seedFromPkcs8', 'crypto/signer-node.ts signerFromPem'],
  seeds: () => [pkcs8FromSeed(SEED), bytesOf(PEM)],
  decoder: () => async (input) => {
    const seed = seedFromPkcs8(input)
    if (seed.ok) {
      mustBeCanonical(pkcs8FromSeed(seed.value), input)
      return 'PKCS#8'
    }
    const signer = orThrow(signerFromPem(textOf(input)))
    mustHold(signer.publicKey.byteLength === 32, 'a public key has 32 bytes')
    mustHold((await signer.sign(input)).byteLength === 64, 'a signature has 64 bytes')
    return 'PEM'
  },
}

const PEM = `-----BEGIN PRIVATE KEY-----
${Buffer.from(pkcs8FromSeed(SEED)).toString('base64')}
-----END PRIVATE KEY-----
`

const ENCODINGS: readonly DeltaEncoding[] = ['runs', 'lz4', 'full']
const DELTA_PAGE = 512
const GUARD = 64

/** Encoding u8, then the delta; both kernels on guarded memory. */
const delta: Target = {
  name: 'page delta',
  reaches: [],
  seeds({ kernels: { plain } }) {
    const { old, others } = deltaPages()
    return others.flatMap((page) => {
      const made = plain.delta.encode(old, page)
      if (made === undefined) return []
      return [concatBytes(Uint8Array.of(ENCODINGS.indexOf(made.encoding)), made.bytes)]
    })
  },
  reshape: (input, { mutate }) => concatBytes(input.subarray(0, 1), mutate(input.subarray(1))),
  decoder: ({ kernels: { wasm, plain } }) => {
    const { old } = deltaPages()
    const untouched = old.slice()
    return (input) => {
      const encoding = ENCODINGS[(input[0] ?? 0) % ENCODINGS.length] as DeltaEncoding
      const bytes = input.subarray(1)
      const [first, second] = [wasm, plain].map((kernel) => apply(kernel, old, { encoding, bytes }))
      mustHold(first?.isTaken === second?.isTaken, 'both kernels take it, or neither')
      mustHold(
        equalBytes(first?.page ?? old, second?.page ?? old),
        'both kernels make one page of it',
      )
      mustHold(equalBytes(old, untouched), 'the old page is left alone')
      return `${encoding} ${first?.isTaken}`
    }
  },
}

function apply(
  kernel: Kernel,
  old: Uint8Array,
  made: { readonly encoding: DeltaEncoding; readonly bytes: Uint8Array },
): { readonly isTaken: boolean; readonly page: Uint8Array } {
  const memory = new Uint8Array(DELTA_PAGE + 2 * GUARD).fill(0xc3)
  const isTaken = kernel.delta.apply(old, made, memory.subarray(GUARD, GUARD + DELTA_PAGE))
  const isKept = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0xc3)
  mustHold(isKept(memory.subarray(0, GUARD)), `${kernel.kind}: nothing before the page is written`)
  mustHold(isKept(memory.subarray(GUARD + DELTA_PAGE)), `${kernel.kind}: nothing behind the page`)
  const page = memory.slice(GUARD, GUARD + DELTA_PAGE)
  if (!isTaken) mustHold(isKept(page), `${kernel.kind}: a refused delta changes nothing`)
  return { isTaken, page }
}

function deltaPages(): { readonly old: Uint8Array; readonly others: readonly Uint8Array[] } {
  const random = createRandom(21)
  const old = random.bytes(DELTA_PAGE)
  const near = old.slice()
  near.set([1, 2, 3], 50)
  near.set([4], 200)
  const moved = concatBytes(old.subarray(30), old.subarray(0, 30))
  const text = new Uint8Array(DELTA_PAGE).map((_, at) => at % 11)
  return { old, others: [near, moved, text, random.bytes(DELTA_PAGE)] }
}

const ITEM_BYTES = 128

/** Items of signature, public key and message, 128 bytes each, as a batch and one by one. */
const batch: Target = {
  name: 'signature batch',
  reaches: [],
  testRuns: 100,
  // Plain verification makes many short-lived numbers.
  allocatesBytesMax: 64 * 1_048_576,
  seeds({ kernels: { plain } }) {
    const items = Array.from({ length: 7 }, (_, index) => {
      const seed = new Uint8Array(32).fill(1 + (index % 3))
      const message = new Uint8Array(32).fill(index)
      const { ed25519 } = plain
      return concatBytes(ed25519.sign(message, seed), ed25519.publicKey(seed), message)
    })
    return [concatBytes(...items), concatBytes(...items.slice(0, 2))]
  },
  decoder: ({ kernels: { wasm, plain } }) => {
    return (input) => {
      const items: SignedMessage[] = []
      for (let at = 0; at < input.byteLength && items.length < 16; at += ITEM_BYTES) {
        items.push({
          signature: input.slice(at, at + 64),
          publicKey: input.slice(at + 64, at + 96),
          message: input.slice(at + 96, at + ITEM_BYTES),
        })
      }
      const expected = badOf(plain, items)
      const together = wasm.ed25519.verifyBatch(items)
      mustHold(together.bad.join() === expected, `a batch names ${together.bad}, not ${expected}`)
      mustHold(together.ok === (expected === ''), 'a batch is good when no item is bad')
      mustHold(badOf(wasm, items) === expected, 'one by one says what the batch says')
      mustHold(plain.ed25519.verifyBatch(items).bad.join() === expected, 'both kernels agree')
      return `${items.length} items, bad ${expected}`
    }
  },
}

function badOf({ ed25519 }: Kernel, items: readonly SignedMessage[]): string {
  const bad = items.flatMap(({ signature, message, publicKey }, index) =>
    ed25519.verify(signature, message, publicKey) ? [] : [index],
  )
  return bad.join()
}

export const cryptoTargets: readonly Target[] = [
  record,
  recordV1,
  box,
  boxContent,
  packed,
  keyFile,
  delta,
  batch,
]
