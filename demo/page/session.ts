/** Session: the peers of this window and their panes: which databases are opened, when, and how they are
 *  thrown away.  Keeps: a name is used for one history only; what another window needs is in shared
 *  memory before it is told of. */

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
  readonly isWriter: boolean
  /** Deletes what this window has and begins anew, with this file when one is given. */
  startOver(file?: Blob, title?: string): Promise<void>
}

export function startSession(options: SessionOptions): Session {
  const { place, target, peers } = options
  const panes: Pane[] = []
  const isWriter = place.number === 1
  const startOver = async (file?: Blob, title = 'the file'): Promise<void> => {
    await closeAll(options, panes)
    if (isWriter) {
      const { generation } = readShared()
      writeShared({ generation: generation + 1, address: undefined })
    }
    const first = open()
    if (file !== undefined) await first?.take(file, title)
  }
  const add = (peer: Peer, title: string, about: string): Pane => {
    const pane = addPane(target, peer, {
      title,
      about,
      startOver: (file, name) => {
        startOver(file, name).catch((error) => options.onFailure('Starting over', error))
      },
    })
    peers.push(peer)
    panes.push(pane)
    return pane
  }
  const open = (): Pane | undefined => {
    if (isWriter) return openWriterAndFollower(options, add)
    const address = place.address ?? readShared().address
    if (address !== undefined) openFollowerOnly(options, address, add)
    return undefined
  }

  open()
  if (!isWriter && place.address === undefined) followFirstWindow(options, panes, open)
  return { isWriter, startOver }
}

type Add = (peer: Peer, title: string, about: string) => Pane

function openWriterAndFollower(options: SessionOptions, add: Add): Pane {
  const { relay, onAddress, onFailure } = options
  const { generation } = readShared()
  const via = [websocket(relay)]
  const writer = openPeer({
    name: `demo-writer-${generation}`,
    role: 'writer',
    sync: publish({ via }),
    pageLog: options.pageLog,
  })
  const pane = add(writer, 'Writer', 'Runs SQL, signs every commit, publishes it to the relay.')
  writer.db.ready
    .then(({ address }) => {
      // Started over meanwhile: a newer writer is on its way.
      if (readShared().generation !== generation) return
      writeShared({ generation, address })
      onAddress(address)
      const follower = openPeer({
        name: `demo-follower-${generation}`,
        role: 'follower',
        sync: follow(address, { via }),
        pageLog: options.pageLog,
      })
      add(follower, 'Follower', 'Knows only the address; checks everything that it receives.')
    })
    .catch((error) => onFailure('Opening the writer', error))
  return pane
}

function openFollowerOnly(options: SessionOptions, address: string, add: Add): void {
  const { place, relay, onAddress, onFailure } = options
  try {
    const peer = openPeer({
      name: `demo-window-${place.number}-${shardLabel(address)}`,
      role: 'follower',
      sync: follow(address, { via: [websocket(relay)] }),
      pageLog: options.pageLog,
    })
    add(peer, `Follower, window ${place.number}`, 'Follows the writer of the first window.')
    onAddress(address)
  } catch (error) {
    onFailure('Following the address of this window', error)
  }
}

/** When the writer started over, or came to be, this window follows the new one. */
function followFirstWindow(
  options: SessionOptions,
  panes: Pane[],
  open: () => Pane | undefined,
): void {
  let followed = readShared().address
  onShared(({ address }) => {
    if (address === undefined || address === followed) return
    followed = address
    closeAll(options, panes)
      .then(() => open())
      .catch((error) => options.onFailure('Following the new writer', error))
  })
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
      onFailure(`Deleting ${peer.name}`, error)
    }
  }
}
