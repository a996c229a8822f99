// One of several tabs that write into one database without pause, in lanes, each in its own way, and keep
// when each write was answered and what of it must be in the database.
import { open } from '/constellite/index.js'

const MIGRATIONS = [
  'CREATE TABLE note (tab TEXT NOT NULL, lane INTEGER NOT NULL, n INTEGER NOT NULL)',
]
const db = open('tabs', { migrations: MIGRATIONS })
const tab = crypto.randomUUID().slice(0, 8)
const insert = 'INSERT INTO note VALUES (?, ?, ?)'

/** When a write was answered, in milliseconds of the wall clock. */
const answeredAt = []
/** By lane: how many of its writes are in the database for sure. */
const written = [0, 0, 0]
const failures = []
let counted = 0
let isLoaded = false
let lanes = []

/** Each writes one row and says what became of it. */
const WAYS = [
  (n) => db.run(insert, [tab, 0, n]),
  (n) => db.get(`${insert} RETURNING n`, [tab, 1, n]),
  (n) =>
    db.transaction(async (tx) => {
      await tx.all('SELECT count(*) AS n FROM note')
      await tx.run(insert, [tab, 2, n])
    }),
]

async function runLane(lane) {
  for (let n = written[lane]; isLoaded; ) {
    try {
      await WAYS[lane](n)
    } catch (error) {
      // Nothing of the transaction was written: it is called again, as its message says.
      if (error.code === 'ErrTransaction' && error.retry === 'now') continue
      // It is written, but the rows that it returned are lost.
      if (error.code !== 'ErrAnswerLost') {
        failures.push(`${lane}: ${error.code}: ${error.message}`)
        return
      }
    }
    answeredAt.push(performance.timeOrigin + performance.now())
    n += 1
    written[lane] = n
  }
}

db.watch('SELECT count(*) AS n FROM note').subscribe(
  ([row]) => {
    counted = row.n
  },
  (error) => failures.push(`watch: ${error.code}: ${error.message}`),
)

globalThis.tabs = {
  ready: () => db.ready.then(() => tab),
  owner: () => db.status.owner,
  see: (visibility) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibility })
    document.dispatchEvent(new Event('visibilitychange'))
  },
  begin: () => {
    if (isLoaded) return
    isLoaded = true
    lanes = WAYS.map((_, lane) => runLane(lane))
  },
  end: async () => {
    isLoaded = false
    await Promise.all(lanes)
    return { tab, written, failures }
  },
  answers: () => answeredAt.length,
  /** The longest time without an answer around `atMs`. */
  gap: (atMs) => {
    let longest = 0
    for (let at = 1; at < answeredAt.length; at++) {
      if (answeredAt[at] < atMs) continue
      longest = Math.max(longest, answeredAt[at] - answeredAt[at - 1])
    }
    return longest
  },
  counted: () => counted,
  rows: () =>
    db.all(
      'SELECT tab, lane, count(*) AS n, count(DISTINCT n) AS kinds, max(n) AS newest FROM note GROUP BY tab, lane',
    ),
}
