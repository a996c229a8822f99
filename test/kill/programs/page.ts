/** A writer or a follower in a page, which will lose its worker, its tab or its browser: `globalThis.copy` takes
 *  what the driver asks, `globalThis.tell` brings reports to it. */

import { type Database, follow, isFailure, open, publish, websocket } from 'constellite'
import {
  type Load,
  look,
  MIGRATIONS,
  type Report,
  reach,
  type Seen,
  startLoad,
  watchForTorn,
} from './workload.ts'

export type PageRole = 'writer' | 'follower'

export type PageCopy = {
  /** `target` is a writer's relay, or what a follower follows.  Answers how long it took, too. */
  open(role: PageRole, target: string): Promise<{ readonly address: string; readonly ms: number }>
  load(load: Load): void
  /** Ends the load, if there is one. */
  stop(): Promise<void>
  /** Terminates the worker in the middle of what it does; answers the codes that the waiting calls got. */
  terminate(): Promise<readonly string[]>
  reach(seq: string): Promise<void>
  look(): Promise<Seen>
}

declare global {
  var copy: PageCopy
  /** The driver's ear. */
  var tell: (report: Report) => Promise<void>
}

/** A position that no copy ever comes to. */
const NEVER = 2n ** 62n

let worker: Worker | undefined
let opened: Database | undefined
let load: ReturnType<typeof startLoad> | undefined
/** Takes the load's failure where one is expected. */
let expectFailure: ((code: string) => void) | undefined

const database = (): Database => {
  if (opened === undefined) throw new Error('nothing is open')
  return opened
}

/** Resolves when the driver has it: what a dying page had still to tell would be no proof. */
async function report(what: Report): Promise<void> {
  if (what.type === 'failed' && expectFailure !== undefined) expectFailure(what.code)
  else await tell(what)
}

globalThis.copy = {
  open: async (role, target) => {
    const startedAt = performance.now()
    const start = (): Worker => {
      worker = new Worker('/constellite/worker.js', { type: 'module' })
      return worker
    }
    opened =
      role === 'writer'
        ? open(role, {
            migrations: MIGRATIONS,
            sync: publish({ via: [websocket(target)] }),
            worker: start,
          })
        : open(role, { sync: follow(target), worker: start })
    const { address } = await opened.ready
    if (role === 'follower') void watchForTorn(opened, report)
    return { address, ms: performance.now() - startedAt }
  },
  load: (given) => {
    load = startLoad(database(), given, report)
  },
  stop: async () => {
    await load?.stop()
    load = undefined
  },
  terminate: async () => {
    const calls = [reach(database(), NEVER).then(() => '', codeOf)]
    const failed = new Promise<string>((resolve) => {
      expectFailure = resolve
    })
    if (load !== undefined) calls.push(failed)
    worker?.terminate()
    const codes = await Promise.all(calls)
    // Never, if one of its calls is left waiting.
    await globalThis.copy.stop()
    await database().close().catch(codeOf)
    expectFailure = undefined
    return codes
  },
  reach: (seq) => reach(database(), BigInt(seq)),
  look: () => look(database()),
}

function codeOf(error: unknown): string {
  return isFailure(error) ? error.code : `${error}`
}
