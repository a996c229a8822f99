/** The page of `bench live`: writes at a steady rate, with or without live queries over what is written, and
 *  the times of the page's frames meanwhile. */

import type { Database } from '../../../src/database/types.ts'
import { open } from '../../../src/platform/browser.ts'

export type LiveLoad = {
  /** Each its own query; all read the table that is written, and each write changes what one of them shows. */
  readonly distinct: number
  /** The distinct ones differ in their texts, not only in a value. */
  readonly areTextsDistinct: boolean
  /** All the same query; each write changes what it shows. */
  readonly equal: number
  readonly writesPerSecond: number
  readonly seconds: number
}

export type LiveCost = {
  /** Between one animation frame and the next. */
  readonly framesMs: readonly number[]
  /** From the call of a write to the last of the subscribers that show it. */
  readonly toldMs: readonly number[]
  /** From the call of a write to its answer. */
  readonly writesMs: readonly number[]
  /** Writes that nobody was told of; none, if it works. */
  readonly untold: number
}

const ROWS = 1000
/** What was written last is waited for so long. */
const WAIT_MS = 5_000

const MIGRATIONS: readonly string[] = [
  'CREATE TABLE entry (id INTEGER PRIMARY KEY, writing INTEGER, body TEXT)',
  `WITH RECURSIVE it(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM it WHERE id < ${ROWS - 1})
   INSERT INTO entry SELECT id, -1, 'A row of some words, as applications write them.' FROM it`,
]

type Entry = { readonly id: number; readonly writing: number; readonly body: string }

/** What is written and not yet shown by all who should. */
type Writing = { readonly id: number; readonly calledAt: number; left: number }

let made = 0

async function measure(load: LiveLoad): Promise<LiveCost> {
  const db = await open(`live-${made++}`, {
    migrations: MIGRATIONS,
    worker: () => new Worker('./worker.js', { type: 'module' }),
  })
  const writings = new Map<number, Writing>()
  const toldMs: number[] = []
  const stops = await subscribe(db, load, (shown) => onShown(shown, writings, toldMs))
  const frames = recordFrames()
  const writesMs = await write(db, load, writings)
  const framesMs = frames.stop()
  const endsAt = performance.now() + WAIT_MS
  while (writings.size > 0 && performance.now() < endsAt) await after(10)
  for (const stop of stops) stop()
  await db.close()
  return { framesMs, toldMs, writesMs, untold: writings.size }
}

/** The newest writing that a subscriber shows now and the one that it showed before, of these rows only. */
type Shown = {
  readonly writing: number
  readonly before: number
  readonly covers: (id: number) => boolean
}

async function subscribe(
  db: Database,
  load: LiveLoad,
  onRows: (shown: Shown) => void,
): Promise<(() => void)[]> {
  let left = load.distinct + load.equal
  let ready: () => void = () => undefined
  const isReady = new Promise<void>((resolve) => {
    ready = resolve
  })
  const listen = (watch: ReturnType<typeof db.watch<Entry>>, covers: Shown['covers']) => {
    let before: number | undefined
    return watch.subscribe(
      (rows) => {
        if (before === undefined && --left === 0) ready()
        const writing = Math.max(...rows.map((row) => row.writing))
        onRows({ writing, before: before ?? -1, covers })
        before = writing
      },
      (failure) => {
        throw failure
      },
    )
  }
  const stops = Array.from({ length: load.distinct }, (_, index) => {
    const id = index % ROWS
    const watch = load.areTextsDistinct
      ? db.watch<Entry>(`SELECT * FROM entry WHERE id = ${id}`)
      : db.watch<Entry>('SELECT * FROM entry WHERE id = ?', [id])
    return listen(watch, (of) => of === id)
  })
  for (let index = 0; index < load.equal; index++) {
    const watch = db.watch<Entry>('SELECT * FROM entry ORDER BY writing DESC LIMIT 20')
    stops.push(listen(watch, () => true))
  }
  if (left > 0) await isReady
  return stops
}

function onShown(
  { writing, before, covers }: Shown,
  writings: Map<number, Writing>,
  toldMs: number[],
) {
  const now = performance.now()
  for (const [index, it] of writings) {
    if (index > writing) break
    if (index <= before || !covers(it.id)) continue
    it.left -= 1
    if (it.left > 0) continue
    writings.delete(index)
    toldMs.push(now - it.calledAt)
  }
}

function recordFrames(): { stop(): number[] } {
  const framesMs: number[] = []
  let last: number | undefined
  let isOver = false
  const onFrame = (now: number): void => {
    if (isOver) return
    if (last !== undefined) framesMs.push(now - last)
    last = now
    requestAnimationFrame(onFrame)
  }
  requestAnimationFrame(onFrame)
  return {
    stop: () => {
      isOver = true
      return framesMs
    },
  }
}

async function write(
  db: Database,
  load: LiveLoad,
  writings: Map<number, Writing>,
): Promise<number[]> {
  const writesMs: number[] = []
  const pending: Promise<unknown>[] = []
  const startedAt = performance.now()
  const total = load.seconds * load.writesPerSecond
  const writeOne = async (index: number): Promise<void> => {
    // Every row in turn, not in order.
    const id = (index * 7) % ROWS
    const calledAt = performance.now()
    const left = load.equal + Math.floor((load.distinct + ROWS - 1 - id) / ROWS)
    if (left > 0) writings.set(index, { id, calledAt, left })
    await db.run('UPDATE entry SET writing = ? WHERE id = ?', [index, id])
    writesMs.push(performance.now() - calledAt)
  }
  for (let index = 0; index < total; ) {
    const due = Math.floor(((performance.now() - startedAt) * load.writesPerSecond) / 1000)
    for (; index < Math.min(due, total); index++) pending.push(writeOne(index))
    await after(1)
  }
  await Promise.all(pending)
  return writesMs
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

Object.assign(globalThis, { bench: { measure } })
