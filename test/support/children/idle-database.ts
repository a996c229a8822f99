/** Opens a database, uses it, prints a line and leaves it open: the process must end by itself. */

import { publish } from '../../../src/database/options.ts'
import { open } from '../../../src/platform/node.ts'
import { websocket } from '../../../src/transport/websocket.ts'

const [, , name = '', relay] = process.argv
const db = open(name, relay === undefined ? {} : { sync: publish({ via: [websocket(relay)] }) })
await db.exec('CREATE TABLE t (x)')
db.watch('SELECT x FROM t').subscribe(
  () => undefined,
  (error) => {
    throw error
  },
)
await db.run('INSERT INTO t VALUES (1)')
if (relay !== undefined) await db.until('shared')
console.log('idle')
