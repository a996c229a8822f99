/** Commits on Node, on disk, beside better-sqlite3: in WAL mode with synchronous=FULL (as durable as ours)
 *  and as it comes (rollback journal, synchronous=FULL). */

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Line, measurePair, type Side } from './pairs.ts'
import { costOfCommits, INSERT, SCHEMA } from './workload.ts'

const COMMITS = 500
const REPETITIONS = 5
const ALONE = 'better-sqlite3 has no binary here: npm rebuild better-sqlite3 --ignore-scripts=false'

type Ours = {
  run(sql: string, parameters: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}
/** The few calls of better-sqlite3 that are used; it ships no types. */
type BetterSqlite = new (
  path: string,
) => {
  pragma(text: string): unknown
  exec(text: string): unknown
  prepare(text: string): { run(...values: readonly (string | number)[]): unknown }
  close(): void
}

export async function commitInNode(say: (line: Line) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-bench-'))
  try {
    const peers = peersIn(folder)
    for (const callers of [1, 64]) {
      for (const peer of peers) {
        const name = `node, ${callers} ${callers === 1 ? 'caller' : 'callers'}, peer ${peer.name}`
        say(
          await measurePair('commit', {
            case: name,
            unit: 'µs/commit',
            note:
              peer.side === undefined ? ALONE : 'insert of 100 bytes, fdatasync each or in groups',
            repetitions: REPETITIONS,
            ours: () => commitOurs(folder, callers),
            peer: peer.side,
          }),
        )
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

let made = 0

async function commitOurs(folder: string, callers: number): Promise<number> {
  // The built package: what users run.
  const { open } = (await import('../../dist/entry/node.js' as string)) as {
    open(name: string, options: object): Promise<Ours>
  }
  const db = await open(join(folder, `ours-${made++}`), { migrations: [SCHEMA] })
  try {
    const insert = (at: number, body: string): Promise<unknown> => db.run(INSERT, [at, body])
    return await costOfCommits(insert, { commits: COMMITS, callers })
  } finally {
    await db.close()
  }
}

function peersIn(folder: string): { name: string; side: Side | undefined }[] {
  const BetterSqlite = loadBetterSqlite()
  const side = (pragmas: readonly string[]): Side | undefined => {
    if (BetterSqlite === undefined) return undefined
    return async () => {
      const db = new BetterSqlite(join(folder, `peer-${made++}.db`))
      for (const pragma of pragmas) db.pragma(pragma)
      db.exec(SCHEMA)
      const statement = db.prepare(INSERT)
      try {
        // It is synchronous: a second caller only waits for the first.
        const insert = (at: number, body: string): unknown => statement.run(at, body)
        return await costOfCommits(insert, { commits: COMMITS, callers: 1 })
      } finally {
        db.close()
      }
    }
  }
  return [
    {
      name: 'better-sqlite3 WAL synchronous=FULL',
      side: side(['journal_mode=WAL', 'synchronous=FULL']),
    },
    { name: 'better-sqlite3 defaults', side: side([]) },
  ]
}

function loadBetterSqlite(): BetterSqlite | undefined {
  try {
    const BetterSqlite: BetterSqlite = createRequire(import.meta.url)('better-sqlite3')
    // Loading the binary is put off until the first database.
    new BetterSqlite(':memory:').close()
    return BetterSqlite
  } catch {
    return undefined
  }
}
