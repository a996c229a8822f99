/** Opens a database, uses it, prints a line and leaves it open: the process must end by itself. */

import { open } from '../../../src/platform/node.ts'

const db = open(process.argv[2] ?? '')
await db.exec('CREATE TABLE t (x)')
db.watch('SELECT x FROM t').subscribe(
  () => undefined,
  (error) => {
    throw error
  },
)
await db.run('INSERT INTO t VALUES (1)')
console.log('idle')
