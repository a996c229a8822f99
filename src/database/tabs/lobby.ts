/** Lobby: what the tabs of an origin that use one database say to one another, over one broadcast channel.
 *  Keeps: every message names the protocol; what one of another protocol says is understood only so far that
 *  its reader learns of it.
 *  What concerns two of them goes over a pipe: a broadcast channel of their own.  Every page of the origin can
 *  learn its name here and listen, also to rows and to the seed of a takeOver: pages of one origin are not
 *  guarded against each other, and each could open the database itself. */

import type { PlainFailure } from '../bridge/failure.ts'
import type { Port } from '../bridge/port.ts'
import { type Opened, PROTOCOL } from '../bridge/protocol.ts'
import type { Wishes } from './wishes.ts'

export type LobbyMessage =
  /** Has the lock and opens the database. */
  | { readonly type: 'elected' }
  /** Has opened it. */
  | { readonly type: 'announced'; readonly term: string }
  /** Lets go of it. */
  | { readonly type: 'left'; readonly term: string }
  /** A hidden tab would give the database away; a tab that is not hidden would have it. */
  | { readonly type: 'offered' | 'wanted' }
  /** A guest asks whether the owner still answers. */
  | { readonly type: 'asked'; readonly term: string }
  | { readonly type: 'alive'; readonly term: string }
  | JoinMessage
  | WelcomedMessage
  | { readonly type: 'refused'; readonly pipe: string; readonly failure: PlainFailure }

export type JoinMessage = {
  readonly type: 'join'
  /** Names the pipe, and the lock that the guest holds as long as it is there. */
  readonly pipe: string
  readonly tag: Uint8Array
  /** Rises with every visit of one tab: nothing orders what it says on two channels. */
  readonly visit: number
  readonly wishes: Wishes
}

export type WelcomedMessage = {
  readonly type: 'welcomed'
  readonly pipe: string
  readonly term: string
  readonly opened: Opened
}

/** What a platform gives for tabs to meet. */
export type TabChannels = {
  /** Joins the broadcast channel of this name. */
  channel(name: string): Port
  /** Resolves when the lock of this name is free: whoever held it is gone. */
  whenFree(lock: string, signal: AbortSignal): Promise<void>
}

export type Lobby = {
  send(message: LobbyMessage): void
  close(): void
}

type Envelope = { readonly protocol: number; readonly message: LobbyMessage }

export function enterLobby(
  channels: Pick<TabChannels, 'channel'>,
  name: string,
  handlers: {
    readonly onMessage: (message: LobbyMessage) => void
    /** Somebody with another protocol said something of this type. */
    readonly onStranger: (protocol: number, type: string) => void
  },
): Lobby {
  const channel = channels.channel(`constellite:${name}`)
  channel.onmessage = ({ data }) => {
    // Only this file posts here, in this or another version of the package.
    const { protocol, message } = data as Envelope
    if (protocol === PROTOCOL) handlers.onMessage(message)
    else handlers.onStranger(protocol, message.type)
  }
  return {
    send: (message) => {
      const envelope: Envelope = { protocol: PROTOCOL, message }
      channel.postMessage(envelope)
    },
    close: () => channel.close(),
  }
}

/** Whoever holds it is the owner, or about to be. */
export function queueLock(name: string): string {
  return `constellite-tabs:${name}`
}

/** Held by a guest as long as it is there. */
export function guestLock(pipe: string): string {
  return `constellite-guest:${pipe}`
}
