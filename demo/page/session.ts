/** Session: the peers of this window and their panes: which databases are opened, when, and how they are
 *  thrown away.  Keeps: a name is used for one history only; the windows that share a writer start over
 *  together. */

import { isFailure } from '../../src/base/failure.ts'
import { follow, publish, remove, websocket } from '../../src/entry/browser.ts'
import type { PageLog } from './page-log.ts'
import { addPane, type Pane } from './pane.ts'
import { openPeer, type Peer } from './peer.ts'
import { onShared, readShared, writeShared } from './shared-memory.ts'
import { startWorker } from './start-worker.ts'
import { shardLabel, type WindowPlace } from './window-place.ts'

export type SessionOptions = {
  readonly place: WindowPlace
  /** Where the relay of `npm start` listens. */
  readonly relay: string
  readonly target: HTMLElement
  /** The same array for as long as the page lives. */
  readonly peers: Peer[]
  /** The address that others can follow is known. */
  readonly onAddress: (address: string) => void
  readonly onFailure: (during: string, error: unknown) => void
  readonly pageLog: PageLog
}

export type Session = {
  /** Deletes what this window and those that share its writer have and begins anew, with this file when one
   *  is given. */
  startOver(file?: Blob, title?: string): Promise<void>
}

export function startSession(options: SessionOptions): Session {
  const { place, target, peers, onFailure } = options
  const panes: Pane[] = []
  const add = (peer: Peer, title: string, about: string): Pane => {
    const pane = addPane(target, peer, {
      title,
      about,
      startOver: (file, name) => {
        startOver(file, name).catch((error) => onFailure('Starting over', error))
      },
    })
    peers.push(peer)
    panes.push(pane)
    return pane
  }
  let { generation } = readShared()
  const open = (): Pane | undefined => {
    if (place.address === undefined) return openWriterAndFollower(options, generation, add)
    openFollower(options, { generation, address: place.address, add })
    return undefined
  }
  let beginning = Promise.resolve(open())
  /** One after the other: each closes what the one before has opened. */
  const beginAgain = (): Promise<Pane | undefined> => {
    beginning = beginning
      .then(() => closeAll(options, panes))
      .then(() => {
        generation = readShared().generation
        return open()
      })
    return beginning
  }
  const startOver = async (file?: Blob, title = 'the file'): Promise<void> => {
    if (place.address === undefined) writeShared({ generation: generation + 1 })
    const first = await beginAgain()
    if (file !== undefined) await first?.take(file, title)
  }
  if (place.address === undefined) {
    onShared((shared) => {
      if (shared.generation === generation) return
      beginAgain().catch((error) => onFailure('Starting over with another window', error))
    })
  }
  return { startOver }
}

type Add = (peer: Peer, title: string, about: string) => Pane

function openWriterAndFollower(options: SessionOptions, generation: number, add: Add): Pane {
  const { peers, relay, onFailure } = options
  const writer = openPeer({
    name: `demo-writer-${generation}`,
    role: 'writer',
    sync: publish({ via: [websocket(relay)] }),
    pageLog: options.pageLog,
  })
  const about = 'Runs SQL, signs every commit, publishes it to the relay. All windows share it.'
  const pane = add(writer, 'Writer', about)
  writer.db.ready
    .then(({ address }) => {
      // Started over meanwhile: a newer writer is on its way.
      if (peers.includes(writer)) openFollower(options, { generation, address, add })
    })
    .catch((error) => onFailure('Opening the writer', error))
  return pane
}

function openFollower(
  { place, relay, onAddress, onFailure, pageLog }: SessionOptions,
  { generation, address, add }: { generation: number; address: string; add: Add },
): void {
  const isFirst = place.number === 1
  try {
    const peer = openPeer({
      name: isFirst
        ? `demo-follower-${generation}`
        : `demo-window-${place.number}-${shardLabel(address)}`,
      role: 'follower',
      sync: follow(address, { via: [websocket(relay)] }),
      pageLog,
    })
    const title = isFirst ? 'Follower' : `Follower, window ${place.number}`
    add(peer, title, 'Knows only the address; checks everything that it receives.')
    onAddress(address)
  } catch (error) {
    onFailure('Following the address of the writer', error)
  }
}

/** Closes every peer of this window and deletes its database. */
async function closeAll(options: SessionOptions, panes: Pane[]): Promise<void> {
  const { peers, onFailure } = options
  for (const pane of panes.splice(0)) pane.remove()
  for (const peer of peers.splice(0)) {
    try {
      await peer.close()
      await remove(peer.name, { worker: () => startWorker(peer.name) })
    } catch (error) {
      // Of a shared one, whoever closes last deletes it.
      if (peer.role === 'writer' && isFailure(error, 'ErrInUse')) continue
      onFailure(`Deleting ${peer.name}`, error)
    }
  }
}
