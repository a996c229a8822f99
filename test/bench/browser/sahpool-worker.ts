/** The peer's worker: the official build on opfs-sahpool, one statement a message. */

import init, {
  type Database,
  type PreparedStatement,
  type SAHPoolUtil,
} from '@sqlite.org/sqlite-wasm'
import type { PeerMessage, PeerReply } from './page.ts'

let pool: SAHPoolUtil | undefined
let db: Database
let statement: PreparedStatement

async function handle(message: PeerMessage): Promise<void> {
  if (message.type === 'open') {
    pool ??= await (await init()).installOpfsSAHPoolVfs({ name: 'bench' })
    db = new pool.OpfsSAHPoolDb(message.name)
    for (const pragma of message.load.pragmas) db.exec(`PRAGMA ${pragma}`)
    db.exec(message.load.schema)
    statement = db.prepare(message.load.insert)
  } else if (message.type === 'run') {
    statement.bind([...message.values]).stepReset()
  } else {
    statement.finalize()
    db.close()
    pool?.unlink(message.name)
  }
}

addEventListener('message', async (event: MessageEvent<PeerMessage>) => {
  const { id } = event.data
  const answer = (reply: PeerReply): void => postMessage(reply)
  try {
    await handle(event.data)
    answer({ id })
  } catch (error) {
    answer({ id, error: String(error) })
  }
})
