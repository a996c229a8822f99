/** Proves that any database name becomes an OPFS folder name of its own that every disk can store. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nameToFolder } from '../../src/storage/opfs-name.ts'

describe('a folder name', () => {
  test('is the database name where that is plain', () => {
    expect(nameToFolder('notes-2026_a')).toBe('notes-2026_a')
  })

  test('has every other byte of the UTF-8 text as hex', () => {
    expect(nameToFolder('A/b.ü=')).toBe('=41=2fb=2e=c3=bc=3d')
    expect(nameToFolder('..')).toBe('=2e=2e')
  })

  test('of a long name is cut and ends in a hash', () => {
    const folder = nameToFolder(`${'x'.repeat(200)}1`)
    expect(folder).toMatch(/^x{40}=\.[0-9a-f]{64}$/)
    expect(nameToFolder(`${'x'.repeat(200)}2`)).not.toBe(folder)
    expect(nameToFolder('x'.repeat(120))).toBe('x'.repeat(120))
  })

  test('is safe on every disk and differs for different names, whatever they are', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(names, names, (one, other) => {
        const [left, right] = [nameToFolder(one), nameToFolder(other)]
        expect(left).toMatch(/^[a-z0-9_=.-]{1,120}$/)
        expect(left === right).toBe(one === other)
      }),
      { numRuns: 300 },
    )
  })

  test('does not exist for an empty or ill-formed name, which would collide with others', () => {
    for (const name of ['', 'a\ud800', '\udc00b']) {
      expect(() => nameToFolder(name)).toThrowError(expect.objectContaining({ code: 'ErrOption' }))
    }
  })
})
