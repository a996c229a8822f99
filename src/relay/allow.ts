/** Allow: who may upload what to a relay.  An entry is 32 bytes, hex or base64url: a shard id, or the public
 *  key of an author, who may then upload what it wrote itself.
 *  Keeps: a key counts only where the far end of the connection has proved it, since an owner's and an author's
 *  public keys are known to every follower and can be named by anybody in a genesis of their own.
 *  Never: limits reading.  Whoever knows the id of a stored shard may read it: the address is what one shares. */

import { ConstelliteError } from '../base/failure.ts'
import { formatHex, parseBase64url, parseHex } from '../bytes/text.ts'

export type Allow = (asked: {
  readonly shard: Uint8Array
  /** Key that the far end has proved, where it is also the author of what it uploads. */
  readonly author: Uint8Array | undefined
}) => boolean

export const allowAll: Allow = () => true

export function allowOnly(entries: readonly Uint8Array[]): Allow {
  const allowed = new Set(entries.map(formatHex))
  return ({ shard, author }) =>
    allowed.has(formatHex(shard)) || (author !== undefined && allowed.has(formatHex(author)))
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
    message: `Not a shard id or an author's key: ${JSON.stringify(word.slice(0, 80))}.`,
    hint: 'Each is 32 bytes: 64 hexadecimal digits, or 43 characters of base64url.',
  })
}
