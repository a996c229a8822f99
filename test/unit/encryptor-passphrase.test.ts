/** A passphrase gives the seed that Argon2id gives anywhere, however it was typed, or a stated refusal. */

import { argon2id } from '@noble/hashes/argon2.js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { formatHex } from '../../src/bytes/text.ts'
import { seedOfPassphrase } from '../../src/crypto/encryptor-passphrase.ts'

const utf8 = new TextEncoder()
const salt = utf8.encode('somesalt')

describe('seedOfPassphrase', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('the vector of the reference implementation: 64 MiB, two passes, one lane', async () => {
    const seed = await seedOfPassphrase({ passphrase: 'password', salt, passes: 2, lanes: 1 })
    expect(formatHex(seed)).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7')
  })

  test('another implementation agrees, with lanes and beyond ASCII', async () => {
    const cost = { memoryKib: 256, passes: 3, lanes: 4 }
    const seed = await seedOfPassphrase({ passphrase: 'pässwörd ☕', salt, ...cost })
    const theirs = argon2id(utf8.encode('pässwörd ☕'), salt, { m: 256, t: 3, p: 4, dkLen: 32 })
    expect(seed).toEqual(theirs)
  })

  test('one passphrase typed in two ways is one passphrase; another salt is another seed', async () => {
    const cost = { memoryKib: 8, passes: 1, lanes: 1 }
    const composed = await seedOfPassphrase({ passphrase: 'caf\u00e9', salt, ...cost })
    const decomposed = await seedOfPassphrase({ passphrase: 'cafe\u0301', salt, ...cost })
    expect(decomposed).toEqual(composed)
    const other = utf8.encode('othersalt')
    expect(await seedOfPassphrase({ passphrase: 'caf\u00e9', salt: other, ...cost })).not.toEqual(
      composed,
    )
  })

  test.each([
    { salt: new Uint8Array(7) },
    { passphrase: '' },
    { memoryKib: 8 },
    { memoryKib: 2 ** 21 },
    { passes: 0 },
    { lanes: 65 },
  ])('a cost or salt that makes no sense is refused (%#)', async (more) => {
    await expect(seedOfPassphrase({ passphrase: 'x', salt, ...more })).rejects.toThrow(/must be/)
  })

  test('where WebAssembly may not be compiled it refuses and says why, each time', async () => {
    vi.stubGlobal('WebAssembly', {
      Module: class {
        constructor() {
          throw new Error('Wasm code generation disallowed by embedder')
        }
      },
    })
    for (let time = 0; time < 2; time++) {
      await expect(seedOfPassphrase({ passphrase: 'x', salt })).rejects.toMatchObject({
        code: 'ErrNotConfigured',
      })
    }
  })
})
