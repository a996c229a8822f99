/** Model of tabs that share a database: from a seed, tabs write, read and watch while they are opened, closed,
 *  killed, put to sleep, woken and stopped.
 *  Checks: everything that was called in a tab that lives settles; what was acknowledged is there exactly once,
 *  whoever ran it, and what failed as often as its failure says; a read shows what was acknowledged before it was
 *  called; a live query ends with the newest rows and never tells the same twice; one worker at a time has the
 *  disk; nothing is left of tabs that have gone. */

import { createBrowser } from './tabs-fixtures.ts'
import {
  call,
  checkLeft,
  checkRows,
  checkWatches,
  codeOf,
  fateOf,
  type Model,
  type ModelTab,
  type Watch,
  type Write,
} from './tabs-model-checks.ts'

export type ModelOptions = {
  readonly seed: number
  readonly turns: number
  /** Told what happens, in order. */
  readonly note?: ((fact: string) => void) | undefined
}

/** What one seed does, where nothing else is asked for. */
export const MODEL_TURNS = 30

const TABS_MAX = 5
const TABS_MIN = 2
/** How much happens between two turns. */
const STEPS_MAX = 40
const MIGRATIONS = ['CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)']
const LIVE = 'SELECT x FROM t ORDER BY id'

/** Throws with the seed and what was wrong. */
export async function runModel({ seed, turns, note }: ModelOptions): Promise<void> {
  const browser = createBrowser({ seed })
  const { random } = browser.world
  const model: Model = {
    browser,
    random,
    tabs: [],
    writes: [],
    acknowledged: new Set(),
    wrong: [],
    note: note ?? (() => undefined),
    rowCount: 0,
  }
  try {
    for (let turn = 0; turn < turns; turn++) {
      takeTurn(model)
      for (let steps = random.below(STEPS_MAX); steps > 0; steps--) await browser.world.step()
    }
    await comeToRest(model)
  } catch (error) {
    const calls = model.tabs.flatMap(({ tab, calls }) =>
      [...calls].map((it) => `${tab.name}: ${it}`),
    )
    const { disk, locks } = browser
    const lines = locks.names.map((name) => `${name} with ${locks.holderOf(name)?.name}`)
    const where = `the disk is with ${disk.holder?.name}; ${lines.join(', ')}`
    throw new Error(`seed ${seed}: ${String(error)}; pending: ${calls.join(', ')}; ${where}`, {
      cause: error,
    })
  }
  if (model.wrong.length > 0) throw new Error(`seed ${seed}: ${model.wrong.join('; ')}`)
}

function takeTurn(model: Model): void {
  const { random, tabs } = model
  const living = tabs.filter(({ state }) => state !== 'gone')
  if (living.length < TABS_MIN) {
    openTab(model)
    return
  }
  const it = random.pick(living)
  if (it.state === 'closing' || it.state === 'failed') return
  if (it.state !== 'awake') {
    if (random.chance(0.5)) goOn(model, it)
    return
  }
  const turns: readonly (readonly [weight: number, turn: () => void])[] = [
    [30, () => write(model, it)],
    [10, () => read(model, it)],
    [5, () => watch(model, it)],
    [5, () => openAnother(model)],
    [8, () => turnSight(model, it)],
    [3, () => close(model, it)],
    [3, () => leave(model, it, 'killed')],
    [2, () => leave(model, it, 'shut')],
    [1, () => loseWorker(model, it)],
    [5, () => sleep(model, it)],
    [3, () => stop(model, it)],
  ]
  let drawn = random.below(turns.reduce((sum, [weight]) => sum + weight, 0))
  for (const [weight, turn] of turns) {
    drawn -= weight
    if (drawn >= 0) continue
    turn()
    return
  }
}

function openAnother(model: Model): void {
  if (model.tabs.filter(({ state }) => state !== 'gone').length < TABS_MAX) openTab(model)
}

function openTab(model: Model): void {
  const tab = model.browser.tab()
  model.note(`${tab.name} opened`)
  const db = tab.open('notes', { migrations: MIGRATIONS })
  const it: ModelTab = { tab, db, calls: new Set(), watches: [], state: 'awake', isHidden: false }
  model.tabs.push(it)
  read(model, it)
}

function goOn({ note }: Model, it: ModelTab): void {
  const wasAsleep = it.state === 'asleep'
  note(`${it.tab.name} ${wasAsleep ? 'wakes' : 'goes on'}`)
  it.state = 'awake'
  if (wasAsleep) it.tab.wake()
  else it.tab.goOn()
}

function sleep({ note }: Model, it: ModelTab): void {
  note(`${it.tab.name} sleeps`)
  it.state = 'asleep'
  it.tab.sleep()
}

function turnSight({ note }: Model, it: ModelTab): void {
  note(`${it.tab.name} is ${it.isHidden ? 'shown' : 'hidden'}`)
  if (it.isHidden) it.tab.show()
  else it.tab.hide()
  it.isHidden = !it.isHidden
}

function stop({ note }: Model, it: ModelTab): void {
  note(`${it.tab.name} stops`)
  it.state = 'stopped'
  it.tab.stop()
}

function leave({ note }: Model, it: ModelTab, how: 'killed' | 'shut'): void {
  note(`${it.tab.name} is ${how}`)
  it.state = 'gone'
  // A page that its reader leaves is told, as one that will sleep.
  if (how === 'shut') it.tab.sleep()
  it.tab.kill()
}

