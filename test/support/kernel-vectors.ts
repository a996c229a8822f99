/** Published vectors, given as parsed files, on a kernel: for any runtime.  Each answers what went wrong, one
 *  line each, and how many vectors there were. */

import { orThrow } from '../../src/base/failure.ts'
import { formatHex, parseHex } from '../../src/bytes/text.ts'
import type { Kernel, SignedMessage } from '../../src/crypto/kernel-interface.ts'

export type Outcome = { readonly count: number; readonly wrong: readonly string[] }

export type Blake3File = {
  readonly key: string
  readonly context_string: string
  readonly cases: readonly {
    readonly input_len: number
    readonly hash: string
    readonly keyed_hash: string
    readonly derive_key: string
  }[]
}

export type Zip215File = readonly {
  readonly vk_bytes: string
  readonly sig_bytes: string
  readonly valid_zip215: boolean
}[]

export type WycheproofFile = {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string }
    readonly tests: readonly {
      readonly tcId: number
      readonly msg: string
      readonly sig: string
      readonly result: string
    }[]
  }[]
}

/** R is the identity with a sign, a second encoding of it: RFC 8032 refuses it, ZIP-215 takes it. */
const LENIENT_BY_RULE = 151

const utf8 = new TextEncoder()
const bytes = (text: string): Uint8Array => orThrow(parseHex(text))

/** All modes and lengths of the official file, with their output of 131 bytes, in one piece and streamed. */
export function checkBlake3(kernel: Kernel, file: Blake3File): Outcome {
  const wrong: string[] = []
  const key = utf8.encode(file.key)
  const context = file.context_string
  for (const { input_len, hash, keyed_hash, derive_key } of file.cases) {
    const input = Uint8Array.from({ length: input_len }, (_, index) => index % 251)
    const expect = (what: string, own: Uint8Array, expected: string): void => {
      if (formatHex(own) !== expected) wrong.push(`${what} of ${input_len}`)
    }
    const out = (): Uint8Array => new Uint8Array(hash.length / 2)
    const short = derive_key.slice(0, 64)
    expect('hash', kernel.blake3(input, out()), hash)
    expect('keyed hash', kernel.blake3Keyed(key, input, out()), keyed_hash)
    expect('derived key', kernel.blake3DeriveKey(context, input), short)
    expect('streamed hash', streamed(kernel.hasher(), input).digest(out()), hash)
    expect('streamed keyed', streamed(kernel.hasher({ key }), input).digest(out()), keyed_hash)
    expect(
      'streamed derived',
      streamed(kernel.hasher({ context }), input).digest(out()),
      derive_key,
    )
  }
  return { count: file.cases.length, wrong }
}

function streamed(hasher: ReturnType<Kernel['hasher']>, input: Uint8Array): typeof hasher {
  for (let at = 0; at < input.byteLength; at += 1000) hasher.update(input.subarray(at, at + 1000))
  return hasher
}

/** Alone, with a table, in a batch of all, and in batches of pairs: one answer; every key is weak. */
export function checkZip215(kernel: Kernel, file: Zip215File): Outcome {
  const wrong: string[] = []
  const message = utf8.encode('Zcash')
  const items = file.map(({ vk_bytes, sig_bytes }) => ({
    signature: bytes(sig_bytes),
    message,
    publicKey: bytes(vk_bytes),
  }))
  for (const [index, { valid_zip215 }] of file.entries()) {
    const { signature, publicKey } = items[index] as SignedMessage
    // Often enough for the key to earn a table on the way.
    for (let time = 0; time < 3; time++) {
      if (kernel.ed25519.verify(signature, message, publicKey) !== valid_zip215) {
        wrong.push(`vector ${index}, time ${time}`)
      }
    }
    if (!kernel.ed25519.isWeakPublicKey(publicKey)) wrong.push(`key of vector ${index}`)
  }
  const bad = file.flatMap(({ valid_zip215 }, index) => (valid_zip215 ? [] : [index]))
  const found = kernel.ed25519.verifyBatch(items).bad
  if (found.join() !== bad.join()) wrong.push(`batch: ${found.join()}`)
  return { count: file.length, wrong }
}

export function checkWycheproof(kernel: Kernel, file: WycheproofFile): Outcome {
  const wrong: string[] = []
  const items: SignedMessage[] = []
  const bad: number[] = []
  for (const { publicKey, tests } of file.testGroups) {
    for (const { tcId, msg, sig, result } of tests) {
      const item = { signature: bytes(sig), message: bytes(msg), publicKey: bytes(publicKey.pk) }
      const isExpected = result === 'valid' || tcId === LENIENT_BY_RULE
      if (!isExpected) bad.push(items.length)
      items.push(item)
      if (kernel.ed25519.verify(item.signature, item.message, item.publicKey) !== isExpected) {
        wrong.push(`test ${tcId}, ${result}`)
      }
    }
  }
  const found = kernel.ed25519.verifyBatch(items).bad
  if (found.join() !== bad.join()) wrong.push(`batch: ${found.join()}, not ${bad.join()}`)
  return { count: items.length, wrong }
}

/** RFC 8032 §7.1: seed, public key, message, signature. */
export const RFC8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const

export function checkRfc8032(kernel: Kernel): Outcome {
  const wrong: string[] = []
  for (const [seed, publicKey, message, signature] of RFC8032) {
    const key = kernel.ed25519.publicKey(bytes(seed))
    if (formatHex(key) !== publicKey) wrong.push(`public key of ${seed}`)
    const own = kernel.ed25519.sign(bytes(message), bytes(seed))
    if (formatHex(own) !== signature) wrong.push(`signature of ${seed}`)
    if (!kernel.ed25519.verify(own, bytes(message), key)) wrong.push(`verify of ${seed}`)
  }
  return { count: RFC8032.length, wrong }
}
