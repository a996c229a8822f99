/** Own: the database in this tab's own worker, while the tab is the owner or about to be. */

import { type ConstelliteError, failureOf } from '../../base/failure.ts'
import { delay } from '../../base/host.ts'
import { formatHex } from '../../bytes/text.ts'
import type { ClientCore } from '../bridge/client.ts'
import type { TabIdentity } from '../bridge/protocol.ts'
import type { WorkerOpening } from '../bridge/start.ts'
import type { TabParts } from './parts.ts'

export type Own = {
  /** Tells this ownership from every other. */
  readonly term: string
  /** Rejects with why it did not open, or with what it was ended with. */
  readonly opened: Promise<ClientCore>
  /** Resolves when the worker died after that.  A database that ended by itself stays to be read. */
  readonly lost: Promise<ConstelliteError>
  /** Undefined before it is open. */
  readonly core: ClientCore | undefined
  /** Ends the worker at once. */
  end(failure: ConstelliteError): void
}

const TERM_BYTES = 16
/** Whoever has the queue's lock knows that the owner before is going; but a worker in the middle of a long query
 *  goes late, and so does everything on a busy machine. */
const IN_USE_RETRY_MS = 250
/** Of a first opening, 3 s: it may be somebody else's who stays, and the reader waits to be told. */
const FIRST_RETRIES_MAX = 12
/** Of a takeover, 15 s: what would fail is everything that waits. */
const TAKEOVER_RETRIES_MAX = 60

export function beginOwn(
  { host, start, isAlone }: Pick<TabParts, 'host' | 'start' | 'isAlone'>,
  opening: WorkerOpening,
  { tag, hasOpened }: Pick<TabIdentity, 'tag' | 'hasOpened'>,
): Own {
  const term = formatHex(host.random(TERM_BYTES))
  let core: ClientCore | undefined
  let endedWith: ConstelliteError | undefined
  let end: Own['end'] = () => undefined
  const open = async (retriesLeft: number): Promise<ClientCore> => {
    if (endedWith !== undefined) throw endedWith
    try {
      const started = start(opening, { tag, term, hasOpened })
      end = started.end
      core = await started.core
      return core
    } catch (error) {
      const failure = failureOf(error)
      if (failure.code !== 'ErrInUse' || retriesLeft === 0) throw failure
      await delay(host, IN_USE_RETRY_MS)
      return open(retriesLeft - 1)
    }
  }
  const retries = hasOpened ? TAKEOVER_RETRIES_MAX : FIRST_RETRIES_MAX
  const opened = open(isAlone ? 0 : retries)
  const lost = new Promise<ConstelliteError>((resolve) => {
    const listen = (it: ClientCore): void => {
      it.ended.then((failure) => it.lost !== undefined && resolve(failure))
    }
    // A failure to open is told by `opened`.
    opened.then(listen, () => undefined)
  })
  return {
    term,
    opened,
    lost,
    get core() {
      return core
    },
    end: (failure) => {
      endedWith = failure
      end(failure)
    },
  }
}

/** After a deploy the file may be gone that a newer tab has; so it is worth a round of the queue. */
export function isWorkerMissing(failure: ConstelliteError): boolean {
  return failure.code === 'ErrWorkerFailed'
}

/** The options of an opening that comes after others: what was asked for once is not asked for again. */
export function withoutDone(
  opening: WorkerOpening,
  {
    migrations,
    hasOpened,
  }: { readonly migrations: readonly string[] | undefined; readonly hasOpened: boolean },
): WorkerOpening {
  const { import: source, repair, ...rest } = opening.options
  const begun = {
    ...(source === undefined ? {} : { import: source }),
    ...(repair === undefined ? {} : { repair }),
  }
  const grown = migrations === undefined ? {} : { migrations }
  return { ...opening, options: { ...rest, ...(hasOpened ? {} : begun), ...grown } }
}
