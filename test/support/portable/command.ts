/** The program that runs the bundled tests in Deno and Bun: what `inject` answers comes as JSON in its first
 *  argument, results go to stdout one line each. */

import { files } from '#files'
import { formatEnd, formatResult } from './report.ts'
import { runAll } from './run.ts'

const report = await runAll({
  files,
  // For machines that do other things too, as with the unit tests in Node.
  timeoutMs: 60_000,
  provided: JSON.parse(process.argv[2] ?? '{}'),
  onResult: (result) => console.log(formatResult(result)),
  watchUncaught: (onError) => {
    process.on('unhandledRejection', onError)
    process.on('uncaughtException', onError)
    return () => {
      process.off('unhandledRejection', onError)
      process.off('uncaughtException', onError)
    }
  },
})
console.log(formatEnd(report))
process.exit(report.results.some((it) => it.state === 'failed') ? 1 : 0)
