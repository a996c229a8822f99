/** A far end that asks and does not read costs one answer, and its connection ends. */
import { expect, it } from 'vitest'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { MESSAGE_TYPE } from '../../src/transport/layout.ts'
import { PEER_LIMITS } from '../../src/transport/limits.ts'
import { createMemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Socket } from '../../src/transport/transport.ts'
import { acceptorOptions, diallerOptions, openSockets } from './transport-fixtures.ts'

const PING = Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0)

/** An acceptor whose socket keeps what it is given while `isFull`, and counts the pongs. */
async function openUnread() {
  const host = createManualHost()
  const sockets = await openSockets(createMemoryHub(host), host)
  const full = { isFull: false, pongs: 0 }
  const socket: Socket = Object.defineProperties(Object.create(sockets.acceptor), {
    send: {
      value(message: Uint8Array) {
        if (message[0] === MESSAGE_TYPE.pong) full.pongs += 1
        sockets.acceptor.send(message)
      },
    },
    bufferedBytes: { get: () => (full.isFull ? PEER_LIMITS.socketBytes : 0) },
    onMessage: { set: (listener) => Object.assign(sockets.acceptor, { onMessage: listener }) },
    onClose: { set: (listener) => Object.assign(sockets.acceptor, { onClose: listener }) },
  })
  const dialler = connectPeer(sockets.dialler, {
    ...diallerOptions(host),
    // It gives nothing up by itself.
    limits: { silenceMs: 3_600_000 },
  })
  const acceptor = connectPeer(socket, acceptorOptions(host))
  await host.settle()
  await dialler
  return { host, full, acceptor: await acceptor, dialler: sockets.dialler }
}

it('many pings that come while the socket is full are answered by one pong once it has room', async () => {
  const { host, full, dialler } = await openUnread()
  full.isFull = true
  for (let index = 0; index < 1000; index++) dialler.send(PING)
  await host.advance(1000)
  expect(full.pongs).toBe(0)
  full.isFull = false
  await host.advance(1000)
  expect(full.pongs).toBe(1)
})

it('one that pings and takes no answer for the stall limit is dropped', async () => {
  const { host, full, acceptor, dialler } = await openUnread()
  full.isFull = true
  let reason: string | undefined
  void acceptor.closed.then((why) => {
    reason = why?.code
  })
  for (let atMs = 0; atMs < PEER_LIMITS.stallMs; atMs += 1000) {
    dialler.send(PING)
    await host.advance(1000)
  }
  await host.advance(PEER_LIMITS.pingAfterMs)
  expect(reason).toBe('ErrBackpressure')
})
