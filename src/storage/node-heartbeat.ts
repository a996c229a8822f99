/** Heartbeat file: made by one owner exclusively, rewritten every 2 seconds, stale after 10.
 *  Keeps: age is measured by the clock of the file system alone, so that machines need not agree on
 *  the time; an owner that finds another's file in its place stops, and looks before any change that
 *  follows a long pause.
 *  Weakness: two that take over one stale file in the same instant are told apart only by the look
 *  that each takes after writing; where the owner's address is shared, that decides first. */

import {
  closeSync,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { delay, type Host, type Timer } from '../base/host.ts'
import { inUseFailure, type Owner, ownershipLostFailure } from './failures.ts'
import { codeOf, nodeFailure } from './node-errors.ts'
import { OWNER_FILE } from './owned.ts'
import { isTime } from './owner-text.ts'

export const BEAT_MS = 2_000
export const STALE_MS = 10_000

/** Without a beat for this long, the file is looked at before the next change. */
const BEAT_LATE_MS = 4_000
const WATCH_MS = 500
const RECORD_BYTES_MAX = 1024
const ATTEMPTS_MAX = 100

export type BeatRecord = {
  readonly who: string
  readonly since: number
  /** Who shares the owner's address with its writer; '' when unknown. */
  readonly realm: string
  readonly hasAddress: boolean
  readonly pid: number
  /** Tells its writer's process from a later one of the same id; '' when unknown. */
  readonly process: string
  readonly nonce: string
}

export type Heartbeat = {
  /** Throws ErrInUse when the file is no longer ours. */
  check(): void
  release(): void
}

export type HeartbeatClaim = {
  readonly name: string
  readonly directory: string
  readonly record: BeatRecord
  /** What is known of the writer of a fresh file without waiting for its next beat. */
  judge(other: BeatRecord): 'dead' | 'alive' | 'unknown'
}

/** What was found in the file: undefined parts when it is still being written. */
type FoundBeat = {
  readonly text: string
  readonly record: BeatRecord | undefined
  readonly modifiedMs: number
}

/** Makes the file, waiting for another's to move or to age; rejects with ErrInUse when it moves. */
export async function claimHeartbeat(host: Host, claim: HeartbeatClaim): Promise<Heartbeat> {
  const { directory, name } = claim
  let watched: FoundBeat | undefined
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const nowMs = makeBeat(claim)
    if (nowMs === undefined) return keepBeating(host, claim)
    const found = readBeat(directory)
    if (found === undefined) continue
    const judgement = found.record === undefined ? 'unknown' : claim.judge(found.record)
    if (judgement === 'dead' || nowMs - found.modifiedMs >= STALE_MS) {
      removeStale(claim, found)
      continue
    }
    const moved = watched?.text === found.text && watched.modifiedMs !== found.modifiedMs
    if (moved || judgement === 'alive') throw inUseFailure(name, ownerOf(found))
    watched = found
    await delay(host, WATCH_MS)
  }
  throw inUseFailure(name, watched && ownerOf(watched))
}

export function readBeat(directory: string): FoundBeat | undefined {
  try {
    return withFile(beatPath(directory), 'r', readFound)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw nodeFailure('read the heartbeat file', error)
  }
}

/** Makes the file, or answers the time, by the clock that stamps it, at which another's was there.
 *  Written aside and linked, so that it appears whole: an empty one of an owner killed in between
 *  would have to age before anyone may remove it. */
function makeBeat({ directory, record }: HeartbeatClaim): number | undefined {
  const aside = join(directory, `${OWNER_FILE}-new-${record.nonce}`)
  const write = (fd: number): number => {
    writeSync(fd, textOf(record), 0)
    return fstatSync(fd).mtimeMs
  }
  try {
    const nowMs = withFile(aside, 'w', write)
    try {
      linkSync(aside, beatPath(directory))
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return nowMs
      // A file system without links; the exclusive flag is what it has.
      return makeBeatInPlace(directory, write) ? undefined : nowMs
    }
    return undefined
  } catch (error) {
    throw nodeFailure('make the heartbeat file', error)
  } finally {
    rmSync(aside, { force: true })
  }
}

