/** Logger: one log per service, to the sinks that it is given.
 *  Keeps: lines go out at once, in order; events are gathered (event-groups.ts) but for instant ones;
 *  nothing is lost at `close`, and what is logged after it goes out at once; a sink or formatter that
 *  throws stops neither the caller nor the other sinks, and is counted.
 *  A service that is switched off is silent, but for errors unless `alwaysErrors` is false.
 *  Never: writes anywhere by itself, sets a timer when made, or reads a clock but the host's. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { HeldAsyncBase } from '../flow/held.ts'
import { rangedSetting } from '../flow/settings.ts'
import { EVENT_DEBOUNCE_MS, EVENT_MAX_HOLD_MS, EventGroups } from './event-groups.ts'
import { defaultWords, type EventFormatter, eventText } from './event-text.ts'
import type { LogEvent, LogLevel, LogLine, LogSink } from './log-line.ts'
import { type Journal, ServiceLog } from './service-log.ts'

export const SERVICES_MAX = 1000

export type LoggerOptions = {
  readonly host: Host
  readonly sinks: readonly LogSink[]
  /** Shows the debug lines of every service.  Default false. */
  readonly verbose?: boolean
  /** Services that start silent. */
  readonly disabledLoggers?: readonly string[]
  /** Services whose debug lines are shown. */
  readonly verboseLoggers?: readonly string[]
  /** Errors of silent services are shown.  Default true. */
  readonly alwaysErrors?: boolean
  /** Default 3 s. */
  readonly debounceMs?: number
  /** Default 12 s. */
  readonly maxHoldMs?: number
}

export class Logger extends HeldAsyncBase {
  readonly #host: Host
  readonly #sinks: readonly LogSink[]
  readonly #alwaysErrors: boolean
  readonly #disabled: Set<string>
  readonly #verboseServices: Set<string>
  readonly #logs: Map<string, ServiceLog> = new Map()
  readonly #formatters: Map<string, EventFormatter> = new Map()
  readonly #groups: EventGroups
  #isVerbose: boolean
  #isClosed = false
  #failures = 0

  constructor(options: LoggerOptions) {
    super()
    this.#host = options.host
    this.#sinks = options.sinks
    this.#alwaysErrors = options.alwaysErrors ?? true
    this.#disabled = new Set(options.disabledLoggers)
    this.#verboseServices = new Set(options.verboseLoggers)
    this.#isVerbose = options.verbose ?? false
    const debounceMs = options.debounceMs ?? EVENT_DEBOUNCE_MS
    const maxHoldMs = options.maxHoldMs ?? EVENT_MAX_HOLD_MS
    this.#groups = new EventGroups({
      host: options.host,
      debounceMs: rangedSetting({ name: 'debounceMs', value: debounceMs, min: 0 }),
      maxHoldMs: rangedSetting({ name: 'maxHoldMs', value: maxHoldMs, min: debounceMs }),
      onGroup: (service, event) => this.#emitEvent(service, event),
    })
  }

  /** Sinks and formatters that threw. */
  get failures(): number {
    return this.#failures
  }

  /** The same log for the same name each time. */
  log(service: string): ServiceLog {
    const known = this.#logs.get(service)
    if (known !== undefined) return known
    if (this.#logs.size >= SERVICES_MAX) throw tooManyServices()
    const made = new ServiceLog(service, this.#journal)
    this.#logs.set(service, made)
    return made
  }

  setVerbose(isVerbose: boolean): void {
    this.#isVerbose = isVerbose
  }

  setServiceVerbose(service: string, isVerbose: boolean): void {
    if (isVerbose) this.#verboseServices.add(service)
    else this.#verboseServices.delete(service)
  }

  setServiceEnabled(service: string, isEnabled: boolean): void {
    if (isEnabled) this.#disabled.delete(service)
    else this.#disabled.add(service)
  }

  /** Words for events of exactly this service and type. */
  setFormatter(service: string, eventType: string, formatter: EventFormatter): void {
    this.#formatters.set(formatterKey(service, eventType), formatter)
  }

  /** Writes the gathered events now. */
  flush(): void {
    this.#groups.flush()
  }

  /** Writes the gathered events now; resolves when every sink has flushed. */
  override async close(): Promise<void> {
    this.#isClosed = true
    this.#groups.flush()
    await Promise.all(this.#sinks.map((sink) => this.#flushSink(sink)))
  }

  readonly #journal: Journal = {
    write: (service, level, message) => {
      if (!this.#isShown(service, level)) return
      this.#emit({ service, level, text: `[${service}] ${message}`, timeMs: this.#host.now() })
    },
    event: (service, event, isInstant) => {
      if (!this.#isShown(service, 'info')) return
      if (isInstant || this.#isClosed) this.#emitEvent(service, event)
      else this.#groups.add(service, event)
    },
  }

  #isShown(service: string, level: LogLevel): boolean {
    if (this.#disabled.has(service)) return level === 'error' && this.#alwaysErrors
    return level !== 'debug' || this.#isVerbose || this.#verboseServices.has(service)
  }

  #emitEvent(service: string, event: LogEvent): void {
    const formatter = this.#formatters.get(formatterKey(service, event.type)) ?? {}
    const text = this.#guard(
      () => eventText(service, event, formatter),
      () => `• [${service}] ${defaultWords(event)}`,
    )
    this.#emit({ service, level: 'info', text, timeMs: this.#host.now(), event })
  }

  #emit(line: LogLine): void {
    for (const sink of this.#sinks) {
      this.#guard(
        () => sink.write(line),
        () => undefined,
      )
    }
  }

  async #flushSink(sink: LogSink): Promise<void> {
    try {
      await sink.flush?.()
    } catch {
      // A log must not fail who logs; the count is what tells.
      this.#failures += 1
    }
  }

  #guard<T>(run: () => T, otherwise: () => T): T {
    try {
      return run()
    } catch {
      // A log must not fail who logs; the count is what tells.
      this.#failures += 1
      return otherwise()
    }
  }
}

function formatterKey(service: string, eventType: string): string {
  return JSON.stringify([service, eventType])
}

function tooManyServices(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `More than ${SERVICES_MAX} services have logs.`,
    hint: 'A service is a part of the program; put what varies into the message or the actor.',
    facts: { servicesMax: SERVICES_MAX },
  })
}
