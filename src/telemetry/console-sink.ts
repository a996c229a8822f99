/** Console sink: lines to the console of the platform, by their level. */

import type { LogSink } from './log-line.ts'

export function createConsoleSink(): LogSink {
  return { write: (line) => console[line.level](line.text) }
}
