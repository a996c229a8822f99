/** Live queries of a tab: begun again with every core, and told only what is new to the reader.
 *  Keeps: the next owner begins with all rows; where they are those that were shown, nothing is told. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { ClientCore } from '../bridge/client.ts'
import type { Core, LiveListener } from '../core.ts'
import { keepRows } from '../live.ts'
import type { Query } from '../sql.ts'
import type { Row } from '../types.ts'
import { isLost } from './repeat.ts'
import type { Seat } from './seat.ts'

export type TabLive = {
  readonly watch: Core['watch']
  /** The seat has another core, or none. */
  moved(): void
  /** Tells everybody that nothing follows. */
  end(failure: ConstelliteError): void
}

type Live = {
  readonly query: Query
  readonly listener: LiveListener
  rows: Row[] | undefined
  stop: (() => void) | undefined
}

export function createTabLive(seat: Seat): TabLive {
  const all = new Set<Live>()
  const start = (live: Live, core: ClientCore): void => {
    const { query, listener } = live
    live.stop = core.watch(query, {
      onRows: (rows) => {
        if (seat.core !== core) return
        const kept = keepRows(live.rows, rows)
        if (kept === live.rows) return
        live.rows = kept
        // Readers may sort what they get.
        listener.onRows([...kept])
      },
      onError: (failure, isFinal) => {
        // Another core has taken its place, or will.
        if (seat.core !== core || isLost(core, failure)) return
        if (isFinal) all.delete(live)
        live.rows = undefined
        listener.onError(failure, isFinal)
      },
    })
  }
  return {
    watch: (query, listener) => {
      if (seat.failure !== undefined) {
        listener.onError(seat.failure, true)
        return () => undefined
      }
      const live: Live = { query, listener, rows: undefined, stop: undefined }
      all.add(live)
      if (seat.core !== undefined) start(live, seat.core)
      return () => {
        all.delete(live)
        live.stop?.()
      }
    },
    moved: () => {
      for (const live of all) {
        live.stop = undefined
        if (seat.core !== undefined) start(live, seat.core)
      }
    },
    end: (failure) => {
      const told = [...all]
      all.clear()
      for (const { listener } of told) listener.onError(failure, true)
    },
  }
}
