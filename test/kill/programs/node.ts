/** A writer or a follower in a process of its own: one request a line on standard input, one answer or report
 *  a line on standard output.  It ends when it is killed, or when its parent is gone. */

import { createInterface } from 'node:readline'
import { follow, open, publish, websocket } from 'constellite'
import {
  failed,
  type Load,
  look,
  MIGRATIONS,
  type Report,
  reach,
  type Seen,
  startLoad,
  watchForTorn,
} from './workload.ts'

export type Request =
  | { readonly do: 'address' | 'stop' | 'look' }
  | ({ readonly do: 'load' } & Load)
  | { readonly do: 'reach'; readonly seq: string }

export type Answer = string | Seen | null

export type Line =
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'report'; readonly report: Report }

/** `relay` of a writer, `address` of a follower. */
const [, , role, name = '', target = ''] = process.argv

const db =
  role === 'writer'
    ? open(name, { migrations: MIGRATIONS, sync: publish({ via: [websocket(target)] }) })
    : open(name, { sync: follow(target) })
let load: ReturnType<typeof startLoad> | undefined

const print = (line: Line): void => console.log(JSON.stringify(line))
const report = (what: Report): void => print({ type: 'report', report: what })

async function handle(request: Request): Promise<Answer> {
  if (request.do === 'address') return (await db.ready).address
  if (request.do === 'look') return look(db)
  if (request.do === 'reach') await reach(db, BigInt(request.seq))
  else if (request.do === 'load') load = startLoad(await db, request, report)
  else await load?.stop()
  return null
}

let isFailed = false
db.onStatus(({ failure }) => {
  if (failure !== undefined && !isFailed) report(failed('status', failure))
  isFailed = failure !== undefined
})
await db
if (role === 'follower') void watchForTorn(db, report)
for await (const line of createInterface(process.stdin)) {
  // Written by the parent, whose type it has.
  print({ type: 'answer', answer: await handle(JSON.parse(line) as Request) })
}
process.exit()
