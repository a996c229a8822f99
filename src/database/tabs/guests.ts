/** Guests: in the owner's worker, the other tabs that use the same database, each over a pipe of its own.
 *  Keeps: a guest that is gone leaves nothing behind, which its lock tells; when the database closes, guests
 *  are let down before it and hear nothing more, so that each of them asks the next owner. */

import { type ConstelliteError, failureOf, isFailure } from '../../base/failure.ts'
import { formatHex } from '../../bytes/text.ts'
import { flattenFailure, flattenStatus } from '../bridge/failure.ts'
import { serveCore, type Visitor } from '../bridge/server.ts'
import type { Core } from '../core.ts'
import { createEnding, type Ending } from '../ending.ts'
import { notDurable } from '../open-failures.ts'
import { tooManyGuests } from './failures.ts'
import {
  enterLobby,
  guestLock,
  type JoinMessage,
  type Lobby,
  type LobbyMessage,
  type TabChannels,
} from './lobby.ts'
import { missingMigrations, type Wishes } from './wishes.ts'

/** Callers of one tab are numbered from 1 and stay below this. */
const CALLERS_MAX = 2 ** 32
/** So that a page that opens windows without end cannot take the owner down. */
export const GUESTS_MAX = 256

type HostingParts = {
  readonly channels: TabChannels
  /** The name of the database. */
  readonly name: string
  readonly term: string
  readonly wishes: Wishes
}

type Guest = {
  readonly visit: number
  /** Tells it that the database ended by itself. */
  readonly ending: Ending
  /** Lets it down. */
  stop(): void
}

type Hosting = {
  readonly parts: HostingParts
  readonly core: Core
  readonly lobby: Lobby
  /** By their tags. */
  readonly guests: Map<string, Guest>
  migrations: readonly string[] | undefined
  guestCount: number
  /** Why the database ended by itself. */
  reason: ConstelliteError | undefined
  isOver: boolean
}

/** Lets other tabs in; answers the core as the owner's own page is to see it. */
export function hostGuests(core: Core, parts: HostingParts): Core {
  const lobby = enterLobby(parts.channels, parts.name, {
    onMessage: (message) => onMessage(hosting, message),
    onStranger: (_, type) => {
      // It then knows that there is an owner whom it does not understand.
      if (type === 'join') lobby.send({ type: 'announced', term: parts.term })
    },
  })
  const hosting: Hosting = {
    parts,
    core,
    lobby,
    guests: new Map(),
    migrations: parts.wishes.migrations,
    guestCount: 0,
    reason: undefined,
    isOver: false,
  }
  // Once for all of them: the core would keep what each visit of a tab listened with.
  core.ended.then((reason) => {
    hosting.reason = reason
    for (const { ending } of hosting.guests.values()) ending.tell(reason)
  })
  const close = async (): Promise<void> => {
    hosting.isOver = true
    lobby.close()
    for (const { stop } of hosting.guests.values()) stop()
    await core.close()
  }
  return derive(core, { close, migrate: (migrations) => migrate(hosting, migrations) })
}

/** Not a copy: what a core has may be read anew at each use. */
function derive(core: Core, own: Partial<Core>): Core {
  return Object.create(core, Object.getOwnPropertyDescriptors(own))
}

async function migrate(hosting: Hosting, migrations: readonly string[]): Promise<void> {
  await hosting.core.migrate(migrations)
  hosting.migrations = migrations
}

/** For a guest, whose list may end before what was applied: a tab with a longer one was here before this owner,
 *  or came while this one waited. */
async function migrateFor(hosting: Hosting, migrations: readonly string[]): Promise<void> {
  try {
    await migrate(hosting, migrations)
  } catch (error) {
    if (!isFailure(error, 'ErrSchemaNewer')) throw error
  }
}

function onMessage(hosting: Hosting, message: LobbyMessage): void {
  const { lobby, parts } = hosting
  if (message.type === 'join') receive(hosting, message)
  else if (message.type === 'asked' && message.term === parts.term) {
    lobby.send({ type: 'alive', term: parts.term })
  }
}

async function receive(hosting: Hosting, message: JoinMessage): Promise<void> {
  const { pipe, tag, wishes } = message
  const { core, lobby, parts } = hosting
  try {
    const isHere = hosting.guests.has(formatHex(tag))
    if (!isHere && hosting.guests.size >= GUESTS_MAX) throw tooManyGuests(GUESTS_MAX)
    const { storage } = core.status
    if (wishes.durable && storage?.durable === false) throw notDurable(storage.reason)
    const missing = missingMigrations({ ...parts.wishes, migrations: hosting.migrations }, wishes)
    if (missing !== undefined) await migrateFor(hosting, missing)
  } catch (error) {
    const failure = flattenFailure(failureOf(error))
    if (!hosting.isOver) lobby.send({ type: 'refused', pipe, failure })
    return
  }
  if (hosting.isOver || isOutdated(hosting, message)) return
  hosting.guestCount += 1
  takeIn(hosting, message, { tag, callerBase: hosting.guestCount * CALLERS_MAX })
  const { term } = parts
  // What happened when the owner opened it, did not happen now.
  const ready = { ...core.ready, import: undefined, repaired: undefined, tornBytes: 0 }
  const opened = { ready, status: flattenStatus(core.status) }
  lobby.send({ type: 'welcomed', pipe, term, opened })
}

/** The tab has come again since: its words of then have overtaken these. */
function isOutdated({ guests }: Hosting, { tag, visit }: JoinMessage): boolean {
  return (guests.get(formatHex(tag))?.visit ?? 0) > visit
}

function takeIn(hosting: Hosting, { pipe, visit }: JoinMessage, visitor: Visitor): void {
  const { core, parts, guests, reason } = hosting
  const { channels } = parts
  const tag = formatHex(visitor.tag)
  // Before its repeated requests are looked up, nothing may come any more of what it sent first.
  guests.get(tag)?.stop()
  const gone = new AbortController()
  const ending = createEnding()
  if (reason !== undefined) ending.tell(reason)
  const view = derive(core, {
    ended: ending.ended,
    migrate: (migrations) => migrate(hosting, migrations),
    // The owner decides when the database closes.
    close: async () => undefined,
  })
  const stopServing = serveCore(view, channels.channel(pipe), visitor)
  const stop = (): void => {
    if (guests.get(tag)?.stop === stop) guests.delete(tag)
    gone.abort()
    stopServing()
  }
  guests.set(tag, { visit, ending, stop })
  // Rejects when it was stopped first.
  channels.whenFree(guestLock(pipe), gone.signal).then(stop, () => undefined)
}
