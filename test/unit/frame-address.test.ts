/** An address comes back from its text; a damaged or unknown one is refused with ErrAddress. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { succeed } from '../../src/base/failure.ts'
import { formatBase64url } from '../../src/bytes/text.ts'
import { formatAddress, parseAddress } from '../../src/frame/address.ts'

const SHARD = new Uint8Array(32).map((_, at) => at * 7)
const RELAY = 'wss://relay.example/path?x=1'
const BASE = `constellite:${formatBase64url(SHARD)}`

const codeOf = (text: string): string => {
  const parsed = parseAddress(text)
  return parsed.ok ? 'accepted' : parsed.failure.code
}

describe('an address', () => {
  it('comes back from its text', () => {
    const anyAddress = fc.record({
      shard: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      relays: fc.array(
        fc
          .tuple(fc.constantFrom('ws', 'wss'), fc.domain(), fc.webPath(), fc.webQueryParameters())
          .map(([scheme, host, path, query]) => `${scheme}://${host}${path}?${query}`),
        { maxLength: 8 },
      ),
      secret: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
    })
    const property = fc.property(anyAddress, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(succeed(address))
    })
    fc.assert(property, { numRuns: 100 })
  })

  it('may be pasted with space around it, without relays and without a secret', () => {
    const expected = succeed({ shard: SHARD, relays: [], secret: undefined })
    expect(parseAddress(`\n ${BASE}\t`)).toEqual(expected)
  })

  it('keeps a secret after # only', () => {
    const text = formatAddress({ shard: SHARD, relays: [RELAY], secret: 'a#b&c?d' })
    expect(text.indexOf('a%23b%26c%3Fd')).toBe(text.indexOf('#') + 1)
    expect(text.split('#')).toHaveLength(2)
  })

  it('names at most 8 relays', () => {
    const via = (count: number): string =>
      `${BASE}?${Array.from({ length: count }, () => `via=${encodeURIComponent(RELAY)}`).join('&')}`
    expect(codeOf(via(8))).toBe('accepted')
    expect(codeOf(via(9))).toBe('ErrAddress')
    const relays = Array.from({ length: 9 }, () => RELAY)
    expect(() => formatAddress({ shard: SHARD, relays, secret: undefined })).toThrow(/limits/)
  })

  it.each([
    ['nothing', ''],
    ['a URL', RELAY],
    ['another scheme', BASE.replace('constellite', 'constellation')],
    ['an id that lost its last letter', BASE.slice(0, -1)],
    ['an id with a letter too many', `${BASE}A`],
    ['an id with stray bits at its end', `${BASE.slice(0, -1)}_`],
    ['an unknown part', `${BASE}?via=${encodeURIComponent(RELAY)}&to=x`],
    ['an empty query', `${BASE}?`],
    ['a relay over http', `${BASE}?via=${encodeURIComponent('http://relay.example')}`],
    ['a relay with a password', `${BASE}?via=${encodeURIComponent('wss://me:pw@relay.example')}`],
    ['a relay with a fragment', `${BASE}?via=${encodeURIComponent(`${RELAY}#x`)}`],
    ['a relay that is no URL', `${BASE}?via=relay`],
    ['a broken escape', `${BASE}?via=%E0%A4%A`],
    ['a broken escape in its secret', `${BASE}#%ZZ`],
    ['two lines', `${BASE}\n${BASE}`],
    ['too much text', `${BASE}#${'x'.repeat(20_000)}`],
  ])('is not %s', (_, text) => {
    expect(codeOf(text)).toBe('ErrAddress')
  })

  it('loses no flipped letter of the id unnoticed: it names another shard or is refused', () => {
    for (let at = 12; at < BASE.length; at++) {
      const letter = BASE[at] === 'A' ? 'B' : 'A'
      const parsed = parseAddress(BASE.slice(0, at) + letter + BASE.slice(at + 1))
      if (parsed.ok) expect(parsed.value.shard).not.toEqual(SHARD)
    }
  })
})