function loseWorker({ note }: Model, it: ModelTab): void {
  note(`${it.tab.name} loses its worker`)
  if (it.tab.workers.some((worker) => !worker.isDead)) it.state = 'failed'
  it.tab.killWorker()
}

function close(model: Model, it: ModelTab): void {
  model.note(`${it.tab.name} closes`)
  it.state = 'closing'
  call(model, it, 'close', it.db.close())
    .catch((error) => model.wrong.push(`${it.tab.name}: close: ${codeOf(error)}`))
    .finally(() => leave(model, it, 'killed'))
}

function write(model: Model, it: ModelTab): void {
  const { random } = model
  const row = (): string => {
    model.rowCount += 1
    return `r${model.rowCount}`
  }
  const insert = 'INSERT INTO t (x) VALUES (?)'
  const { db } = it
  const kind = random.below(4)
  if (kind === 0) {
    const x = row()
    follow(model, it, { what: `run ${x}`, rows: [x], isWhole: true }, () => db.run(insert, [x]))
  } else if (kind === 1) {
    const x = row()
    follow(model, it, { what: `rows ${x}`, rows: [x], isWhole: true }, async () => {
      const rows = await db.all(`${insert} RETURNING x`, [x])
      if (rows[0]?.['x'] !== x) model.wrong.push(`${x} was answered with ${JSON.stringify(rows)}`)
    })
  } else if (kind === 2) {
    const rows = [row(), row()]
    const text = rows.map((x) => `INSERT INTO t (x) VALUES ('${x}')`).join(';')
    follow(model, it, { what: `exec ${rows}`, rows, isWhole: false }, () => db.exec(text))
  } else {
    const rows = [row(), row(), row()]
    follow(model, it, { what: `transaction ${rows}`, rows, isWhole: true }, () =>
      db.transaction(async (tx) => {
        for (const x of rows) await tx.run(insert, [x])
        const seen = await tx.all('SELECT x FROM t WHERE x IN (?, ?, ?)', rows)
        if (seen.length !== rows.length) model.wrong.push(`${rows} saw ${seen.length} of its rows`)
      }),
    )
  }
}

function follow(
  model: Model,
  it: ModelTab,
  init: Omit<Write, 'fate'>,
  work: () => Promise<unknown>,
): void {
  const write: Write = { ...init, fate: 'pending' }
  model.writes.push(write)
  call(model, it, write.what, work()).then(
    () => {
      write.fate = 'done'
      for (const row of write.rows) model.acknowledged.add(row)
    },
    (error) => {
      const fate = fateOf(it, error)
      if (fate === undefined) model.wrong.push(`${it.tab.name}: ${write.what}: ${codeOf(error)}`)
      write.fate = fate ?? 'maybe'
    },
  )
}

function read(model: Model, it: ModelTab): void {
  const before = [...model.acknowledged]
  const { wrong, rowCount } = model
  call(model, it, `read at ${rowCount}`, it.db.all<{ x: string }>(LIVE)).then(
    (rows) => {
      const seen = new Set(rows.map(({ x }) => x))
      const lost = before.filter((x) => !seen.has(x))
      if (lost.length > 0) wrong.push(`${it.tab.name} does not read ${lost}`)
    },
    (error) => {
      const isEnded = it.state === 'failed' || it.state === 'closing'
      if (!isEnded) wrong.push(`${it.tab.name}: read: ${codeOf(error)}`)
    },
  )
}

function watch(model: Model, it: ModelTab): void {
  const watch: Watch = { told: [], failure: undefined }
  it.watches.push(watch)
  model.note(`${it.tab.name} watches`)
  const follow = async (): Promise<void> => {
    for await (const rows of it.db.watch(LIVE)) {
      const told = JSON.stringify(rows)
      if (watch.told.at(-1) === told) model.wrong.push(`${it.tab.name} is told the same again`)
      watch.told.push(told)
    }
  }
  follow().catch((error) => {
    watch.failure = error
    if (it.state === 'awake') model.wrong.push(`${it.tab.name}: watch: ${codeOf(error)}`)
  })
}

/** Everybody wakes; then everything settles, and what is there is what was promised. */
async function comeToRest(model: Model): Promise<void> {
  const { browser, tabs, wrong } = model
  const { world } = browser
  model.note('— rest —')
  for (const it of tabs) if (it.state === 'asleep' || it.state === 'stopped') goOn(model, it)
  await world.quiet()
  const living = tabs.filter(({ state }) => state !== 'gone')
  for (const { tab, calls } of living)
    for (const it of calls) wrong.push(`${tab.name}: ${it} hangs`)
  const last = browser.tab()
  model.note(`${last.name} looks`)
  const db = last.open('notes', { migrations: MIGRATIONS })
  const rows = await world.settled(db.all<{ x: string }>(LIVE))
  const integrity = await world.settled(db.get('PRAGMA integrity_check'))
  if (integrity?.['integrity_check'] !== 'ok') wrong.push(JSON.stringify(integrity))
  const { ok } = await world.settled(db.verify())
  if (!ok) wrong.push('the chain is not whole')
  checkRows(
    model,
    rows.map(({ x }) => x),
  )
  checkWatches(model, JSON.stringify(rows))
  const { intruders } = browser.disk
  if (intruders.length > 0) wrong.push(`two at the disk: ${intruders.join()}`)
  await world.settled(db.close())
  for (const it of living) {
    if (it.state !== 'failed') it.state = 'closing'
    await world.settled(it.db.close().catch((error) => wrong.push(`close: ${codeOf(error)}`)))
  }
  await world.quiet()
  checkLeft(model)
}
