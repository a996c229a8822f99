/** Two peers over real WebSockets on loopback: the same handshake, order, sizes and ends. */
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer, Transport } from '../../src/transport/transport.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { createNodeWebSocket, socketOfWs, WS_OPTIONS } from '../../src/transport/websocket-node.ts'
import { rejectionOf, testSigner } from './transport-fixtures.ts'

const host = createNodeHost()
let server: WebSocketServer | undefined

afterEach(() => {
  for (const client of server?.clients ?? []) client.terminate()
  server?.close()
  server = undefined
})

async function listen(accept: (webSocket: WebSocket, binding: string) => void): Promise<string> {
  server = new WebSocketServer({ ...WS_OPTIONS, host: '127.0.0.1', port: 0 })
  server.on('connection', (webSocket, request) => accept(webSocket, request.headers.host ?? ''))
  await new Promise((resolve) => server?.once('listening', resolve))
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function connectBoth(
  build: (url: string) => Transport,
): Promise<{ client: Peer; relay: Peer }> {
  const accepted = new Promise<Peer>((resolve, reject) => {
    listen((webSocket, binding) => {
      const options = { host, signer: testSigner(2), role: 'relay', side: 'acceptor' } as const
      connectPeer(socketOfWs(webSocket, 'client'), { ...options, binding }).then(resolve, reject)
    }).then(async (url) => {
      const transport = build(url)
      const socket = await transport.connect(new AbortController().signal)
      dialled(
        await connectPeer(socket, {
          host,
          signer: testSigner(1),
          role: 'writer',
          side: 'dialler',
          binding: transport.binding,
        }),
      )
    }, reject)
  })
  let dialled: (peer: Peer) => void = () => undefined
  const client = new Promise<Peer>((resolve) => {
    dialled = resolve
  })
  return { relay: await accepted, client: await client }
}

describe('websocket over ws', () => {
  it('authenticates, carries 5 MiB both ways and closes cleanly', async () => {
    const { client, relay } = await connectBoth((url) => createNodeWebSocket(websocket(url)))
    expect(relay.publicKey).toEqual(testSigner(1).publicKey)
    const bytes = host.random(65_536)
    const big = new Uint8Array(5 * 1024 * 1024)
    for (let at = 0; at < big.length; at += bytes.length) big.set(bytes, at)
    for (const [from, to] of [
      [client, relay],
      [relay, client],
    ] as const) {
      const receiving = to.receive()
      await from.send({ type: 'run', bytes: big })
      const envelope = await receiving
      expect(envelope.type === 'run' && Buffer.compare(envelope.bytes, big)).toBe(0)
    }
    client.close()
    expect(await relay.closed).toBeUndefined()
  })

  it('rejects with ErrConnection where nobody listens, and with the reason when given up', async () => {
    const url = await listen(() => undefined)
    server?.close()
    const transport = createNodeWebSocket(websocket(url))
    const refused = await rejectionOf(transport.connect(new AbortController().signal))
    expect(refused.code).toBe('ErrConnection')
    const aborted = AbortSignal.abort(new Error('given up'))
    expect((await rejectionOf(transport.connect(aborted))).message).toBe('given up')
  })

  it('ends with ErrConnection when the far end vanishes without a close', async () => {
    const { client } = await connectBoth((url) => createNodeWebSocket(websocket(url)))
    const receiving = rejectionOf(client.receive())
    for (const webSocket of server?.clients ?? []) webSocket.terminate()
    expect((await receiving).code).toBe('ErrConnection')
  })

  it('refuses text messages', async () => {
    const { client } = await connectBoth((url) => createNodeWebSocket(websocket(url)))
    for (const webSocket of server?.clients ?? []) webSocket.send('hello')
    expect((await client.closed)?.code).toBe('ErrDecode')
  })
})

describe('descriptor', () => {
  it('is plain data, with the URL in one form', () => {
    expect(structuredClone(websocket('WSS://Relay.Example'))).toEqual({
      kind: 'websocket',
      url: 'wss://relay.example/',
    })
    expect(createNodeWebSocket(websocket('ws://[::1]:8787/x')).binding).toBe('[::1]:8787')
    expect(createNodeWebSocket(websocket('wss://relay.example:443')).binding).toBe('relay.example')
  })

  it.each(['', 'relay.example', 'https://relay.example', 'ws://relay.example/#secret'])(
    'refuses %j',
    (url) => {
      expect(() => websocket(url)).toThrow(expect.objectContaining({ code: 'ErrOption' }))
    },
  )
})
