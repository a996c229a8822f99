/** Before a far end has proved its key a relay's server buffers little of it, and afterwards whole messages. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { createNodeHost } from '../../src/platform/host-node.ts'
import type { RelayLimits } from '../../src/relay/relay-limits.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { encodeEnvelope } from '../../src/transport/envelope.ts'
import { PEER_LIMITS } from '../../src/transport/limits.ts'
import { splitIntoParts } from '../../src/transport/part.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { createNodeWebSocket } from '../../src/transport/websocket-node.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

const runtime = createNodeHost()

async function start(limits: Partial<RelayLimits> = {}): Promise<RunningRelay> {
  const dir = mkdtempSync(join(tmpdir(), 'constellite-relay-'))
  const relay = await startRelay({ runtime, dir, port: 0, limits })
  onTestFinished(async () => {
    await relay.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return relay
}

it('a message of a stranger over the limit is refused by its header, before its bytes come', async () => {
  const { url } = await start()
  const stranger = new WebSocket(url)
  await new Promise((resolve) => stranger.once('open', resolve))
  const closed = new Promise<number>((resolve) => stranger.once('close', resolve))
  // A frame that is never finished: only its header says how large it is.
  stranger.send(new Uint8Array(PEER_LIMITS.strangerBytesMax + 1), { fin: false, binary: true })
  expect(await closed).toBe(1009)
})

async function dial(url: string, key: number) {
  const transport = createNodeWebSocket(websocket(url))
  const socket = await transport.connect(new AbortController().signal)
  const { binding } = transport
  const signer = testSigner(key)
  const peer = await connectPeer(socket, {
    host: runtime,
    signer,
    role: 'writer',
    side: 'dialler',
    binding,
  })
  onTestFinished(() => peer.close())
  return { socket, peer }
}

it('whoever holds most of what all messages may take is ended, and nobody else', async () => {
  const { url } = await start({ heldBytesMax: 2 ** 21 })
  const quiet = await dial(url, 1)
  const hostile = await dial(url, 2)
  const whole = encodeEnvelope({ type: 'run', bytes: new Uint8Array(6 * 2 ** 20) })
  // The last part never comes, so the relay has to keep the others.
  for (const part of splitIntoParts(whole, 0).slice(0, -1)) hostile.socket.send(part)
  expect(await hostile.peer.closed).toMatchObject({ code: 'ErrBackpressure' })
  const chain = createTestChain()
  void quiet.peer.send(authorityOf(chain))
  void quiet.peer.send({ type: 'run', bytes: await chain.run(1, 1) })
  expect((await quiet.peer.receive()).type).toBe('receipt')
})

it('a peer that has proved its key sends large messages', async () => {
  const { url } = await start()
  const { peer } = await dial(url, 1)
  const chain = createTestChain()
  void peer.send(authorityOf(chain))
  void peer.send({ type: 'run', bytes: await chain.run(1, 900_000) })
  expect((await peer.receive()).type).toBe('receipt')
})
