import { type Database, isFailure, open, remove } from 'constellite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from '../failures.ts'
import { type OtherWindow, openWindow } from './window.ts'

const TABLE = 'CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'
const WRITES = 40

describe('tabs', () => {
  it('share a database: what one writes, the other reads, watches and writes on', async () => {
    const { name, theirs } = await ownedElsewhere()
    const ours = await openHere(name)
    expect([theirs.status.owner, ours.status.owner]).toEqual(['here', 'elsewhere'])
    const seen = watchUntil(ours, 2)
    await theirs.run`INSERT INTO note (body) VALUES ('theirs')`
    await ours.transaction(async (tx) => {
      expect(await tx.all`SELECT body FROM note`).toEqual([{ body: 'theirs' }])
      await tx.run`INSERT INTO note (body) VALUES ('ours')`
    })
    expect(await seen).toEqual([{ body: 'theirs' }, { body: 'ours' }])
    expect(await theirs.get`SELECT count(*) AS n FROM note`).toEqual({ n: 2 })
    expect(ours.status.seq).toBe(theirs.status.seq)
  })

  it('go on when the owner closes, and when it comes back as a guest', async () => {
    const { name, theirs, window } = await ownedElsewhere()
    const ours = await openHere(name)
    await theirs.close()
    await ours.run`INSERT INTO note (body) VALUES ('after')`
    expect(ours.status.owner).toBe('here')
    const again = await window.open(name, { migrations: [TABLE] })
    expect(again.status.owner).toBe('elsewhere')
    expect(await again.all`SELECT body FROM note`).toEqual([{ body: 'after' }])
  })

  it('go on when the owner is gone in the middle of writes, each of which happens once', async () => {
    const { name, window } = await ownedElsewhere()
    const ours = await openHere(name)
    const writes: Promise<unknown>[] = []
    for (let n = 1; n <= WRITES; n++) {
      writes.push(ours.run`INSERT INTO note (body) VALUES (${`${n}`})`)
      if (n === WRITES / 2) await writes[0]
    }
    window.end()
    await Promise.all(writes)
    const counted = await ours.get`SELECT count(*) AS n, count(DISTINCT body) AS kinds FROM note`
    expect(counted).toEqual({ n: WRITES, kinds: WRITES })
    expect(ours.status.owner).toBe('here')
  })

  it('lose the open transaction with its owner, whole, and say that it may be called again', async () => {
    const { name, window } = await ownedElsewhere()
    const ours = await openHere(name)
    const lost = ours.transaction(async (tx) => {
      await tx.run`INSERT INTO note (body) VALUES ('half')`
      window.end()
      await untilOwner(ours, 'here')
      await tx.run`INSERT INTO note (body) VALUES ('more')`
    })
    const failure = await lost.then(
      () => undefined,
      (error) => error,
    )
    expect(isFailure(failure, 'ErrTransaction') && failure.retry).toBe('now')
    expect(await ours.all`SELECT body FROM note`).toEqual([])
  })

  it('reach all of the database from a guest: files in and out, its proof, its size, its stages', async () => {
    const source = await openHere(place.freshName('source'))
    await source.run`INSERT INTO note (body) VALUES ('from a file')`
    const file = await source.export()
    const name = place.freshName('tabs')
    const window = await openWindow()
    onTestFinished(() => window.end())
    const theirs = await window.open(name)
    const ours = await open(name)
    onTestFinished(() => ours.close())
    const progress: number[] = []
    const report = await ours.import(file, { onProgress: (part) => progress.push(part) })
    expect([report.sizeBytes, progress.at(-1)]).toEqual([(await place.bytesOf(file)).length, 1])
    expect(await theirs.all`SELECT body FROM note`).toEqual([{ body: 'from a file' }])
    expect(await place.bytesOf(await ours.export())).toEqual(await place.bytesOf(file))
    await ours.until('durable')
    expect(await ours.verify()).toMatchObject({ ok: true })
    expect((await ours.storage()).totalBytes).toBeGreaterThan(0)
    expect(ours.status.owner).toBe('elsewhere')
  })

  it('refuse one that cannot meet them with who and since when, and let it in when they are closed', async () => {
    const { name, theirs } = await ownedElsewhere()
    const old = await openWindow({ hasLocks: false })
    onTestFinished(() => old.end())
    const failure = await old.open(name).then(
      () => undefined,
      (error) => error,
    )
    if (!isFailure(failure, 'ErrInUse')) throw new Error(`it was let in, or failed by ${failure}`)
    expect([typeof failure.facts['who'], typeof failure.facts['since']]).toEqual([
      'string',
      'number',
    ])
    await theirs.run`INSERT INTO note (body) VALUES ('undisturbed')`
    await theirs.close()
    const alone = await old.open(name)
    expect(await alone.all`SELECT body FROM note`).toEqual([{ body: 'undisturbed' }])
    await alone.close()
  })

  it('keep each other from deleting it, and refuse other options', async () => {
    const { name, theirs } = await ownedElsewhere()
    expect(await failureOf(remove(name))).toBe('ErrInUse')
    const other = open(name, { migrations: ['CREATE TABLE other (id INTEGER)'] })
    expect(await failureOf(other)).toBe('ErrOptionsDiffer')
    await theirs.close()
    expect(await remove(name)).toBe(true)
  })
})

type Elsewhere = {
  readonly name: string
  readonly window: OtherWindow
  readonly theirs: Database
}

/** A database that another window has open, and runs. */
async function ownedElsewhere(): Promise<Elsewhere> {
  const name = place.freshName('tabs')
  const window = await openWindow()
  onTestFinished(() => window.end())
  return { name, window, theirs: await window.open(name, { migrations: [TABLE] }) }
}

async function openHere(name: string): Promise<Database> {
  const db = await open(name, { migrations: [TABLE] })
  onTestFinished(() => db.close())
  return db
}

/** The rows of a live query, as soon as there are that many. */
function watchUntil(db: Database, count: number): Promise<readonly unknown[]> {
  return new Promise((resolve, reject) => {
    const show = (rows: readonly unknown[]): void => {
      if (rows.length === count) resolve(rows)
    }
    onTestFinished(db.watch('SELECT body FROM note ORDER BY id').subscribe(show, reject))
  })
}

function untilOwner(db: Database, owner: Database['status']['owner']): Promise<void> {
  return new Promise((resolve) => {
    onTestFinished(db.onStatus((status) => status.owner === owner && resolve()))
  })
}
