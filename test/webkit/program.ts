/** The module of a page that runs the bundled tests there: each line that it says is one of report.ts. */

import { files } from '#files'
import { formatEnd, formatResult } from '../support/portable/report.ts'
import { runAll } from '../support/portable/run.ts'

// `expect` looks at its process when it is loaded, of which a page has none.
Object.assign(globalThis, { process: { env: {}, version: 'v20.0.0' } })

export async function runHere(
  provided: Readonly<Record<string, unknown>>,
  say: (line: string) => unknown,
): Promise<void> {
  const report = await runAll({
    files,
    provided,
    onResult: (result) => say(formatResult(result)),
    watchUncaught: (onError) => {
      const listen = (event: PromiseRejectionEvent): void => onError(event.reason)
      addEventListener('unhandledrejection', listen)
      return () => removeEventListener('unhandledrejection', listen)
    },
  })
  await say(formatEnd(report))
}
