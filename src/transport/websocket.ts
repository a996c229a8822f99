/** WebSocket transport as plain data: what `via` lists, and what crosses to a worker.  The platform
 *  builds it with websocket-global.ts (browsers, Bun) or websocket-node.ts (Node, Deno). */

import { ConstelliteError } from '../base/failure.ts'

export type WebSocketDescriptor = { readonly kind: 'websocket'; readonly url: string }

/** A relay reached over WebSocket.  Throws ErrOption for what is no `ws:` or `wss:` URL. */
export function websocket(url: string): WebSocketDescriptor {
  const parsed = parseUrl(url)
  if (parsed === undefined || !['ws:', 'wss:'].includes(parsed.protocol) || parsed.hash !== '') {
    throw new ConstelliteError({
      code: 'ErrOption',
      message: `Not the URL of a relay: ${JSON.stringify(String(url).slice(0, 200))}.`,
      hint: 'It looks like wss://relay.example or ws://127.0.0.1:8787, without a "#" part.',
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
    facts: { url, closeCode: code },
    retry: 'later',
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
