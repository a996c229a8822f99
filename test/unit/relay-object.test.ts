/** A relay in an object: its pages make nothing, its connections outlive its memory, and a far end that has been
 *  silent for too long is let go at the first event of the next life. */
import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { createRelayObject, type RelayObjectCore } from '../../src/relay/object.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import { createSocketEnd, type SocketEnd } from '../../src/transport/socket.ts'
import type { Peer, PeerRole } from '../../src/transport/transport.ts'
import type { ObjectWebSocket } from '../../src/transport/websocket-object.ts'
import { createFakeObjectStorage, type FakeObjectStorage } from '../support/object-storage.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

const URL_OF_RELAY = 'https://edge.test/team'
/** What the platform keeps with a socket. */
const ATTACHMENT_MAX = 2048

type PlatformSocket = ObjectWebSocket & {
  readonly client: SocketEnd
  attachment: Uint8Array | null
  /** Nothing that the client does arrives, not even its close. */
  isCut: boolean
}

type World = {
  readonly clientHost: ManualHost
  readonly storage: FakeObjectStorage
  readonly failures: ConstelliteError[]
  readonly host: ManualHost
  readonly core: RelayObjectCore
  connect(
    key: number,
    role?: PeerRole,
  ): Promise<{ readonly peer: Peer; readonly socket: PlatformSocket }>
  pass(ms: number): Promise<void>
  /** The object is made anew over the same storage and sockets. */
  wake(): Promise<void>
}

function createWorld(allow = '*'): World {
  const clientHost = createManualHost({ seed: 2 })
  const storage = createFakeObjectStorage()
  const failures: ConstelliteError[] = []
  const sockets: PlatformSocket[] = []
  let life = beginLife(clientHost.now())

  function beginLife(nowMs: number): { host: ManualHost; core: RelayObjectCore; ready: unknown } {
    const host = createManualHost({ seed: 3, nowMs })
    let ready: unknown
    const ctx = {
      storage,
      acceptWebSocket: (webSocket: ObjectWebSocket) => {
        // Only sockets of this test come here.
        sockets.push(webSocket as PlatformSocket)
      },
      getWebSockets: () => sockets.filter(({ readyState }) => readyState === 1),
      blockConcurrencyWhile: async <T>(task: () => Promise<T>): Promise<T> => {
        const running = task()
        ready = running
        return running
      },
    }
    const onFailure = (failure: ConstelliteError): void => void failures.push(failure)
    const core = createRelayObject(ctx, { host, allow, prepare: async () => {}, onFailure })
    return { host, core, ready }
  }
  const pass = async (ms: number): Promise<void> => {
    for (let step = 0; step < Math.ceil(ms / 100); step++) {
      await life.host.advance(100)
      await clientHost.advance(100)
    }
  }
  return {
    clientHost,
    storage,
    failures,
    get host() {
      return life.host
    },
    get core() {
      return life.core
    },
    pass,
    async connect(key, role = 'follower') {
      const socket = createPlatformSocket((message) => life.core.onMessage(socket, message))
      const request = { url: URL_OF_RELAY, method: 'GET', headers: upgradeHeaders }
      expect(await life.core.answer(request)).toBe('upgrade')
      await life.core.accept(socket, request)
      const connecting = connectPeer(socket.client.socket, {
        host: clientHost,
        signer: testSigner(key),
        role,
        side: 'dialler',
        binding: 'edge.test',
      })
      connecting.catch(() => undefined)
      await pass(500)
      return { peer: await connecting, socket }
    },
    async wake() {
      life = beginLife(clientHost.now())
      await life.ready
    },
  }
}

const upgradeHeaders = { get: (name: string) => (name === 'upgrade' ? 'WebSocket' : null) }
const plainHeaders = { get: () => null }

