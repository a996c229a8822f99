/** Follower: a process of its own that knows nothing but an address.  For each position that it is asked
 *  for it waits until it has it, verifies its whole copy, and exports it as a plain SQLite file.
 *  Started by proof.ts: `follower.ts <folder> <address>`. */

import { join } from 'node:path'
import type { Database } from '../../src/database/types.ts'
import { follow } from '../../src/entry/face.ts'
import { open } from '../../src/platform/node.ts'
import type { Answer, Ask } from './report.ts'
import { explain } from './words.ts'

/** For a sample of a few hundred kilobytes on one machine. */
const ARRIVAL_MS = 30_000

const [folder = '', address = ''] = process.argv.slice(2)
const copy = open(join(folder, 'follower'), { sync: follow(address) })

process.on('message', (message) => {
  // Only proof.ts sends messages.
  const ask = message as Ask
  look(ask.seq).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ ok: false, text: explain(error) } satisfies Answer),
  )
})
process.once('disconnect', () => {
  copy.close().finally(() => process.exit())
})

async function look(seq: bigint): Promise<Answer> {
  await arrival(copy, seq)
  const verified = await copy.verify()
  const rows = await copy.all<{ integrity_check: string }>`PRAGMA integrity_check`
  const { path } = await copy.export({ path: join(folder, `follower-${seq}.db`) })
  const integrity = rows.map((row) => row.integrity_check).join(', ')
  return { ok: true, seq: copy.status.seq, verified, integrity, path }
}

/** Resolves when the copy has frame `seq`, applied and durable. */
function arrival(database: Database, seq: bigint): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void): void => {
      clearTimeout(deadline)
      stop()
      finish()
    }
    const check = (): void => {
      const { status } = database
      if (status.failure !== undefined) end(() => reject(status.failure))
      else if (status.seq >= seq) end(resolve)
    }
    const deadline = setTimeout(() => {
      const { sync, seq: at } = database.status
      const why = sync.failure === undefined ? sync.state : explain(sync.failure)
      end(() => reject(new Error(`frame ${seq} did not arrive, only ${at}: ${why}`)))
    }, ARRIVAL_MS)
    const stop = database.onStatus(check)
    database.ready.then(check, (error: unknown) => end(() => reject(error)))
  })
}
