/** Event groups: gathers events of one service, type and target, so that a hundred of them are one line.
 *  Keeps: a group ends `debounceMs` after its last event, or `maxHoldMs` after its first, whichever comes
 *  first; groups that end together come out in the order in which they began; one timer, none while
 *  nothing waits.
 *  Nothing is dropped: where there would be too many groups the oldest ends early, and a group with too
 *  many actors ends at once. */

import type { Host, Timer } from '../base/host.ts'
import type { LogEvent } from './log-line.ts'

export const EVENT_DEBOUNCE_MS = 3000
export const EVENT_MAX_HOLD_MS = 12_000
export const EVENT_GROUPS_MAX = 1000
export const EVENT_ACTORS_MAX = 1000

export type EventGroupsOptions = {
  readonly host: Host
  readonly debounceMs: number
  readonly maxHoldMs: number
  onGroup(service: string, event: LogEvent): void
}

type Group = {
  readonly service: string
  readonly type: string
  readonly target: string | undefined
  readonly actors: Set<string>
  readonly endMs: number
  dueMs: number
  message: string | undefined
  count: number
}

export class EventGroups {
  readonly #options: EventGroupsOptions
  /** In the order in which they began. */
  readonly #groups: Map<string, Group> = new Map()
  #timer: Timer | undefined

  constructor(options: EventGroupsOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#groups.size
  }

  /** `event` has one actor. */
  add(service: string, event: LogEvent): void {
    const { host, debounceMs, maxHoldMs } = this.#options
    const nowMs = host.monotonicNow()
    const key = JSON.stringify([service, event.type, event.target])
    const group = this.#groups.get(key) ?? this.#begin(key, service, event, nowMs + maxHoldMs)
    for (const actor of event.actors) group.actors.add(actor)
    group.count += event.count
    group.message = event.message ?? group.message
    group.dueMs = Math.min(nowMs + debounceMs, group.endMs)
    if (group.actors.size >= EVENT_ACTORS_MAX) this.#end(key, group)
    // An armed timer is never too late: every due time is at least `debounceMs` or the end away.
    else if (this.#timer === undefined) this.#arm()
  }

  /** Ends all groups. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [key, group] of [...this.#groups]) this.#end(key, group)
  }

  #begin(key: string, service: string, event: LogEvent, endMs: number): Group {
    for (const [oldestKey, oldest] of this.#groups) {
      if (this.#groups.size >= EVENT_GROUPS_MAX) this.#end(oldestKey, oldest)
      break
    }
    const { type, target } = event
    const actors = new Set<string>()
    const group = { service, type, target, actors, endMs, dueMs: 0, message: undefined, count: 0 }
    this.#groups.set(key, group)
    return group
  }

  #end(key: string, group: Group): void {
    this.#groups.delete(key)
    const { service, type, target, message, count } = group
    const event = { type, target, message, count, actors: [...group.actors] }
    this.#options.onGroup(service, event)
  }

  #arm(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const group of this.#groups.values()) dueMs = Math.min(dueMs, group.dueMs)
    if (dueMs === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(0, dueMs - this.#options.host.monotonicNow())
    this.#timer = this.#options.host.setTimer(delayMs, () => {
      this.#timer = undefined
      const nowMs = this.#options.host.monotonicNow()
      for (const [key, group] of [...this.#groups]) if (group.dueMs <= nowMs) this.#end(key, group)
      if (this.#timer === undefined) this.#arm()
    })
  }
}
