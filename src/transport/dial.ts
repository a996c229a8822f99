/** Dial: keeps one authenticated connection to one address, again and again.
 *  Backoff doubles from 250 ms to 30 s with full jitter (a delay is uniform between 0 and the bound, so
 *  that clients which lost a relay together do not return together) and starts over after a connection
 *  that stood for 10 s.
 *  Keeps: at most one connection; `stop` leaves none. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import { delay, type Host } from '../base/host.ts'
import type { Signer } from '../crypto/signer.ts'
import { type Backoff, backoffMs } from '../flow/backoff.ts'
import type { PeerLimits } from './limits.ts'
import { connectPeer } from './peer.ts'
import type { Peer, PeerRole, Transport } from './transport.ts'

export const BACKOFF_FIRST_MS = 250
export const BACKOFF_MAX_MS = 30_000
export const DIAL_BACKOFF: Backoff = {
  baseDelayMs: BACKOFF_FIRST_MS,
  maxDelayMs: BACKOFF_MAX_MS,
  jitter: 'full',
}
export const STABLE_MS = 10_000
/** Time for the socket to open; the handshake has its own deadline. */
export const CONNECT_MS = 15_000

export type DialState = 'connecting' | 'connected' | 'waiting' | 'stopped'

export type DialOptions = {
  readonly transport: Transport
  readonly host: Host
  readonly signer: Signer
  readonly role: PeerRole
  /** Runs one connection.  When it settles the peer is closed and, unless it answered 'stop', dialled
   *  again after the backoff; what it rejects with becomes `failure`. */
  session(peer: Peer): Promise<'redial' | 'stop'>
  onState?(state: DialState): void
  readonly limits?: Partial<PeerLimits>
}

export type Dialer = {
  readonly state: DialState
  /** Why the last connection failed or ended; undefined after a clean end or before any. */
  readonly failure: ConstelliteError | undefined
  /** Attempts since the last connection that stood. */
  readonly attempts: number
  /** Ends a wait at once: the network came back, the page became visible. */
  retryNow(): void
  /** Resolves when the connection is closed and the session has settled. */
  stop(): Promise<void>
}

export function dial(options: DialOptions): Dialer {
  const { host } = options
  const stopping = new AbortController()
  let waking = new AbortController()
  let state: DialState = 'connecting'
  let failure: ConstelliteError | undefined
  let attempts = 0

  const enter = (next: DialState): void => {
    state = next
    options.onState?.(next)
  }
  const connectOnce = async (): Promise<'redial' | 'stop'> => {
    enter('connecting')
    const peer = await openPeer(options, stopping.signal)
    const sinceMs = host.monotonicNow()
    enter('connected')
    try {
      failure = undefined
      return await options.session(peer)
    } finally {
      peer.close()
      if (host.monotonicNow() - sinceMs >= STABLE_MS) attempts = 0
    }
  }
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      attempts += 1
      try {
        if ((await connectOnce()) === 'stop') break
      } catch (error) {
        if (!stopping.signal.aborted) failure = failureOf(error)
      }
      if (stopping.signal.aborted) break
      enter('waiting')
      waking = new AbortController()
      // A wait that was cut short is over like any other.
      await delay(host, backoffMs(attempts, DIAL_BACKOFF, host), waking.signal).catch(
        () => undefined,
      )
    }
    enter('stopped')
  }
  const unsubscribe = options.transport.onReachable?.(() => waking.abort())
  const done = loop().finally(() => unsubscribe?.())
  return {
    get state() {
      return state
    },
    get failure() {
      return failure
    },
    get attempts() {
      return attempts
    },
    retryNow: () => waking.abort(),
    stop() {
      stopping.abort()
      waking.abort()
      return done
    },
  }
}

async function openPeer(options: DialOptions, stop: AbortSignal): Promise<Peer> {
  const { host, transport, signer, role, limits } = options
  const giveUp = new AbortController()
  const onStop = (): void => giveUp.abort(stop.reason)
  stop.addEventListener('abort', onStop, { once: true })
  const deadline = host.setTimer(CONNECT_MS, () => giveUp.abort(connectTimeout(transport.url)))
  try {
    const socket = await transport.connect(giveUp.signal)
    return await connectPeer(socket, {
      host,
      signer,
      role,
      side: 'dialler',
      binding: transport.binding,
      signal: stop,
      ...(limits === undefined ? {} : { limits }),
    })
  } finally {
    deadline.cancel()
    stop.removeEventListener('abort', onStop)
  }
}

function connectTimeout(url: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: `${url} did not answer within ${CONNECT_MS / 1000} s.`,
    hint: 'It is tried again by itself; check that the relay runs and that the URL is right.',
    retry: 'later',
    facts: { url, timeoutMs: CONNECT_MS },
  })
}
