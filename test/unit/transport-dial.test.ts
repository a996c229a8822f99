/** The dialler keeps coming back, not all at once, and stops when told. */
import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/flow/backoff.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import {
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  DIAL_BACKOFF,
  type DialState,
  dial,
  STABLE_MS,
} from '../../src/transport/dial.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer } from '../../src/transport/transport.ts'
import { acceptorOptions, HUB_URL, testSigner } from './transport-fixtures.ts'

type Setup = {
  readonly host: ReturnType<typeof createManualHost>
  readonly hub: MemoryHub
  readonly states: DialState[]
  readonly sessions: Peer[]
  listen(): () => void
  start(answer?: (peer: Peer) => Promise<'redial' | 'stop'>): ReturnType<typeof dial>
}

function setUp(seed = 1): Setup {
  const host = createManualHost({ seed })
  const hub = createMemoryHub(host)
  const states: DialState[] = []
  const sessions: Peer[] = []
  return {
    host,
    hub,
    states,
    sessions,
    listen: () =>
      hub.listen(HUB_URL, (socket) => {
        // The acceptor's half fails with the connection; the dialler's half is what is tested.
        connectPeer(socket, acceptorOptions(host)).catch(() => undefined)
      }),
    start: (answer) =>
      dial({
        host,
        transport: hub.transport(HUB_URL),
        signer: testSigner(1),
        role: 'follower',
        onState: (state) => states.push(state),
        async session(peer) {
          sessions.push(peer)
          if (answer !== undefined) return answer(peer)
          await peer.closed
          return 'redial'
        },
      }),
  }
}

describe('dial', () => {
  it('tries again at once when the transport says that the network is back, until stopped', async () => {
    const { host, hub } = setUp()
    const heard = new Set<() => void>()
    let attempts = 0
    const dialler = dial({
      host,
      transport: {
        ...hub.transport(HUB_URL),
        connect: () => {
          attempts += 1
          return Promise.reject(new Error('no network'))
        },
        onReachable(listener) {
          heard.add(listener)
          return () => heard.delete(listener)
        },
      },
      signer: testSigner(1),
      role: 'follower',
      session: async () => 'redial',
    })
    for (let time = 0; time < 4; time++) await host.advance(BACKOFF_MAX_MS)
    const before = attempts
    for (const listener of heard) listener()
    await host.settle()
    expect(attempts).toBe(before + 1)
    await dialler.stop()
    expect(heard.size).toBe(0)
  })

  it('connects once somebody listens and says so', async () => {
    const { host, states, sessions, listen, start } = setUp()
    const dialer = start()
    await host.advance(100)
    expect(dialer.failure?.code).toBe('ErrConnection')
    expect(states.slice(0, 2)).toEqual(['connecting', 'waiting'])
    listen()
    await host.advance(BACKOFF_MAX_MS)
    expect(dialer.state).toBe('connected')
    expect(dialer.failure).toBeUndefined()
    expect(sessions).toHaveLength(1)
    await dialer.stop()
  })

  it('waits longer and longer, with full jitter, up to the bound', () => {
    const host = createManualHost({ seed: 7 })
    for (let attempt = 1; attempt <= 12; attempt++) {
      const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1))
      const waits = Array.from({ length: 200 }, () => backoffMs(attempt, DIAL_BACKOFF, host))
      expect(Math.max(...waits)).toBeLessThanOrEqual(bound)
      expect(Math.max(...waits)).toBeGreaterThan(bound * 0.9)
      expect(Math.min(...waits)).toBeLessThan(bound * 0.1)
    }
    expect(backoffMs(10_000, DIAL_BACKOFF, host)).toBeLessThanOrEqual(BACKOFF_MAX_MS)
  })

  it('does not bring many diallers back in one moment', async () => {
    const times = new Set<number>()
    for (let seed = 1; seed <= 30; seed++) {
      const { host, hub, states, listen, start } = setUp(seed)
      listen()
      const dialer = start()
      await host.settle()
      hub.cut()
      const cutAtMs = host.monotonicNow()
      await host.settle()
      while (states.at(-1) === 'waiting') await host.advance(1)
      times.add(host.monotonicNow() - cutAtMs)
      await dialer.stop()
    }
    expect(times.size).toBeGreaterThan(20)
  })

  it('starts over after a connection that stood, and only after one that did', async () => {
    const { host, hub, listen, start } = setUp()
    listen()
    const dialer = start()
    await host.settle()
    for (let turn = 0; turn < 4; turn++) {
      hub.cut()
      await host.settle()
      dialer.retryNow()
      await host.settle()
    }
    expect(dialer.attempts).toBe(5)
    await host.advance(STABLE_MS)
    hub.cut()
    await host.settle()
    expect(dialer.attempts).toBe(0)
    await dialer.stop()
  })

  it('dials at once when told that the network is back', async () => {
    const { host, listen, start } = setUp()
    const dialer = start()
    await host.advance(5 * 60_000)
    listen()
    while (dialer.state !== 'waiting') await host.advance(1)
    dialer.retryNow()
    await host.settle()
    expect(dialer.state).toBe('connected')
    await dialer.stop()
  })

  it('keeps what a session failed with and redials; stops when a session says so', async () => {
    const { host, sessions, listen, start } = setUp()
    listen()
    let turn = 0
    const dialer = start(async () => {
      turn += 1
      if (turn === 1) throw new Error('the session broke')
      return 'stop'
    })
    await host.settle()
    expect(dialer.failure).toMatchObject({ code: 'ErrInternal', message: 'the session broke' })
    await host.advance(BACKOFF_MAX_MS)
    expect(dialer.state).toBe('stopped')
    expect(sessions).toHaveLength(2)
    expect(host.timerCount).toBe(0)
  })

  it('stops in every state and leaves no timer and no connection', async () => {
    const waiting = setUp()
    const first = waiting.start()
    await waiting.host.settle()
    await first.stop()
    expect(first.state).toBe('stopped')
    expect(waiting.host.timerCount).toBe(0)

    const connected = setUp()
    connected.listen()
    const second = connected.start()
    await connected.host.settle()
    await Promise.all([second.stop(), connected.host.settle()])
    await connected.host.settle()
    expect(second.state).toBe('stopped')
    expect(connected.host.timerCount).toBe(0)

    const held = setUp()
    held.listen()
    held.hub.setFaults({ isHeld: true })
    const third = held.start()
    await held.host.settle()
    await third.stop()
    held.hub.cut()
    await held.host.settle()
    expect(held.host.timerCount).toBe(0)
  })
})
