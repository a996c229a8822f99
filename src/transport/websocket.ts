/** WebSocket transport as plain data: what `via` lists, and what crosses to a worker.  The platform
 *  builds it with websocket-global.ts (browsers, Bun) or websocket-node.ts (Node, Deno). */

import { ConstelliteError } from '../base/failure.ts'

export type WebSocketDescriptor = { readonly kind: 'websocket'; readonly url: string }

/** A relay reached over WebSocket.  Throws ErrOption for what is no `ws:` or `wss:` URL that an address
 *  can name, and for options: there are none yet. */
export function websocket(url: string): WebSocketDescriptor
export function websocket(url: string, options?: unknown): WebSocketDescriptor {
  // An index, as in `urls.map(websocket)`, asks for nothing.
  if (typeof options === 'object' && options !== null) throw noOptions()
  const parsed = parseUrl(url)
  if (parsed === undefined || !isRelay(parsed)) {
    throw new ConstelliteError({
      code: 'ErrOption',
      message: `Not the URL of a relay: ${JSON.stringify(String(url).slice(0, 200))}.`,
      hint: 'It looks like wss://relay.example or ws://127.0.0.1:8787, without user, password and "#" part.',
    })
  }
  return { kind: 'websocket', url: parsed.href }
}

/** What a handshake over this URL is bound to: host and, unless it is the scheme's own, port. */
export function bindingOfUrl(url: string): string {
  return new URL(url).host
}

export function openFailure(url: string, cause: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrConnection',
    message: `No connection to ${url}.`,
    hint: 'Check that the relay runs and that the URL is right.',
    facts: { url },
    retry: 'later',
    cause,
  })
}

/** Undefined for an ordinary close. */
export function closeFailure(
  url: string,
  code: number,
  text: string,
): ConstelliteError | undefined {
  if (code === 1000 || code === 1001 || code === 1005) return undefined
  return new ConstelliteError({
    code: 'ErrConnection',
    message: `The connection to ${url} broke${text === '' ? '' : `: ${text}`}.`,
    hint: 'It connects again by itself; if it stays so, check the URL and whether the relay runs.',
    facts: { url, closeCode: code },
    retry: 'later',
  })
}

/** An address is passed on, and tells everybody everything in it (frame/address.ts). */
function isRelay({ protocol, username, password, hash }: URL): boolean {
  const isPlain = username === '' && password === '' && hash === ''
  return isPlain && (protocol === 'ws:' || protocol === 'wss:')
}

function noOptions(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: 'websocket takes a URL and nothing else.',
    hint: 'An option that is not built is refused, not ignored.',
  })
}

function parseUrl(url: string): URL | undefined {
  try {
    return new URL(url)
  } catch {
    // Said by the caller as ErrOption.
    return undefined
  }
}
