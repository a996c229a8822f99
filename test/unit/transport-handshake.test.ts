/** The handshake lets two keys meet only when each has proved itself for this connection. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { encodeEnvelope } from '../../src/transport/envelope.ts'
import { encodeHello, encodeProof, transcriptOf } from '../../src/transport/hello.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Socket } from '../../src/transport/transport.ts'
import {
  acceptorOptions,
  diallerOptions,
  openPeers,
  openSockets,
  rejectionOf,
  type SocketPair,
  testSigner,
} from './transport-fixtures.ts'

let host: ManualHost
let hub: MemoryHub
let sockets: SocketPair

beforeEach(async () => {
  host = createManualHost()
  hub = createMemoryHub(host)
  sockets = await openSockets(hub, host)
})

/** Messages that arrive at a socket driven by hand. */
function record(socket: Socket): Uint8Array[] {
  const messages: Uint8Array[] = []
  socket.onMessage = (message) => messages.push(message)
  return messages
}

function helloOf(byte: number, role: 'writer' | 'relay' = 'writer'): Uint8Array {
  return encodeHello({
    role,
    publicKey: testSigner(byte).publicKey,
    nonce: new Uint8Array(32).fill(byte),
    clockMs: 1,
  })
}

describe('handshake', () => {
  it('tells each side the key and role that the other proved', async () => {
    const { relay, client } = await openPeers()
    expect(relay.publicKey).toEqual(testSigner(2).publicKey)
    expect(relay.role).toBe('relay')
    expect(client.publicKey).toEqual(testSigner(1).publicKey)
    expect(client.role).toBe('writer')
  })

  it('refuses a peer that holds another key than it names', async () => {
    const liar = { publicKey: testSigner(9).publicKey, sign: testSigner(3).sign }
    const dialled = rejectionOf(
      connectPeer(sockets.dialler, { ...diallerOptions(host), signer: liar }),
    )
    const accepted = rejectionOf(connectPeer(sockets.acceptor, acceptorOptions(host)))
    await host.settle()
    expect((await accepted).code).toBe('ErrHandshake')
    expect((await dialled).code).toBe('ErrHandshake')
  })

  it('refuses an acceptor that holds another key than it names', async () => {
    const liar = { publicKey: testSigner(9).publicKey, sign: testSigner(3).sign }
    const dialled = rejectionOf(connectPeer(sockets.dialler, diallerOptions(host)))
    void connectPeer(sockets.acceptor, { ...acceptorOptions(host), signer: liar }).catch(() => 0)
    await host.settle()
    expect((await dialled).code).toBe('ErrHandshake')
  })

  it('refuses a proof made for another connection: a man in the middle cannot pass it on', async () => {
    const dialled = rejectionOf(
      connectPeer(sockets.dialler, { ...diallerOptions(host), binding: 'evil.test' }),
    )
    const accepted = rejectionOf(connectPeer(sockets.acceptor, acceptorOptions(host)))
    await host.settle()
    expect((await accepted).code).toBe('ErrHandshake')
    expect((await dialled).code).toBe('ErrHandshake')
  })

  it('refuses a recorded proof on a new connection, because nonces are fresh', async () => {
    const seen = record(sockets.dialler)
    const first = connectPeer(sockets.acceptor, acceptorOptions(host))
    const hello = helloOf(1)
    sockets.dialler.send(hello)
    await host.settle()
    const proof = encodeProof(
      await testSigner(1).sign(
        transcriptOf({
          dialler: hello,
          acceptor: seen[0] as Uint8Array,
          signer: 'dialler',
          binding: 'hub.test:8787',
        }),
      ),
    )
    sockets.dialler.send(proof)
    await host.settle()
    expect((await first).publicKey).toEqual(testSigner(1).publicKey)

    const again = await openSockets(hub, host)
    const second = rejectionOf(connectPeer(again.acceptor, acceptorOptions(host)))
    again.dialler.send(hello)
    again.dialler.send(proof)
    await host.settle()
    expect((await second).code).toBe('ErrHandshake')
  })

  it('refuses its own hello and proof sent back to it', async () => {
    sockets.acceptor.onMessage = (message) => sockets.acceptor.send(message)
    const dialled = rejectionOf(connectPeer(sockets.dialler, diallerOptions(host)))
    await host.settle()
    expect((await dialled).message).toContain('our own key')
  })

  it('refuses an unknown version and says which', async () => {
    const seen = record(sockets.dialler)
    const accepted = rejectionOf(connectPeer(sockets.acceptor, acceptorOptions(host)))
    const hello = helloOf(1)
    hello[5] = 2
    sockets.dialler.send(hello)
    await host.settle()
    expect(await accepted).toMatchObject({ code: 'ErrHandshake', facts: { found: 2, spoken: 1 } })
    expect(seen[0]?.[0]).toBe(10)
  })

  it.each([
    ['an envelope before the hello', [encodeEnvelope({ type: 'run', bytes: new Uint8Array(9) })]],
    ['a ping before the hello', [Uint8Array.of(11, 0, 0, 0, 0)]],
    [
      'an envelope before the proof',
      [helloOf(1), encodeEnvelope({ type: 'run', bytes: new Uint8Array(9) })],
    ],
    ['a second hello', [helloOf(1), helloOf(1)]],
  ])('refuses %s', async (_, messages) => {
    const accepted = rejectionOf(connectPeer(sockets.acceptor, acceptorOptions(host)))
    for (const message of messages) sockets.dialler.send(message)
    await host.settle()
    expect((await accepted).code).toBe('ErrHandshake')
  })

  it('refuses a hello or proof with any byte flipped', async () => {
    const hello = helloOf(1)
    for (const target of ['hello', 'proof'] as const) {
      const size = target === 'hello' ? hello.length : 69
      for (let at = 0; at < size; at++) {
        const pair = await openSockets(hub, host)
        const seen = record(pair.dialler)
        const accepted = connectPeer(pair.acceptor, acceptorOptions(host)).then(
          () => 'accepted',
          () => 'refused',
        )
        const sent = hello.slice()
        if (target === 'hello') sent[at] = (sent[at] as number) ^ 1
        pair.dialler.send(sent)
        await host.settle()
        if (seen[0]?.[0] === 1) {
          const transcript = transcriptOf({
            dialler: hello,
            acceptor: seen[0],
            signer: 'dialler',
            binding: 'hub.test:8787',
          })
          const proof = encodeProof(await testSigner(1).sign(transcript))
          if (target === 'proof') proof[at] = (proof[at] as number) ^ 1
          pair.dialler.send(proof)
          await host.settle()
        }
        expect(await accepted, `byte ${at} of the ${target}`).toBe('refused')
      }
    }
  })

  it('gives up a silent far end at the deadline', async () => {
    const accepted = rejectionOf(connectPeer(sockets.acceptor, acceptorOptions(host)))
    await host.advance(9_999)
    const pending = Symbol('pending')
    expect(await Promise.race([accepted, Promise.resolve(pending)])).toBe(pending)
    await host.advance(1)
    expect((await accepted).code).toBe('ErrTimeout')
    expect(host.timerCount).toBe(0)
  })

  it("tells the dialler the acceptor's own refusal", async () => {
    const dialled = rejectionOf(connectPeer(sockets.dialler, diallerOptions(host)))
    const refusal = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrDenied',
      message: 'Not on the list.',
    })
    const accepted = rejectionOf(
      connectPeer(sockets.acceptor, { ...acceptorOptions(host), admit: () => refusal }),
    )
    await host.settle()
    expect((await accepted).code).toBe('ErrDenied')
    expect((await dialled).code).toBe('ErrDenied')
  })
})
