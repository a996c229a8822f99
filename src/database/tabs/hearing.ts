/** Hearing: what a message of the lobby means to one tab.
 *  Never: does anything about it. */

import { reviveFailure } from '../bridge/failure.ts'
import { checkSame } from './failures.ts'
import type { LobbyMessage } from './lobby.ts'
import type { OwnershipEvent } from './ownership.ts'

export type Ears = {
  /** Of this tab's own worker, which speaks in the lobby too. */
  readonly ownTerm: string | undefined
  /** Of the visit that was asked for, or is. */
  readonly pipe: string | undefined
  /** Of the database that this tab has had. */
  readonly address: string | undefined
}

/** Undefined: it is nothing to this tab. */
export function eventOf(
  message: LobbyMessage,
  { ownTerm, pipe, address }: Ears,
): OwnershipEvent | Extract<LobbyMessage, { readonly type: 'alive' }> | undefined {
  if ('term' in message && message.term === ownTerm) return undefined
  if ('pipe' in message && message.pipe !== pipe) return undefined
  switch (message.type) {
    case 'refused':
      return { type: 'refused', failure: reviveFailure(message.failure) }
    case 'welcomed': {
      const failure = checkSame(address, message.opened.ready.address)
      return failure === undefined ? message : { type: 'refused', failure }
    }
    // The owner's worker answers these.
    case 'join':
    case 'asked':
      return undefined
    default:
      return message
  }
}
