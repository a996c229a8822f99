/** Service log: what one service writes with. */

import type { LogEvent, LogLevel } from './log-line.ts'

export type EventDetails = {
  readonly target?: string
  readonly message?: string
  /** How often it happened.  Default 1. */
  readonly count?: number
  /** Written at once, by itself. */
  readonly instant?: boolean
}

/** Where the lines and events of a service go: the logger. */
export type Journal = {
  write(service: string, level: LogLevel, message: string): void
  event(service: string, event: LogEvent, isInstant: boolean): void
}

export class ServiceLog {
  readonly service: string
  readonly #journal: Journal

  constructor(service: string, journal: Journal) {
    this.service = service
    this.#journal = journal
  }

  /** Shown only while the logger or this service is verbose. */
  debug(message: string): void {
    this.#journal.write(this.service, 'debug', message)
  }

  info(message: string): void {
    this.#journal.write(this.service, 'info', message)
  }

  warn(message: string): void {
    this.#journal.write(this.service, 'warn', message)
  }

  error(message: string): void {
    this.#journal.write(this.service, 'error', message)
  }

  /** Gathered with events of the same type and target into one line, unless instant or without actor. */
  event(type: string, actor: string, details: EventDetails = {}): void {
    const { target, message, count = 1, instant = false } = details
    const actors = actor === '' ? [] : [actor]
    const event = { type, actors, target, message, count }
    this.#journal.event(this.service, event, instant || actor === '')
  }
}
