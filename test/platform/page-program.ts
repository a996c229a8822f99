/** The program of a page that runs the bundled tests; its report is in `globalThis.outcome`. */

import { files } from '#files'
import { runAll } from '../support/portable/run.ts'

// The tests read variables that repeat a run, of which a page has none; prom-client, with which the metrics
// are compared, looks at its process when it is loaded.
const uptime = (): number => performance.now() / 1000
Object.assign(globalThis, { process: { env: {}, uptime, version: 'v20.0.0' } })

runAll({
  files,
  timeoutMs: 60_000,
  watchUncaught: (onError) => {
    const listen = (event: PromiseRejectionEvent): void => onError(event.reason)
    addEventListener('unhandledrejection', listen)
    return () => removeEventListener('unhandledrejection', listen)
  },
}).then((outcome) => Object.assign(globalThis, { outcome }))
