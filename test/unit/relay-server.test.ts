/** The relay as a server: a real port, real WebSockets, folders on disk, and a door that is shut by default. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { decodeRunHeader } from '../../src/frame/run.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { parseAllowList } from '../../src/relay/allow.ts'
import { createFront } from '../../src/relay/front.ts'
import {
  type RunningRelay,
  type StartRelayOptions,
  startRelay,
} from '../../src/relay/server-node.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer, PeerRole } from '../../src/transport/transport.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { createNodeWebSocket } from '../../src/transport/websocket-node.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, wantOf } from './relay-fixtures.ts'
import { rejectionOf, testSigner } from './transport-fixtures.ts'

const runtime = createNodeHost()
const running: RunningRelay[] = []
const folders: string[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.close()))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-relay-'))
  folders.push(folder)
  return folder
}

async function start(options: Partial<StartRelayOptions> = {}): Promise<RunningRelay> {
  const relay = await startRelay({ runtime, dir: makeFolder(), port: 0, ...options })
  running.push(relay)
  return relay
}

async function stop(relay: RunningRelay): Promise<void> {
  running.splice(running.indexOf(relay), 1)
  await relay.close()
}

async function connect(url: string, seed: number, role: PeerRole): Promise<Peer> {
  const transport = createNodeWebSocket(websocket(url))
  const socket = await transport.connect(new AbortController().signal)
  const { binding } = transport
  return connectPeer(socket, {
    host: runtime,
    signer: testSigner(seed),
    role,
    side: 'dialler',
    binding,
  })
}

describe('server', () => {
  it('stores over a real WebSocket, keeps its key and frames over a restart, serves without the writer', async () => {
    const dir = makeFolder()
    const chain = createTestChain()
    const first = await start({ dir })
    const writer = await connect(first.url, 1, 'writer')
    await writer.send(headsOf(chain))
    expect(await writer.receive()).toMatchObject({ type: 'heads', heads: [] })
    await writer.send(authorityOf(chain))
    await writer.send({ type: 'run', bytes: await chain.run(5, 300_000) })
    const receipt = await writer.receive()
    expect(receipt).toMatchObject({
      type: 'receipt',
      receipt: { seq: 6n, flags: { durable: true } },
    })
    await stop(first)
    expect((await writer.closed)?.code).toBe('ErrClosed')

    const second = await start({ dir })
    expect(second.relay.publicKey).toEqual(first.relay.publicKey)
    const follower = await connect(second.url, 2, 'follower')
    await follower.send(headsOf(chain))
    expect((await follower.receive()).type).toBe('authority')
    expect((await follower.receive()).type).toBe('heads')
    await follower.send(wantOf(chain, 1))
    let last = 0n
    while (last < 6n) {
      const envelope = await follower.receive()
      if (envelope.type !== 'run') throw new Error(`a ${envelope.type} instead of a run`)
      const header = decodeRunHeader(envelope.bytes)
      if (!header.ok) throw header.failure
      expect(header.value.firstSeq).toBe(last + 1n)
      last = header.value.lastSeq
    }
  })

  it('says what it is over HTTP and counts in /health', async () => {
    const relay = await start()
    const base = `http://127.0.0.1:${relay.port}`
    expect(await (await fetch(base)).text()).toContain('A Constellite relay')
    const health = await (await fetch(`${base}/health`)).json()
    expect(health).toMatchObject({ ok: true, shards: 0, counters: { connections: 0 } })
    const metrics = await fetch(`${base}/metrics`)
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await metrics.text()).toMatch(
      /^constellite_relay_connections_total\{relay="[0-9a-f]{8}"\} 0$/m,
    )
    expect((await fetch(`${base}/else`)).status).toBe(404)
    expect((await fetch(base, { method: 'POST' })).status).toBe(405)
  })

  it('refuses a busy port, or moves on when it may', async () => {
    const first = await start()
    const busy = await rejectionOf(start({ port: first.port }))
    expect(busy.code).toBe('ErrInUse')
    const second = await start({ port: first.port, movesOn: true })
    expect(second.port).toBeGreaterThan(first.port)
  })

  it('refuses to be reachable by others without saying whom it serves', async () => {
    const refused = await rejectionOf(start({ host: '0.0.0.0' }))
    expect(refused).toMatchObject({ code: 'ErrOption' })
    await start({ host: '0.0.0.0', allow: 'open' })
  })

  it('refuses a folder that another relay has', async () => {
    const dir = makeFolder()
    await start({ dir })
    expect((await rejectionOf(start({ dir }))).code).toBe('ErrInUse')
  })

  it('turns away a page of another site, by its Origin or by the name it used', async () => {
    const relay = await start()
    const statusOf = (headers: Record<string, string>): Promise<number | 'open'> =>
      new Promise((resolve) => {
        const client = new WebSocket(relay.url, { headers })
        client.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
        client.on('open', () => {
          client.terminate()
          resolve('open')
        })
        client.on('error', () => undefined)
      })
    expect(await statusOf({ origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf({ origin: 'null' })).toBe(403)
    expect(await statusOf({ host: `evil.example:${relay.port}` })).toBe(403)
    expect(await statusOf({ origin: 'http://localhost:5173' })).toBe('open')
    expect(await statusOf({})).toBe('open')
  })
})

describe('front', () => {
  it('takes only the names it is told, and any name beyond loopback when told none', () => {
    const named = createFront({
      host: '0.0.0.0',
      port: 8787,
      names: ['Relay.Example'],
      isOpen: false,
    })
    const asked = (host: string, origin?: string): string | undefined =>
      named.refusalOf({ host, origin })
    expect(asked('relay.example', 'https://anywhere.example')).toBeUndefined()
    expect(asked('RELAY.example')).toBeUndefined()
    expect(asked('relay.example:8787')).toContain('not known')
    expect(asked('127.0.0.1:8787')).toContain('not known')
    const unnamed = createFront({ host: '0.0.0.0', port: 8787, names: [], isOpen: true })
    expect(unnamed.refusalOf({ host: 'a.example', origin: undefined })).toBeUndefined()
    expect(unnamed.refusalOf({ host: undefined, origin: undefined })).toContain('Host')
  })

  it('lets pages of any origin in on loopback only when it is open', () => {
    const at = (isOpen: boolean): string | undefined =>
      createFront({ host: '127.0.0.1', port: 80, names: [], isOpen }).refusalOf({
        host: 'localhost',
        origin: 'https://app.example',
      })
    expect(at(true)).toBeUndefined()
    expect(at(false)).toContain('other sites')
  })
})

describe('allow list', () => {
  it('reads hex and base64url with comments, and names the entry that is neither', () => {
    const hex = '0f'.repeat(32)
    const base64url = 'Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8'
    const bytes = new Uint8Array(32).fill(15)
    expect(parseAllowList(`# mine\n${hex}, ${base64url} # twice\n`)).toEqual([bytes, bytes])
    expect(() => parseAllowList('abc')).toThrow(expect.objectContaining({ code: 'ErrOption' }))
  })
})
