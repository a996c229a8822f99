/** Front: whom the relay's HTTP server lets through to a WebSocket, and what it says to a browser.  Pure.
 *  The `Host` that a client names becomes the binding of its handshake, so where the relay knows its own
 *  names it takes no other: a server in between that forwards the handshake is found out by that, and a
 *  page that reaches 127.0.0.1 through a name of its own is turned away.
 *  On loopback a page of another site is turned away by its `Origin`; programs send none. */

export type Front = {
  /** Undefined when the connection may go on; else the reason, for a status 403. */
  refusalOf(headers: {
    readonly host: string | undefined
    readonly origin: string | undefined
  }): string | undefined
}

export type FrontOptions = {
  readonly host: string
  readonly port: number
  /** Names under which the relay is reached, `relay.example` or `relay.example:8787`. */
  readonly names: readonly string[]
  /** Pages of any origin may connect. */
  readonly isOpen: boolean
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

export function createFront(options: FrontOptions): Front {
  const { host, port, names, isOpen } = options
  const onLoopback = isLoopback(host)
  const known = new Set(names.map((name) => name.toLowerCase()))
  if (onLoopback)
    for (const name of LOOPBACK_NAMES) known.add(new URL(`http://${name}:${port}`).host)
  return {
    refusalOf(headers) {
      const asked = headers.host?.toLowerCase()
      if (asked === undefined || asked === '') return 'a Host header is missing'
      if (known.size > 0 && !known.has(asked)) return `this relay is not known as ${asked}`
      if (!onLoopback || isOpen || headers.origin === undefined) return undefined
      return isLoopbackOrigin(headers.origin) ? undefined : 'pages of other sites are not let in'
    },
  }
}

function isLoopbackOrigin(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const { hostname } = new URL(origin)
  return LOOPBACK_NAMES.includes(hostname) || hostname.endsWith('.localhost')
}
