/** Tabs in browsers: broadcast channels, Web Locks and the life of a page, as the tabs of an origin need them.
 *  Keeps: a page that the browser is about to freeze or to keep aside (Page Lifecycle; back/forward cache) tells
 *  so before; one that is killed tells nothing, and its locks do. */

import type { Timer } from '../base/host.ts'
import { ALONE, type MeetingParts } from '../database/tabs/alone.ts'
import type { TabChannels } from '../database/tabs/lobby.ts'
import type { PageEvent, TabParts } from '../database/tabs/parts.ts'
import { browserFailure, nameOf } from '../storage/browser-errors.ts'
import { setTimer } from './host-web.ts'

/** Insecure pages have no locks, and old browsers neither. */
export function canMeet(): boolean {
  return (
    globalThis.navigator?.locks !== undefined &&
    typeof BroadcastChannel === 'function' &&
    globalThis.crypto?.subtle !== undefined
  )
}

export function createTabChannels(): TabChannels {
  return { channel, whenFree }
}

function channel(name: string): BroadcastChannel {
  try {
    return new BroadcastChannel(name)
  } catch (error) {
    throw meetingFailure(error)
  }
}

/** A page that may keep nothing, as in a sandboxed frame, may not meet others either. */
function meetingFailure(error: unknown): unknown {
  if (nameOf(error) !== 'SecurityError') return error
  return browserFailure('be shared with other tabs', error)
}

/** What a page has; a worker that opens databases in workers of its own lives as long as its page. */
export function createMeetingParts(): MeetingParts {
  return canMeet() ? { ...createTabChannels(), takeLock, watchPage, isAlone: false } : ALONE
}

/** Empty where a page has neither this nor other tabs. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  if (!canMeet()) return new Uint8Array()
  // TypeScript wants to know that the buffer is not shared, which no key is.
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}

export async function whenFree(lock: string, signal: AbortSignal): Promise<void> {
  await navigator.locks.request(lock, { signal }, async () => undefined)
}

/** What this page has just given back is free a moment later. */
const FREE_RETRY_MS = 10
const FREE_RETRIES_MAX = 20

/** Runs `work` with the lock, or without it where somebody has it or waits for it; free where there are none. */
export async function holdIfFree<T>(
  lock: string,
  work: (isFree: boolean) => Promise<T>,
): Promise<T> {
  if (!canMeet()) return work(true)
  const attempt = async (triesLeft: number): Promise<T> => {
    const answer = await navigator.locks
      .request(lock, { ifAvailable: true }, async (held) =>
        held === null && triesLeft > 0 ? undefined : { value: await work(held !== null) },
      )
      .catch((error) => {
        throw meetingFailure(error)
      })
    if (answer !== undefined) return answer.value
    await new Promise<void>((resolve) => setTimer(FREE_RETRY_MS, resolve))
    return attempt(triesLeft - 1)
  }
  return attempt(FREE_RETRIES_MAX)
}

function takeLock(...[name, onRobbed, signal]: Parameters<TabParts['takeLock']>) {
  return new Promise<Awaited<ReturnType<TabParts['takeLock']>>>((resolve, reject) => {
    let isHeld = false
    const hold = (): Promise<void> =>
      new Promise<void>((release) => {
        isHeld = true
        resolve({ release })
      })
    // Rejects while it is held only when the lock was stolen.
    navigator.locks
      .request(name, { signal }, hold)
      .catch((error) => (isHeld ? onRobbed() : reject(meetingFailure(error))))
  })
}

/** A page that is hidden only while its reader looks for something else keeps the database. */
const HIDDEN_MS = 1_000

function watchPage(tell: (event: PageEvent) => void): () => void {
  const page = globalThis.document
  if (page === undefined) return () => undefined
  const stopping = new AbortController()
  const { signal } = stopping
  const sleep = (): void => tell('sleep')
  const wake = (): void => tell('wake')
  page.addEventListener('freeze', sleep, { signal })
  page.addEventListener('resume', wake, { signal })
  // One that is not kept frees its locks by itself, and what it writes last is still on its way.
  const leave = (event: PageTransitionEvent): void => {
    if (event.persisted) sleep()
  }
  globalThis.addEventListener('pagehide', leave, { signal })
  globalThis.addEventListener('pageshow', wake, { signal })
  if (!('onfreeze' in page)) watchSight(page, tell, signal)
  return () => stopping.abort()
}

/** For browsers that stop pages without a word; before that, they are hidden. */
function watchSight(page: Document, tell: (event: PageEvent) => void, signal: AbortSignal): void {
  let timer: Timer | undefined
  const look = (): void => {
    timer?.cancel()
    if (page.visibilityState === 'hidden') timer = setTimer(HIDDEN_MS, () => tell('hidden'))
    else tell('shown')
  }
  page.addEventListener('visibilitychange', look, { signal })
  signal.addEventListener('abort', () => timer?.cancel(), { once: true })
  look()
}
