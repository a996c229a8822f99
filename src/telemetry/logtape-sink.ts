/** LogTape sink: lines to the loggers of LogTape, one category a service, with the event as properties.
 *  The logger is passed in, so that nobody needs LogTape who does not use it. */

import type { LogLevel, LogLine, LogSink } from './log-line.ts'

/** What is used of LogTape's `Logger`. */
export type LogTapeLogger = {
  readonly [Level in LogLevel]: (message: string, properties: Record<string, unknown>) => void
}

/** `loggerOf` is `(service) => getLogger(['app', service])`. */
export function createLogTapeSink(loggerOf: (service: string) => LogTapeLogger): LogSink {
  return {
    write(line) {
      // Braces are placeholders to LogTape; doubled they are themselves.
      const message = line.text.replace(/[{}]/g, (brace) => brace + brace)
      loggerOf(line.service)[line.level](message, propertiesOf(line))
    },
  }
}

function propertiesOf({ service, event }: LogLine): Record<string, unknown> {
  return event === undefined ? { service } : { service, ...event }
}
