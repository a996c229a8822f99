/** What the transport's tests share: peers over a memory hub, moved by a manual host. */

import type { Hlc } from '../../src/base/ids.ts'
import { toSeq } from '../../src/base/ids.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { buildFrame, type Frame } from '../../src/frame/frame.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { type ConnectOptions, connectPeer } from '../../src/transport/peer.ts'
import type { Peer, Socket } from '../../src/transport/transport.ts'

export const HUB_URL = 'ws://hub.test:8787'

export function testSigner(byte: number): Signer {
  return signerFromSeed(new Uint8Array(32).fill(byte))
}

export function entryFrame(size: number): Frame {
  return buildFrame({
    kind: 'entry',
    shard: new Uint8Array(32).fill(1),
    author: testSigner(1).publicKey,
    epoch: 0n,
    seq: toSeq(7),
    prev: new Uint8Array(32).fill(9),
    hlc: 77n as Hlc,
    sections: [new Uint8Array(size).fill(3)],
  })
}

export type SocketPair = { readonly dialler: Socket; readonly acceptor: Socket }

export async function openSockets(hub: MemoryHub, host: ManualHost): Promise<SocketPair> {
  const accepted: Socket[] = []
  const stop = hub.listen(HUB_URL, (socket) => accepted.push(socket))
  const dialler = await hub.transport(HUB_URL).connect(new AbortController().signal)
  await host.settle()
  stop()
  return { dialler, acceptor: accepted[0] as Socket }
}

export type PeerPair = {
  readonly host: ManualHost
  readonly hub: MemoryHub
  readonly sockets: SocketPair
  /** The dialler's view of the acceptor, and the other way round. */
  readonly relay: Peer
  readonly client: Peer
}

export async function openPeers(
  limits: ConnectOptions['limits'] = {},
  seed = 1,
): Promise<PeerPair> {
  const host = createManualHost({ seed })
  const hub = createMemoryHub(host)
  const sockets = await openSockets(hub, host)
  const relay = connectPeer(sockets.dialler, { ...diallerOptions(host), limits })
  const client = connectPeer(sockets.acceptor, { ...acceptorOptions(host), limits })
  await host.settle()
  return { host, hub, sockets, relay: await relay, client: await client }
}

export function diallerOptions(host: ManualHost): ConnectOptions {
  return { host, signer: testSigner(1), role: 'writer', side: 'dialler', binding: 'hub.test:8787' }
}

export function acceptorOptions(host: ManualHost): ConnectOptions {
  return { host, signer: testSigner(2), role: 'relay', side: 'acceptor', binding: 'hub.test:8787' }
}

/** The failure that a promise rejects with; fails the test when it does not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<{
  readonly code: string
  readonly message: string
}> {
  try {
    await promise
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('it did not reject')
}
