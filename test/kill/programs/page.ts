/** A writer in a page, which will lose its worker, its tab or its browser: `globalThis.writer` takes what the
 *  driver asks, `globalThis.tell` brings reports to it. */

import { type Database, isFailure, open, publish, websocket } from 'constellite'
import { type Load, look, MIGRATIONS, type Report, type Seen, startLoad } from './workload.ts'

export type PageWriter = {
  /** Opens the database; answers its address and how long that took. */
  open(relay: string): Promise<{ readonly address: string; readonly openedMs: number }>
  load(load: Load): void
  /** Terminates the worker under the load; answers the code that every call of it failed with. */
  terminate(): Promise<string>
  look(): Promise<Seen>
}

declare global {
  var writer: PageWriter
  /** The driver's ear. */
  var tell: (report: Report) => Promise<void>
}

const NAME = 'writer'

let worker: Worker | undefined
let db: Database | undefined
let load: ReturnType<typeof startLoad> | undefined
/** Takes the load's failure where one is expected. */
let expectFailure: ((code: string) => void) | undefined

/** Resolves when the driver has it: what a dying page had still to tell would be no proof. */
async function report(what: Report): Promise<void> {
  if (what.type === 'failed' && expectFailure !== undefined) expectFailure(what.code)
  else await tell(what)
}

globalThis.writer = {
  open: async (relay) => {
    const startedAt = performance.now()
    db = open(NAME, {
      migrations: MIGRATIONS,
      sync: publish({ via: [websocket(relay)] }),
      worker: () => {
        worker = new Worker('/constellite/worker.js', { type: 'module' })
        return worker
      },
    })
    const { address } = await db.ready
    return { address, openedMs: performance.now() - startedAt }
  },
  load: (given) => {
    if (db === undefined) throw new Error('nothing is open')
    load = startLoad(db, given, report)
  },
  terminate: async () => {
    const failure = new Promise<string>((resolve) => {
      expectFailure = resolve
    })
    worker?.terminate()
    const code = await failure
    // What is left of the load ends, or this never does.
    await load?.stop()
    expectFailure = undefined
    await db?.close().catch((error) => {
      if (!isFailure(error, 'ErrWorkerFailed')) throw error
    })
    return code
  },
  look: async () => {
    if (db === undefined) throw new Error('nothing is open')
    return look(db)
  },
}
