/** The encryptor reads what the source system wrote, binds what it writes itself to its record, and fails
 *  in one way whatever was changed.  Known answers: U4 of the utilities' specification. */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { formatHex, parseHex } from '../../src/bytes/text.ts'
import { ENVELOPE_BYTES, Encryptor } from '../../src/crypto/encryptor.ts'
import { decryptAead, encryptAead } from '../../src/crypto/encryptor-aead.ts'
import { decryptV1, deriveKeyV1, encryptV1 } from '../../src/crypto/encryptor-v1.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

const utf8 = new TextEncoder()
const SEED = Uint8Array.from({ length: 32 }, (_, at) => at)
const NONCE = Uint8Array.from({ length: 24 }, (_, at) => 0x40 + at)
const HELLO = utf8.encode('hello stash')

const DATA =
  process.env['CONSTELLITE_TEST_DATA'] ??
  fileURLToPath(new URL('../../../shared/data', import.meta.url))
const WYCHEPROOF = `${DATA}/crypto/wycheproof-xchacha20-poly1305.json`

function bytes(hex: string): Uint8Array {
  const parsed = parseHex(hex)
  if (!parsed.ok) throw parsed.failure
  return parsed.value
}

function codeOf(task: () => unknown): string {
  try {
    task()
  } catch (error) {
    return isFailure(error) ? error.code : String(error)
  }
  return 'no failure'
}

describe('XChaCha20-Poly1305', () => {
  test('the vector of the draft, tag and all', () => {
    const key = Uint8Array.from({ length: 32 }, (_, at) => 0x80 + at)
    const plaintext = utf8.encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    )
    const aad = bytes('50515253c0c1c2c3c4c5c6c7')
    const ciphertext = encryptAead({ key, nonce: NONCE, aad }, plaintext)
    expect(formatHex(ciphertext.subarray(-16))).toBe('c0875924c1c7987947deafd8780acf49')
    expect(formatHex(ciphertext.subarray(0, 8))).toBe('bd6d179d3e83d43b')
    expect(decryptAead({ key, nonce: NONCE, aad }, ciphertext)).toEqual(plaintext)
  })

  type Case = {
    readonly tcId: number
    readonly key: string
    readonly iv: string
    readonly aad: string
    readonly msg: string
    readonly ct: string
    readonly tag: string
    readonly result: 'valid' | 'invalid'
  }

  test('Wycheproof vectors decrypt, or not, as they should', (context) => {
    if (!existsSync(WYCHEPROOF)) {
      context.skip('no published vectors: set CONSTELLITE_TEST_DATA to the folder that has crypto/')
    }
    const data: { readonly testGroups: readonly { readonly tests: readonly Case[] }[] } =
      JSON.parse(readFileSync(WYCHEPROOF, 'utf8'))
    const cases = data.testGroups.flatMap((it) => it.tests)
    const wrong = cases.filter((it) => {
      const terms = { key: bytes(it.key), nonce: bytes(it.iv), aad: bytes(it.aad) }
      try {
        const isEqual = formatHex(decryptAead(terms, bytes(it.ct + it.tag))) === it.msg
        const again = formatHex(encryptAead(terms, bytes(it.msg))) === it.ct + it.tag
        return (it.result === 'valid') !== (isEqual && again)
      } catch (error) {
        if (!isFailure(error, 'ErrDecrypt')) throw error
        return it.result === 'valid'
      }
    })
    expect(wrong.map((it) => it.tcId)).toEqual([])
    expect(cases.length).toBe(315)
  })
})

describe('v1, of the source', () => {
  const fixed = { ...createManualHost(), random: () => NONCE }

  test('keys and ciphertexts are those of the source, byte for byte', () => {
    const key = deriveKeyV1(SEED)
    expect(formatHex(key)).toBe('55b7ff75e2aff5fc4fab32866ab5709a392cabf876d03d57014775e60d88623a')
    expect(formatHex(deriveKeyV1(new Uint8Array(32)))).toBe(
      'c64de489146599339970718dcfad0741ed14937d204726aec01e36450e5dd940',
    )
    expect(formatHex(encryptV1(fixed, key, HELLO).ciphertext)).toBe(
      '3056435dde9f79e1702851aa3def328c8f441bc088e1b26094f65d',
    )
    expect(formatHex(encryptV1(fixed, key, new Uint8Array()).ciphertext)).toBe(
      '82787f458e52d8fc958c8cea055336a5',
    )
  })

  test('it decrypts what it encrypted; two of one plaintext differ; every bit counts', () => {
    const host = createManualHost()
    const key = deriveKeyV1(SEED)
    const one = encryptV1(host, key, HELLO)
    const two = encryptV1(host, key, HELLO)
    expect(decryptV1(key, one)).toEqual(HELLO)
    expect(one.nonce).not.toEqual(two.nonce)
    expect(codeOf(() => decryptV1(deriveKeyV1(new Uint8Array(32)), one))).toBe('ErrDecrypt')
    for (const part of ['nonce', 'ciphertext'] as const) {
      for (let bit = 0; bit < one[part].length * 8; bit++) {
        const bad = { ...one, [part]: flipped(one[part], bit) }
        expect(codeOf(() => decryptV1(key, bad))).toBe('ErrDecrypt')
      }
    }
  })

  test('a seed or nonce of another size is refused as such', () => {
    expect(codeOf(() => deriveKeyV1(new Uint8Array(31)))).toBe('ErrKey')
    const bad = { nonce: new Uint8Array(12), ciphertext: new Uint8Array(16) }
    expect(codeOf(() => decryptV1(deriveKeyV1(SEED), bad))).toBe('ErrDecode')
    expect(codeOf(() => decryptV1(SEED, { nonce: NONCE, ciphertext: new Uint8Array(3) }))).toBe(
      'ErrDecrypt',
    )
  })
})

