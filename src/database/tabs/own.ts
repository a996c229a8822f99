/** Own: the database in this tab's own worker, while the tab is the owner or about to be. */

import { type ConstelliteError, failureOf } from '../../base/failure.ts'
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

export function beginOwn(
  { host, start }: Pick<TabParts, 'host' | 'start'>,
  opening: WorkerOpening,
  { tag, hasOpened }: Pick<TabIdentity, 'tag' | 'hasOpened'>,
): Own {
  const term = formatHex(host.random(TERM_BYTES))
  let core: ClientCore | undefined
  let end: Own['end'] = () => undefined
  const open = async (): Promise<ClientCore> => {
    try {
      const started = start(opening, { tag, term, hasOpened })
      end = started.end
      core = await started.core
      return core
    } catch (error) {
      throw failureOf(error)
    }
  }
  const opened = open()
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
    end: (failure) => end(failure),
  }
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
