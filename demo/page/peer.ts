/** Peer: one database of this page, run by a worker of this window or of another that shares it, with what the
 *  page shows of it beside what the database itself says: its frames, the connect switch, its problems. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import type { SyncDescriptor } from '../../src/database/options.ts'
import type { OpeningDatabase } from '../../src/database/types.ts'
import { open } from '../../src/entry/browser.ts'
import type { ServiceLog } from '../../src/telemetry/service-log.ts'
import { channelName, type FromWorker, type ToWorker } from '../worker/messages.ts'
import { addNotes, type FrameList, NO_FRAMES } from './frame-list.ts'
import type { PageLog } from './page-log.ts'
import { createProblems, type Problems } from './problems.ts'
import { startWorker } from './start-worker.ts'

export type Peer = {
  /** The database's name in this browser. */
  readonly name: string
  readonly role: 'writer' | 'follower'
  readonly db: OpeningDatabase
  /** Undefined until the database is open. */
  readonly address: string | undefined
  readonly frames: FrameList
  readonly isOnline: boolean
  readonly problems: Problems
  setOnline(isOnline: boolean): void
  /** Calls `listener` when status, frames or the switch changed. */
  onChange(listener: () => void): void
  close(): Promise<void>
}

export type PeerOptions = {
  readonly name: string
  readonly role: 'writer' | 'follower'
  readonly sync: SyncDescriptor
  readonly pageLog: PageLog
}

export function openPeer({ name, role, sync, pageLog }: PeerOptions): Peer {
  const db = open(name, {
    sync,
    wasmUrl: new URL(wasmUrl, location.href).href,
    worker: () => startWorker(name),
  })
  const problems = createProblems()
  const log = pageLog.log(role)
  const channel = new BroadcastChannel(channelName(name))
  const listeners: (() => void)[] = []
  let address: string | undefined
  let frames = NO_FRAMES
  let isOnline = true

  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  const tell = (message: ToWorker): void => channel.postMessage(message)
  const tellSwitch = (): void => tell({ type: 'switch', isOnline })
  channel.onmessage = ({ data }: MessageEvent<FromWorker | ToWorker>) => {
    if (data.type === 'hello' || data.type === 'look') return tellSwitch()
    if (data.type === 'switch') isOnline = data.isOnline
    else frames = tellFrames(log, frames, addNotes(frames, data))
    changed()
  }
  tell({ type: 'look' })
  const watched = [watchProblems(db, problems, () => isOnline), logStates(db, log)]
  db.onStatus(() => {
    for (const watch of watched) watch()
    changed()
  })
  db.ready.then(
    (ready) => {
      address = ready.address
      changed()
    },
    (error) => {
      problems.add('Opening', error)
      changed()
    },
  )

  return {
    name,
    role,
    db,
    problems,
    get address() {
      return address
    },
    get frames() {
      return frames
    },
    get isOnline() {
      return isOnline
    },
    setOnline: (next) => {
      isOnline = next
      tellSwitch()
      changed()
    },
    onChange: (listener) => {
      listeners.push(listener)
    },
    close: async () => {
      await db.close()
      channel.close()
    },
  }
}

/** Frames that came are one event; those that come within seconds become one line. */
function tellFrames(log: ServiceLog, before: FrameList, after: FrameList): FrameList {
  const count = after.count - before.count
  const newest = after.entries.at(-1)
  if (count > 0 && newest !== undefined) {
    log.event('frames', log.service, { count, message: `the newest seq ${newest.seq}` })
  }
  return after
}

/** Says when the database or its sync is in another state. */
function logStates(db: OpeningDatabase, log: ServiceLog): () => void {
  let known = ''
  return () => {
    const { state, sync } = db.status
    const text = state === 'open' ? `open, sync ${sync.state}` : state
    if (text !== known) log.info(text)
    known = text
  }
}

/** Notes what the status says went wrong, once each time. */
function watchProblems(
  db: OpeningDatabase,
  problems: Problems,
  isOnline: () => boolean,
): () => void {
  let known: unknown
  return () => {
    const { failure, sync, state } = db.status
    // What kept it from opening is told by `ready`.
    const newest = state === 'failed' ? undefined : (failure ?? sync.failure)
    // That a connection ends when it is switched off is no problem.
    const isExpected = failure === undefined && !isOnline()
    if (newest !== undefined && !isExpected && messageOf(newest) !== messageOf(known)) {
      problems.add(failure === undefined ? 'Sync' : 'Database', newest)
    }
    known = newest
  }
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined
}
