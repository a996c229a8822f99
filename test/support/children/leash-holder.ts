/** Holds a program on a leash until it is killed; the program's command is in its arguments. */

import { startLeashed } from '../../webkit/leash.ts'

startLeashed(process.argv.slice(2))
setInterval(() => undefined, 60_000)
