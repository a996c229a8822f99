/** Allow: which shards a relay takes.  An entry is a 32-byte key or id, hex or base64url: a shard id, or the
 *  public key of an owner or of the author now in force, whose shards it then takes.
 *  Whoever knows the id of a shard that the relay takes may read it: the address is what one shares. */

import { ConstelliteError } from '../base/failure.ts'
import { formatHex, parseBase64url, parseHex } from '../bytes/text.ts'
import { type Authority, currentTerm } from '../frame/authority.ts'

export type Allow = (asked: {
  readonly shard: Uint8Array
  readonly authority: Authority
}) => boolean

export const allowAll: Allow = () => true

export function allowOnly(entries: readonly Uint8Array[]): Allow {
  const allowed = new Set(entries.map(formatHex))
  return ({ shard, authority }) =>
    allowed.has(formatHex(shard)) ||
    allowed.has(formatHex(authority.genesis.owner)) ||
    allowed.has(formatHex(currentTerm(authority).author))
}

/** What a variable of the environment says: `*` for every shard, else a list. */
export function parseAllow(text: string): Allow {
  return text.trim() === '*' ? allowAll : allowOnly(parseAllowList(text))
}

/** Entries separated by white space or commas; `#` begins a comment that ends with its line.  Throws
 *  ErrOption, naming the entry that is none. */
export function parseAllowList(text: string): readonly Uint8Array[] {
  const words = text
    .split('\n')
    .map((line) => line.replace(/#.*$/, ''))
    .join(' ')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  return words.map(parseEntry)
}

function parseEntry(word: string): Uint8Array {
  const parsed = /^[0-9a-f]{64}$/i.test(word) ? parseHex(word) : parseBase64url(word)
  if (parsed.ok && parsed.value.byteLength === 32) return parsed.value
  throw new ConstelliteError({
    code: 'ErrOption',
    message: `Not a shard id or public key: ${JSON.stringify(word.slice(0, 80))}.`,
    hint: 'Each is 32 bytes: 64 hexadecimal digits, or 43 characters of base64url.',
  })
}
