/** Event text: how an event reads in one line. */

import type { LogEvent } from './log-line.ts'

/** Words for the events of one service and type. */
export type EventFormatter = {
  /** In front of the line.  Default `•`. */
  readonly emoji?: string
  /** What stands after `[service]`.  Default `<actors> did <type>`, and ` to <target>`. */
  format?(event: LogEvent): string
}

/** More actors than this are counted instead of named. */
const ACTORS_NAMED = 3

export function eventText(service: string, event: LogEvent, formatter: EventFormatter): string {
  const words = formatter.format?.(event) ?? defaultWords(event)
  return `${formatter.emoji ?? '•'} [${service}] ${words}`
}

export function defaultWords(event: LogEvent): string {
  const to = event.target === undefined ? '' : ` to ${event.target}`
  if (event.actors.length === 0) return event.message ?? `${event.type}${to}`
  return `${formatActors(event.actors)} did ${event.type}${to}`
}

/** `a`; `a and b`; `a, b, and c`; `a, b, c, and d`; from five on `a, b, c, and N others`. */
export function formatActors(actors: readonly string[]): string {
  const [first = '', second = ''] = actors
  if (actors.length <= 1) return first
  if (actors.length === 2) return `${first} and ${second}`
  const named = actors.slice(0, ACTORS_NAMED)
  if (actors.length > ACTORS_NAMED + 1) {
    return `${named.join(', ')}, and ${actors.length - ACTORS_NAMED} others`
  }
  return `${actors.slice(0, -1).join(', ')}, and ${actors.at(-1)}`
}
