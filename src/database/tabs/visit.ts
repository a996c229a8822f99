/** Visit: a guest's side of its connection to an owner: asks to be let in, then is a core over the pipe.
 *  Keeps: holds a lock as long as it is there, so that the owner learns of its end however that comes. */

import type { ConstelliteError } from '../../base/failure.ts'
import { formatHex } from '../../bytes/text.ts'
import { type ClientCore, createClientCore } from '../bridge/client.ts'
import { createExchange, failExchange } from '../bridge/exchange.ts'
import { guestLock, type Lobby, type WelcomedMessage } from './lobby.ts'
import type { TabParts } from './parts.ts'
import { createPulse } from './pulse.ts'
import type { Wishes } from './wishes.ts'

export type Visit = {
  readonly pipe: string
  /** The owner has not answered for seconds. */
  readonly isSilent: boolean
  /** It has answered that it is there. */
  heard(): void
  /** The owner has let us in. */
  accept(welcome: WelcomedMessage): ClientCore
  /** Rejects what is pending with this, and lets the owner forget us. */
  leave(failure: ConstelliteError): void
}

type VisitInit = {
  readonly parts: Pick<TabParts, 'host' | 'channel' | 'takeLock'>
  readonly lobby: Lobby
  readonly tag: Uint8Array
  /** Counts the visits of this tab. */
  readonly visit: number
  readonly wishes: Wishes
  readonly onProgress: (fraction: number) => void
  /** Asks the owner whether it is there. */
  readonly ask: () => void
  /** `isSilent` has changed. */
  readonly onSilence: () => void
}

const PIPE_NAME_BYTES = 16

export function beginVisit(init: VisitInit): Visit {
  const { parts, lobby, tag, visit, wishes, onProgress } = init
  const pipe = formatHex(parts.host.random(PIPE_NAME_BYTES))
  const exchange = createExchange(parts.channel(pipe), onProgress)
  let isIn = false
  const pulse = createPulse({
    host: parts.host,
    isWaiting: () => !isIn || exchange.pending.size > 0,
    ask: init.ask,
    onChange: init.onSilence,
  })
  exchange.onWaiting = pulse.began
  pulse.began()
  const staying = new AbortController()
  const end = (): void => {
    pulse.stop()
    staying.abort()
  }
  parts.takeLock(guestLock(pipe), end, staying.signal).then(
    (lock) => {
      staying.signal.addEventListener('abort', lock.release, { once: true })
      if (staying.signal.aborted) lock.release()
      else lobby.send({ type: 'join', pipe, tag, visit, wishes })
    },
    // It has left; a browser that gives no lock has refused the queue's as well, which is told there.
    () => undefined,
  )
  return {
    pipe,
    get isSilent() {
      return pulse.isSilent
    },
    heard: pulse.heard,
    accept: ({ opened }) => {
      isIn = true
      pulse.heard()
      return createClientCore(exchange, opened, end)
    },
    leave: (failure) => {
      failExchange(exchange, failure)
      end()
    },
  }
}
