/** Address: relay URLs and a shard id as one string to paste (FORMATS §13).
 *  `constellite:` base64url(shard id) `?via=` percent-encoded relay URL, `&via=` …, `#` secret.
 *  Keeps: the shard id alone says whom to believe; the relays are only where to ask.  A secret stands
 *  after `#` only, where browsers and servers do not send or log it.
 *  Never: accepts what it does not know; a mistyped address is refused, not guessed. */

import { assert } from '../base/assert.ts'
import { fail, type Result, succeed } from '../base/failure.ts'
import { formatBase64url, parseBase64url } from '../bytes/text.ts'
import { CHECKSUM_BYTES } from './layout.ts'

export type Address = {
  readonly shard: Uint8Array
  /** ws: or wss: URLs, in the order in which to try them. */
  readonly relays: readonly string[]
  readonly secret: string | undefined
}

export const ADDRESS_RELAYS_MAX = 8
export const ADDRESS_CHARS_MAX = 16_384
const SCHEME = 'constellite:'
const VIA = 'via='

export function formatAddress(address: Address): string {
  assert(address.shard.byteLength === CHECKSUM_BYTES, 'a shard id has 32 bytes')
  const secret = address.secret === undefined ? '' : `#${encodeURIComponent(address.secret)}`
  const text = addressText(address.relays, address.shard) + secret
  assert(parseAddress(text).ok, 'an address keeps its limits')
  return text
}

/** Takes an address as it was pasted; spaces and line ends around it are dropped. */
export function parseAddress(pasted: string): Result<Address> {
  const text = pasted.trim()
  if (text.length > ADDRESS_CHARS_MAX) return refuse(`it has over ${ADDRESS_CHARS_MAX} characters`)
  const match = /^constellite:([A-Za-z0-9_-]+)(?:\?([^#]*))?(?:#(.*))?$/.exec(text)
  if (match === null) return refuse(`it does not look like ${SCHEME}…`)
  const [, id = '', query, fragment] = match
  const shard = parseBase64url(id)
  if (!shard.ok || shard.value.byteLength !== CHECKSUM_BYTES) {
    return refuse('its shard id is not complete')
  }
  const relays = query === undefined ? succeed([]) : parseRelays(query)
  if (!relays.ok) return relays
  const secret = fragment === undefined ? undefined : decodeEscapes(fragment)
  if (secret === undefined && fragment !== undefined) return refuse('its secret is damaged')
  return succeed({ shard: shard.value, relays: relays.value, secret })
}

/** Whether an address can name these relays, in this order, together. */
export function checkRelays(relays: readonly string[]): Result<readonly string[]> {
  const parsed = parseAddress(addressText(relays))
  return parsed.ok ? succeed(parsed.value.relays) : parsed
}

function addressText(
  relays: readonly string[],
  shard: Uint8Array = new Uint8Array(CHECKSUM_BYTES),
): string {
  const via = relays.map((url) => VIA + encodeURIComponent(url)).join('&')
  return `${SCHEME}${formatBase64url(shard)}${via === '' ? '' : `?${via}`}`
}

function parseRelays(query: string): Result<readonly string[]> {
  const relays: string[] = []
  for (const part of query.split('&')) {
    if (!part.startsWith(VIA)) return refuse(`it has an unknown part ${JSON.stringify(part)}`)
    if (relays.length === ADDRESS_RELAYS_MAX) {
      return refuse(`it names over ${ADDRESS_RELAYS_MAX} relays`)
    }
    const url = decodeEscapes(part.slice(VIA.length))
    if (url === undefined || !isRelayUrl(url)) {
      return refuse('a relay in it is not a ws: or wss: URL without user, password and fragment')
    }
    relays.push(url)
  }
  return succeed(relays)
}

function isRelayUrl(text: string): boolean {
  try {
    const { protocol, username, password, hash } = new URL(text)
    const isPlain = username === '' && password === '' && hash === ''
    return isPlain && (protocol === 'ws:' || protocol === 'wss:')
  } catch {
    // URL answers "malformed" by throwing only; URL.canParse is younger than our targets.
    return false
  }
}

function decodeEscapes(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // A broken escape is all that decodeURIComponent throws for.
    return undefined
  }
}

function refuse(what: string): Result<never> {
  return fail({
    code: 'ErrAddress',
    message: `Not an address: ${what}.`,
    hint: 'Copy the whole text again; it begins with "constellite:".',
  })
}
