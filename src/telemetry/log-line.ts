/** Log line: what a sink is given.  `text` is ready to show; the other fields are for machines. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One event, or several that belong together: same service, type and target. */
export type LogEvent = {
  readonly type: string
  /** Who did it: each once, in the order of their first event; empty when nobody was named. */
  readonly actors: readonly string[]
  readonly target: string | undefined
  /** The last message that was given. */
  readonly message: string | undefined
  /** How often it happened. */
  readonly count: number
}

export type LogLine = {
  readonly service: string
  readonly level: LogLevel
  readonly text: string
  /** Wall clock, for display. */
  readonly timeMs: number
  readonly event?: LogEvent
}

export type LogSink = {
  write(line: LogLine): void
  /** Resolves when everything written so far is where it shall be; `close` waits for it. */
  flush?(): void | Promise<void>
}
