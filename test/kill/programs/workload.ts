/** What a writer does under load and what is asked of every copy afterwards: the same in a process and a page.
 *  Keeps: a batch is reported only after its call has resolved.
 *  A batch is one commit: `parts` rows of one number, counted by a trigger; so a torn commit shows as a batch
 *  with too few rows, or as a count that differs. */

import { type Database, isFailure } from 'constellite'
import { createRandom, type Random } from '../../../src/testing/random.ts'

export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE entry (batch INTEGER, part INTEGER, parts INTEGER NOT NULL, body BLOB NOT NULL,
     PRIMARY KEY (batch, part)) WITHOUT ROWID`,
  'CREATE TABLE tally (id INTEGER PRIMARY KEY, batches INTEGER NOT NULL)',
  'INSERT INTO tally VALUES (1, 0)',
  `CREATE TRIGGER count_batch AFTER INSERT ON entry WHEN new.part = 0
     BEGIN UPDATE tally SET batches = batches + 1; END`,
]

export type Load = {
  /** Number of the first batch. */
  readonly first: number
  /** Callers at once. */
  readonly lanes: number
  readonly seed: number
  /** A planted lie, which the checks must find: batches are reported before they are written. */
  readonly isEarly: boolean
}

export type Report =
  /** The call of this batch has resolved: it is durable. */
  | { readonly type: 'acknowledged'; readonly batch: number }
  /** `until('shared')` has resolved for these, which are at or before `seq`. */
  | { readonly type: 'shared'; readonly batches: readonly number[]; readonly seq: string }
  /** Something that a user would have to look at. */
  | { readonly type: 'failed'; readonly code: string; readonly reason: string }

export type Seen = {
  readonly seq: string
  /** What `verify()` answered. */
  readonly ok: boolean
  readonly root: string
  /** Of the exported file. */
  readonly sha256: string
  readonly batches: readonly number[]
  /** What is wrong with commits that are there in part; '' when nothing is. */
  readonly torn: string
}

const LARGE_BYTES = 30_000
const SMALL_BYTES = 1_500
/** Batches whose bodies one commit replaces, so that the log grows to a checkpoint and the file does not. */
const REWRITTEN = 30
const PAUSE_MS_MAX = 6
const SHARE_PAUSE_MS = 10

/** Writes until it is stopped; resolves `stop` when no call is under way any more. */
export function startLoad(
  db: Database,
  { first, lanes, seed, isEarly }: Load,
  /** The next batch of that caller waits until this has settled. */
  report: (what: Report) => void | Promise<void>,
): { stop(): Promise<void> } {
  const random = createRandom(seed)
  const stopping = new AbortController()
  const acknowledged: number[] = []
  let next = first
  const fail = (error: unknown): void => {
    if (stopping.signal.aborted) return
    stopping.abort()
    report(failed('writing', error))
  }
  const lane = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const batch = next++
      if (isEarly) await report({ type: 'acknowledged', batch })
      await write(db, batch, random)
      acknowledged.push(batch)
      if (!isEarly) await report({ type: 'acknowledged', batch })
      await pause(random.below(PAUSE_MS_MAX))
    }
  }
  const share = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const batches = acknowledged.splice(0)
      if (batches.length === 0) await pause(SHARE_PAUSE_MS)
      else {
        const seq = String(db.status.seq)
        await db.until('shared', { signal: stopping.signal })
        await report({ type: 'shared', batches, seq })
      }
    }
  }
  // Each on its own: a call that never settles keeps `stop` from resolving.
  const running = [...Array.from({ length: lanes }, lane), share()].map((it) => it.catch(fail))
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function write(db: Database, batch: number, random: Random): Promise<void> {
  const kind = random.below(10)
  if (kind < 5) {
    await db.run`INSERT INTO entry VALUES (${batch}, 0, 1, randomblob(${random.below(SMALL_BYTES)}))`
    return
  }
  const parts = 2 + random.below(5)
  const sizeBytes = random.below(kind === 9 ? LARGE_BYTES : SMALL_BYTES)
  const other = batch - random.below(50)
  await db.transaction(async (tx) => {
    for (let part = 0; part < parts; part++) {
      await tx.run`INSERT INTO entry VALUES (${batch}, ${part}, ${parts}, randomblob(${sizeBytes}))`
    }
    await tx.run`UPDATE entry SET body = randomblob(length(body))
      WHERE batch BETWEEN ${other - (kind === 8 ? REWRITTEN : 0)} AND ${other}`
  })
}

/** A report of what went wrong while doing that. */
export function failed(doing: string, error: unknown): Report {
  const code = isFailure(error) ? error.code : ''
  return { type: 'failed', code, reason: `${doing}: ${error}` }
}

const TORN = `SELECT
  (SELECT batches FROM tally) - (SELECT count(*) FROM entry WHERE part = 0) AS uncounted,
  (SELECT count(*) FROM (SELECT 1 FROM entry GROUP BY batch
     HAVING count(*) <> max(parts) OR max(part) <> max(parts) - 1)) AS partial`

/** Looks at the copy whenever it changes: every state that it shows is one after whole commits. */
export async function watchForTorn(
  db: Database,
  report: (what: Report) => void,
): Promise<() => void> {
  for await (const found of db.watch`SELECT name FROM sqlite_schema WHERE name = 'count_batch'`) {
    if (found.length > 0) break
  }
  return db.watch<{ uncounted: number; partial: number }>(TORN).subscribe(
    ([row]) => {
      const torn = wordsOf(row)
      if (torn !== '') report(failed('watching', torn))
    },
    (error) => report(failed('watching', error)),
  )
}

/** Resolves when the copy has come to the position `seq`. */
export function reach(db: Database, seq: bigint): Promise<void> {
  if (db.status.seq >= seq) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const stop = db.onStatus(({ seq: now, failure }) => {
      if (now < seq && failure === undefined) return
      stop()
      if (failure === undefined) resolve()
      else reject(failure)
    })
  })
}

export async function look(db: Database): Promise<Seen> {
  const { ok, root } = await db.verify()
  const file = await (await db.export()).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', file))
  const rows = await db.all<{ batch: number }>`SELECT batch FROM entry WHERE part = 0`
  return {
    seq: String(db.status.seq),
    ok,
    root,
    sha256: Array.from(digest, (it) => it.toString(16).padStart(2, '0')).join(''),
    batches: rows.map((it) => it.batch),
    torn: wordsOf(await db.get<{ uncounted: number; partial: number }>(TORN)),
  }
}

function wordsOf(row: { uncounted: number; partial: number } | undefined): string {
  if (row?.uncounted === 0 && row.partial === 0) return ''
  return `commits in part: ${JSON.stringify(row)}`
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