describe('Encryptor', () => {
  const record = { owner: 'alice', recordId: 'r1', revision: 7n }
  const create = (purpose = 'stash', seed = SEED, random = 1) =>
    new Encryptor({ host: createManualHost({ seed: random }), seed, purpose })

  test('its envelope is the one that was laid down', () => {
    const host = { ...createManualHost(), random: () => NONCE }
    const encryptor = new Encryptor({ host, seed: SEED, purpose: 'stash' })
    const envelope = encryptor.encrypt(record, HELLO)
    expect(formatHex(envelope)).toBe(ENVELOPE_V2)
    expect(envelope.byteLength).toBe(ENVELOPE_BYTES + HELLO.byteLength)
    expect(encryptor.decrypt(record, bytes(ENVELOPE_V2))).toEqual(HELLO)
  })

  test('it gives back any plaintext of any record, and nonces never repeat', () => {
    const encryptor = create()
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.string(),
        fc.string(),
        fc.bigInt(0n, 2n ** 64n - 1n),
        (...it) => {
          const [plaintext, owner, recordId, revision] = it
          const name = { owner, recordId, revision }
          const envelope = encryptor.encrypt(name, plaintext)
          expect(encryptor.decrypt(name, envelope)).toEqual(plaintext)
          expect(encryptor.encrypt(name, plaintext)).not.toEqual(envelope)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('it does not decrypt as another owner, record or revision, nor across their border', () => {
    const encryptor = create()
    const envelope = encryptor.encrypt(record, HELLO)
    const others = [
      { ...record, owner: 'mallory' },
      { ...record, recordId: 'r2' },
      { ...record, revision: 6n },
      { ...record, owner: 'alicer', recordId: '1' },
    ]
    for (const other of others) {
      expect(codeOf(() => encryptor.decrypt(other, envelope))).toBe('ErrDecrypt')
    }
  })

  test('every flipped bit is found', () => {
    const encryptor = create()
    const envelope = encryptor.encrypt(record, HELLO)
    for (let bit = 0; bit < envelope.byteLength * 8; bit++) {
      const code = codeOf(() => encryptor.decrypt(record, flipped(envelope, bit)))
      expect(code).toBe(bit < 24 ? 'ErrDecode' : bit < 88 ? 'ErrKey' : 'ErrDecrypt')
    }
    for (const size of [0, 10, 34, ENVELOPE_BYTES - 1]) {
      const code = codeOf(() => encryptor.decrypt(record, envelope.subarray(0, size)))
      expect(code).toBe('ErrDecode')
    }
  })

  test('another seed or purpose has another key, and says so', () => {
    const envelope = create().encrypt(record, HELLO)
    const zero = create('stash', new Uint8Array(32))
    expect(codeOf(() => zero.decrypt(record, envelope))).toBe('ErrKey')
    expect(codeOf(() => create('logs').decrypt(record, envelope))).toBe('ErrKey')
    expect(create().keyId).toEqual(envelope.subarray(3, 11))
    expect(codeOf(() => create('stash', new Uint8Array(16)))).toBe('ErrKey')
  })

  test('disposed, it has no key any more', () => {
    const encryptor = create()
    encryptor.dispose()
    expect(codeOf(() => encryptor.encrypt(record, HELLO))).toBe('ErrClosed')
  })
})

const ENVELOPE_V2 =
  '4358023e4cbaf4793ae4f6404142434445464748494a4b4c4d4e4f505152535455565730fbd6a41fee687445ce766f3f4579d219214f7ce623f0c3011d92'

function flipped(source: Uint8Array, bit: number): Uint8Array {
  const copy = source.slice()
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}