function createPlatformSocket(toObject: (message: ArrayBuffer) => void): PlatformSocket {
  let isOpen = true
  const socket: PlatformSocket = {
    attachment: null,
    isCut: false,
    get readyState() {
      return isOpen ? 1 : 3
    },
    client: createSocketEnd({
      send(message) {
        if (isOpen && !socket.isCut) toObject(message.slice().buffer)
      },
      bufferedBytes: () => 0,
      close() {
        if (!socket.isCut) end()
      },
    }),
    send: (message) => socket.client.deliver(message.slice()),
    close: () => end(),
    serializeAttachment(value) {
      expect(value?.byteLength ?? 0).toBeLessThan(ATTACHMENT_MAX)
      socket.attachment = value === null ? null : value.slice()
    },
    deserializeAttachment: () => socket.attachment,
  }
  const end = (): void => {
    isOpen = false
    socket.client.end(undefined)
  }
  return socket
}

/** A shard is stored by a writer that then leaves. */
async function storeIn(world: World): Promise<void> {
  const chain = createTestChain(9)
  const { peer } = await world.connect(9, 'writer')
  void peer.send(authorityOf(chain))
  void peer.send({ type: 'run', bytes: await chain.run(1) })
  await world.pass(1000)
  expect((await peer.receive()).type).toBe('receipt')
  peer.close()
  await world.pass(3000)
}

describe('a relay in an object', () => {
  it('writes nothing for pages, upgrades, handshakes and questions', async () => {
    const world = createWorld()
    const ask = async (path: string) =>
      world.core.answer({
        url: `https://edge.test${path}`,
        method: 'GET',
        headers: plainHeaders,
      })
    expect(await ask('/team/health')).toMatchObject({ status: 404 })
    expect(world.storage.rows('SELECT name FROM sqlite_master')).toEqual([])
    expect(await ask('/health')).toMatchObject({ status: 200 })
    const { peer } = await world.connect(50)
    void peer.send(headsOf(createTestChain()))
    await world.pass(500)
    expect((await peer.receive()).type).toBe('heads')
    expect(world.storage.rows('SELECT name FROM sqlite_master')).toEqual([])
  })

  it('answers every request with what is wrong in ALLOW, upgrades too', async () => {
    const world = createWorld('everybody')
    for (const headers of [plainHeaders, upgradeHeaders]) {
      const page = await world.core.answer({ url: URL_OF_RELAY, method: 'GET', headers })
      expect(page).toMatchObject({ status: 500, text: expect.stringContaining('"everybody"') })
    }
  })

  it('keeps its key with the first shard, and tells who connected before a sleep without one to dial again', async () => {
    const world = createWorld()
    const early = await world.connect(50)
    await world.pass(3000)
    await world.wake()
    await world.pass(100)
    expect(early.socket.readyState).toBe(3)
    await storeIn(world)
    expect(world.storage.rows('SELECT database FROM constellite_keys')).toEqual([
      { database: 'relay' },
    ])
  })

  it('resumes its connections in a new life, before any message, under the same key', async () => {
    const world = createWorld()
    await storeIn(world)
    const { peer, socket } = await world.connect(50)
    void peer.send(headsOf(createTestChain(2)))
    await world.pass(3000)
    expect((await peer.receive()).type).toBe('heads')
    expect(world.host.timerCount).toBe(0)
    await world.wake()
    await world.pass(30_000)
    expect(socket.readyState).toBe(1)
    void peer.send(headsOf(createTestChain()))
    await world.pass(500)
    expect((await peer.receive()).type).toBe('heads')
    const page = await world.core.answer({
      url: 'https://edge.test/team/health',
      method: 'GET',
      headers: plainHeaders,
    })
    expect(JSON.parse(page === 'upgrade' ? '' : page.text)).toMatchObject({
      connections: 1,
      counters: { connections: 0, connectionsResumed: 1 },
    })
    expect(world.failures).toEqual([])
  })

  it('lets a vanished far end go at the first event of a life, and none before', async () => {
    const world = createWorld()
    await storeIn(world)
    const { socket } = await world.connect(50)
    await world.pass(1000)
    socket.isCut = true
    await world.pass(60_000)
    expect(socket.readyState).toBe(1)
    await world.wake()
    await world.pass(100)
    expect(socket.readyState).toBe(1)
    const other = await world.connect(51)
    expect(socket.readyState).toBe(3)
    expect(other.socket.readyState).toBe(1)
  })
})
