/** A peer's queues are bounded both ways, silence ends it, and damage is never taken for a message. */
import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import { type Envelope, encodeEnvelope } from '../../src/transport/envelope.ts'
import { PEER_LIMITS, WINDOW_BYTES } from '../../src/transport/limits.ts'
import { splitIntoParts } from '../../src/transport/part.ts'
import type { Peer } from '../../src/transport/transport.ts'
import { openPeers, rejectionOf } from './transport-fixtures.ts'

const KIB = 1024
const run = (sizeBytes: number, fill = 0): Envelope => ({
  type: 'run',
  bytes: new Uint8Array(sizeBytes).fill(fill),
})

async function receiveAll(peer: Peer, count: number): Promise<Envelope[]> {
  const received: Envelope[] = []
  for (let index = 0; index < count; index++) received.push(await peer.receive())
  return received
}

/** What a promise has come to without waiting for it. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  const settled = promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  )
  return Promise.race([settled, Promise.resolve().then(() => 'pending' as const)])
}

describe('order and size', () => {
  it('delivers envelopes in order, small and far over 1 MiB mixed', async () => {
    const { host, relay, client } = await openPeers()
    const sizes = [10, 3_000_000, 20, 1_048_571, 1_048_572, 0]
    const sent = sizes.map((size, index) => relay.send(run(size, index)))
    const receiving = receiveAll(client, sizes.length)
    await host.advance(100)
    const received = await receiving
    await Promise.all(sent)
    const seen = received.map((envelope) =>
      envelope.type === 'run' ? [envelope.bytes.length, envelope.bytes[0] ?? 0] : [],
    )
    expect(seen).toEqual(sizes.map((size, index) => [size, size === 0 ? 0 : index]))
  })
})

describe('back-pressure', () => {
  it('holds the sender at one window until the receiver takes envelopes, then all arrive', async () => {
    const { host, hub, relay, client } = await openPeers()
    const count = 64
    const sent: Promise<void>[] = []
    const sending = (async () => {
      for (let index = 0; index < count; index++) {
        const one = relay.send(run(256 * KIB, index))
        sent.push(one)
        await one
      }
    })()
    await host.advance(1000)
    // The window, and the queue whose overflow makes `send` wait; nothing was taken yet.
    expect(sent.length).toBe(WINDOW_BYTES / (256 * KIB) - 1 + 4)
    expect(await stateOf(sending)).toBe('pending')
    const inFlight = hub.counters.sent
    const receiving = receiveAll(client, count)
    await host.advance(1000)
    await sending
    const received = await receiving
    expect(received.map((envelope) => envelope.type === 'run' && envelope.bytes[0])).toEqual(
      Array.from({ length: count }, (_, index) => index),
    )
    expect(inFlight).toBeLessThan(32)
  })

  it('lets one message larger than the window through when nothing else is under way', async () => {
    const { host, relay, client } = await openPeers()
    void relay.send(run(900 * KIB))
    void relay.send(run(6_000_000))
    void relay.send(run(10))
    await host.advance(100)
    const receiving = receiveAll(client, 3)
    await host.advance(100)
    const received = await receiving
    expect(received.map((one) => one.type === 'run' && one.bytes.length)).toEqual([
      900 * KIB,
      6_000_000,
      10,
    ])
  })

  it('drops a caller that never waits once its queue is at the limit', async () => {
    const { host, relay, client } = await openPeers({ sendQueueBytesMax: 8_000_000 })
    const sent = Array.from({ length: 20 }, () => relay.send(run(1_000_000)))
    await host.settle()
    expect((await relay.closed)?.code).toBe('ErrBackpressure')
    expect((await rejectionOf(sent.at(-1) as Promise<void>)).code).toBe('ErrBackpressure')
    expect((await client.closed)?.code).toBe('ErrBackpressure')
  })

  it('drops a receiver that takes nothing for the stall limit', async () => {
    const { host, relay } = await openPeers()
    for (let index = 0; index < 6; index++) void relay.send(run(1_000_000))
    await host.advance(PEER_LIMITS.stallMs - 1)
    expect(await stateOf(relay.closed)).toBe('pending')
    await host.advance(PEER_LIMITS.pingAfterMs)
    expect((await relay.closed)?.code).toBe('ErrBackpressure')
  })

  it('refuses a sender that goes past its window', async () => {
    const { host, sockets, client } = await openPeers()
    const message = encodeEnvelope(run(1_000_000))
    for (let index = 0; index < 6; index++) sockets.dialler.send(message)
    await host.settle()
    expect((await client.closed)?.code).toBe('ErrProtocol')
  })

  it('refuses a flood that comes in one turn, before it reads any of it', async () => {
    const { host, sockets, client } = await openPeers({ unreadBytesMax: 1_000_000 })
    for (let index = 0; index < 20; index++) sockets.dialler.send(encodeEnvelope(run(100_000)))
    await host.settle()
    expect((await client.closed)?.code).toBe('ErrBackpressure')
  })
})

describe('heartbeat', () => {
  it('keeps a quiet connection open as long as the far end answers pings', async () => {
    const { host, relay, client } = await openPeers()
    await host.advance(10 * 60_000)
    expect(await stateOf(relay.closed)).toBe('pending')
    const receiving = client.receive()
    await relay.send(run(3))
    await host.settle()
    expect((await receiving).type).toBe('run')
  })

  it('gives a silent connection up at the deadline, not before, and leaves no timer', async () => {
    const { host, hub, relay, client } = await openPeers()
    hub.setFaults({ isHeld: true })
    await host.advance(PEER_LIMITS.silenceMs - 1)
    expect(await stateOf(client.closed)).toBe('pending')
    const receiving = rejectionOf(client.receive())
    await host.advance(PEER_LIMITS.pingAfterMs / 3 + 1)
    expect((await client.closed)?.code).toBe('ErrTimeout')
    expect((await receiving).code).toBe('ErrTimeout')
    expect(await stateOf(relay.closed)).toBe('resolved')
    expect(host.timerCount).toBe(0)
  })
})

describe('ends', () => {
  it('tells the far end why, after what was received before', async () => {
    const { host, relay, client } = await openPeers()
    await relay.send(run(3))
    await host.settle()
    relay.close(
      new ConstelliteError({ hint: 'Try it.', code: 'ErrDenied', message: 'Not this shard.' }),
    )
    await host.settle()
    expect((await client.receive()).type).toBe('run')
    expect(await client.receive()).toEqual({
      type: 'error',
      code: 'ErrDenied',
      text: 'Not this shard.',
    })
    expect(await rejectionOf(client.receive())).toMatchObject({ code: 'ErrDenied' })
    expect((await client.closed)?.facts).toMatchObject({ remote: true })
    expect((await rejectionOf(relay.send(run(1)))).code).toBe('ErrDenied')
  })

  it('rejects what waits when the network breaks', async () => {
    const { host, hub, relay } = await openPeers()
    const receiving = rejectionOf(relay.receive())
    hub.cut()
    await host.settle()
    expect((await receiving).code).toBe('ErrConnection')
    expect((await relay.closed)?.code).toBe('ErrConnection')
  })

  it.each([
    ['a hello after the handshake', Uint8Array.of(1, 0, 0, 0, 0)],
    ['an unknown type', Uint8Array.of(99, 0, 0, 0, 0)],
    ['an empty message', new Uint8Array(0)],
    ['a wrong length', Uint8Array.of(6, 0, 0, 0, 9)],
    ['a message over 1 MiB', encodeEnvelope(run(1_048_572))],
    ['a pong with trailing bytes', Uint8Array.of(12, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ])('ends the connection on %s', async (_, message) => {
    const { host, sockets, client } = await openPeers()
    sockets.dialler.send(message)
    await host.settle()
    expect(['ErrDecode', 'ErrTooLarge']).toContain((await client.closed)?.code)
  })

  it('ends the connection when another message comes between parts, but takes an error there', async () => {
    const parts = splitIntoParts(encodeEnvelope(run(2_000_000)), 1)
    const first = await openPeers()
    first.sockets.dialler.send(parts[0] as Uint8Array)
    first.sockets.dialler.send(encodeEnvelope(run(1)))
    await first.host.settle()
    expect((await first.client.closed)?.code).toBe('ErrProtocol')
    const second = await openPeers()
    second.sockets.dialler.send(parts[0] as Uint8Array)
    second.relay.close(
      new ConstelliteError({ hint: 'Try it.', code: 'ErrRelayFull', message: 'Full.' }),
    )
    await second.host.settle()
    expect((await second.client.closed)?.code).toBe('ErrRelayFull')
  })
})

describe('faults', () => {
  it('never joins anything but what was split, when parts are lost or repeated', async () => {
    const outcomes = { whole: 0, ended: 0, open: 0 }
    for (let seed = 1; seed <= 20; seed++) {
      const { host, hub, relay, client } = await openPeers({}, seed)
      hub.setFaults({ loss: 0.1, duplicate: 0.1 })
      void relay.send(run(5_000_000, seed))
      let outcome: Envelope | 'ended' | undefined
      client.receive().then(
        (envelope) => {
          outcome = envelope
        },
        () => {
          outcome = 'ended'
        },
      )
      await host.advance(1000)
      if (outcome === undefined) outcomes.open += 1
      else if (outcome === 'ended') outcomes.ended += 1
      else {
        outcomes.whole += 1
        const bytes = outcome.type === 'run' ? outcome.bytes : new Uint8Array(0)
        expect(bytes.length === 5_000_000 && bytes.every((byte) => byte === seed)).toBe(true)
      }
    }
    expect(outcomes.whole).toBeGreaterThan(0)
    expect(outcomes.ended).toBeGreaterThan(0)
  })

  it('absorbs lost and repeated pongs: credit never moves back or past what was sent', async () => {
    const { host, sockets, relay, client } = await openPeers()
    const pong = (bytes: number): Uint8Array => {
      const message = new Uint8Array(13)
      message.set([12, 0, 0, 0, 8])
      new DataView(message.buffer).setBigUint64(5, BigInt(bytes))
      return message
    }
    sockets.acceptor.send(pong(2 ** 40))
    await host.settle()
    for (let index = 0; index < 6; index++) void relay.send(run(1_000_000))
    sockets.acceptor.send(pong(5))
    await host.settle()
    const receiving = receiveAll(client, 6)
    await host.advance(100)
    expect((await receiving).length).toBe(6)
    expect(await stateOf(client.closed)).toBe('pending')
  })

  it('refuses receipts and wants that arrive damaged in form', async () => {
    const { host, sockets, client } = await openPeers()
    const want = encodeEnvelope({
      type: 'want',
      shard: new Uint8Array(32),
      author: new Uint8Array(32),
      from: toSeq(1),
      to: undefined,
    })
    want[want.length - 1] = 2
    sockets.dialler.send(want)
    await host.settle()
    expect((await client.closed)?.code).toBe('ErrDecode')
  })
})