function makeBeatInPlace(directory: string, write: (fd: number) => number): boolean {
  try {
    withFile(beatPath(directory), 'wx', write)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function keepBeating(host: Host, claim: HeartbeatClaim): Heartbeat {
  const { name, directory, record } = claim
  const text = textOf(record)
  let lost: string | undefined
  let lastBeat = clocks(host)
  let timer: Timer | undefined
  const beat = (): void => {
    lost ??= beatOnce(directory, text)
    lastBeat = clocks(host)
  }
  const beatLater = (): void => {
    timer = host.setTimer(BEAT_MS, () => {
      beat()
      if (lost === undefined) beatLater()
    })
  }
  const check = (): void => {
    if (isLate(lastBeat, host)) beat()
    if (lost !== undefined) throw ownershipLostFailure(name, lost)
  }
  beat()
  check()
  removeLeftovers(directory)
  beatLater()
  return {
    check,
    release() {
      timer?.cancel()
      beat()
      if (lost === undefined) rmSync(beatPath(directory), { force: true })
    },
  }
}

type Clocks = { readonly wallMs: number; readonly monotonicMs: number }

function clocks(host: Host): Clocks {
  return { wallMs: host.now(), monotonicMs: host.monotonicNow() }
}

/** By both clocks, as the monotonic one may stand still while the machine sleeps. */
function isLate(lastBeat: Clocks, host: Host): boolean {
  return (
    host.monotonicNow() - lastBeat.monotonicMs > BEAT_LATE_MS ||
    Math.abs(host.now() - lastBeat.wallMs) > BEAT_LATE_MS
  )
}

/** Rewrites the file; answers why that must not be, if so.  Opened anew each time, because only then
 *  a network file system shows the new time to others, and only then another's file is seen. */
function beatOnce(directory: string, text: string): string | undefined {
  try {
    return withFile(beatPath(directory), 'r+', (fd) => {
      const found = readFound(fd)
      if (found.text !== text) return `${found.record?.who ?? 'another'} took it over`
      writeSync(fd, text, 0)
      return undefined
    })
  } catch (error) {
    return `its heartbeat file is gone (${codeOf(error)})`
  }
}

/** Takes a stale file away.  Only one of several takers gets it; whoever finds that it took a fresh
 *  one instead puts it back, and its owner would notice if that came too late. */
function removeStale(claim: HeartbeatClaim, stale: FoundBeat): void {
  const { directory, record } = claim
  const aside = join(directory, `${OWNER_FILE}-stale-${record.nonce}`)
  try {
    renameSync(beatPath(directory), aside)
    const text = withFile(aside, 'r', readFound).text
    if (text !== stale.text) linkSync(aside, beatPath(directory))
    rmSync(aside, { force: true })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') {
      throw nodeFailure('take over the heartbeat file', error)
    }
  }
}

/** New and stale files of those who were killed while taking over. */
function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${OWNER_FILE}-`)) rmSync(join(directory, name), { force: true })
  }
}

function readFound(fd: number): FoundBeat {
  const bytes = new Uint8Array(RECORD_BYTES_MAX)
  const text = new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)))
  return { text, record: parseRecord(text), modifiedMs: fstatSync(fd).mtimeMs }
}

function parseRecord(text: string): BeatRecord | undefined {
  try {
    const parsed: Partial<Record<keyof BeatRecord, unknown>> = JSON.parse(text)
    const { who, since, realm, hasAddress, pid, process, nonce } = parsed
    if (typeof who !== 'string' || !isTime(since) || typeof realm !== 'string') return
    if (typeof hasAddress !== 'boolean' || typeof pid !== 'number') return
    if (typeof process !== 'string') return
    return { who, since, realm, hasAddress, pid, process, nonce: String(nonce) }
  } catch {
    // Half written: its owner has just come, or died there; its age decides.
    return undefined
  }
}

function ownerOf(found: FoundBeat): Owner | undefined {
  return found.record && { who: found.record.who, sinceMs: found.record.since }
}

function textOf(record: BeatRecord): string {
  return JSON.stringify(record)
}

function beatPath(directory: string): string {
  return join(directory, OWNER_FILE)
}

function withFile<T>(path: string, flags: string, task: (fd: number) => T): T {
  const fd = openSync(path, flags, 0o644)
  try {
    return task(fd)
  } finally {
    closeSync(fd)
  }
}
