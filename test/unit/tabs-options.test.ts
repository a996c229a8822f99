/** What the options of a tab mean where another has the database open: a simulated browser. */

import { describe, expect, it } from 'vitest'
import type { OpenOptions } from '../../src/database/options.ts'
import { publish } from '../../src/database/options.ts'
import type { OpeningDatabase } from '../../src/database/types.ts'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const FIRST = 'CREATE TABLE t (x)'
const SECOND = 'CREATE TABLE u (x)'
const THIRD = 'CREATE TABLE v (x)'

/** A tab that has the database open with these options; others come with theirs. */
async function createOwner(options: OpenOptions, isDurable = true) {
  const browser = createBrowser({ isDurable })
  const { world, tab } = browser
  const owner = tab()
  const here = owner.open('notes', options)
  await world.settled(here.ready)
  const join = (given: OpenOptions, it: SimulatedTab = tab()): OpeningDatabase =>
    it.open('notes', given)
  const tables = async (db: OpeningDatabase): Promise<readonly unknown[]> => {
    const sql = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'constellite%' ORDER BY name"
    return (await world.settled(db.all(sql))).map(({ name }) => name)
  }
  return { ...browser, owner, here, join, tables }
}

describe('migrations', () => {
  it('of a longer list are applied, for the tab that has a shorter one too', async () => {
    const { here, join, tables } = await createOwner({ migrations: [FIRST] })
    const there = join({ migrations: [FIRST, SECOND] })
    expect(await tables(there)).toEqual(['t', 'u'])
    expect(await tables(here)).toEqual(['t', 'u'])
  })

  it('of a shorter list are those of before', async () => {
    const { join, tables } = await createOwner({ migrations: [FIRST, SECOND] })
    expect(await tables(join({ migrations: [FIRST] }))).toEqual(['t', 'u'])
    expect(await tables(join({}))).toEqual(['t', 'u'])
  })

  it.each([
    ['longer from the start', [FIRST, SECOND], [FIRST]],
    ['of a tab that came later', [FIRST], [FIRST]],
  ])(
    'are no hindrance when the tab with the shorter list runs it then: %s',
    async (_, mine, other) => {
      const { world, owner, join, tables } = await createOwner({ migrations: mine })
      const there = join({ migrations: other })
      expect(await tables(there)).toContain('t')
      const third = join({ migrations: [FIRST, SECOND] })
      await tables(third)
      owner.kill()
      expect(await tables(there)).toEqual(['t', 'u'])
      expect(there.status.owner).toBe('here')
      // The list between the two that are known, and one beyond.
      expect(await tables(join({ migrations: [FIRST, SECOND] }))).toEqual(['t', 'u'])
      expect(await tables(join({ migrations: [FIRST] }))).toEqual(['t', 'u'])
      expect(await tables(join({ migrations: [FIRST, SECOND, THIRD] }))).toEqual(['t', 'u', 'v'])
      await world.quiet()
    },
  )

  it('that differ are refused, and harm nobody', async () => {
    const { world, here, join } = await createOwner({ migrations: [FIRST] })
    for (const migrations of [[SECOND], [SECOND, FIRST]]) {
      const failure = await rejection(world.settled(join({ migrations }).ready))
      expect(failure).toMatchObject({ code: 'ErrOptionsDiffer', facts: { option: 'migrations' } })
    }
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([])
  })

  it('that fail are told to the tab that brought them', async () => {
    const { world, here, join } = await createOwner({ migrations: [FIRST] })
    const broken = join({ migrations: [FIRST, 'nonsense'] })
    expect((await rejection(world.settled(broken.ready))).code).toBe('ErrMigration')
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([])
  })
})

describe('another', () => {
  const relay = { kind: 'test', url: 'test:relay' }
  it.each<[string, OpenOptions]>([
    ['identity', { identity: new Uint8Array(32).fill(1) }],
    ['recovery', { recovery: new Uint8Array(32).fill(2) }],
    ['sync', { sync: publish({ via: [relay] }) }],
  ])('%s is refused', async (option, options) => {
    const { world, join } = await createOwner({ migrations: [FIRST] })
    const failure = await rejection(world.settled(join({ migrations: [FIRST], ...options }).ready))
    expect(failure).toMatchObject({ code: 'ErrOptionsDiffer', facts: { option } })
  })

  it('identity of the same seed is none', async () => {
    const identity = new Uint8Array(32).fill(1)
    const { world, join } = await createOwner({ identity })
    await world.settled(join({ identity: identity.slice() }).ready)
  })
})

describe('options that are changed after opening', () => {
  it.each<[string, (given: { identity: Uint8Array; migrations: string[] }) => void]>([
    ['a seed that is wiped', ({ identity }) => identity.fill(0)],
    ['migrations that are edited', ({ migrations }) => migrations.fill(SECOND)],
  ])('have no part in a takeover: %s', async (_, change) => {
    const options = () => ({ identity: Buffer.alloc(32, 1), migrations: [FIRST] })
    const { owner, join, tables } = await createOwner(options())
    const given = options()
    const there = join(given)
    expect(await tables(there)).toEqual(['t'])
    change(given)
    owner.kill()
    expect(await tables(there)).toEqual(['t'])
    expect(there.status.owner).toBe('here')
  })

  it('belong to their caller, who finds them as they were', async () => {
    const given = { identity: new Uint8Array(32).fill(1), migrations: [FIRST] }
    const { world, here } = await createOwner(given)
    await world.settled(here.close())
    expect(given).toEqual({ identity: new Uint8Array(32).fill(1), migrations: [FIRST] })
  })
})

describe('an import', () => {
  const source = new Uint8Array(100)

  it('is refused where another tab has something in the database', async () => {
    const { world, here, join } = await createOwner({ migrations: [FIRST] })
    const late = join({ migrations: [FIRST], import: source })
    expect((await rejection(world.settled(late.ready))).code).toBe('ErrNotEmpty')
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([])
  })

  it('is taken in where the database has nothing yet', async () => {
    const { world, here, join } = await createOwner({})
    const other = createBrowser({ seed: 2 })
    const filled = other.tab().open('filled', { migrations: [FIRST] })
    await other.world.settled(filled.run('INSERT INTO t VALUES (7)'))
    const file = await other.world.settled(filled.export())
    const bytes = new Uint8Array(await file.arrayBuffer())
    const late = join({ import: bytes })
    const { import: report } = await world.settled(late.ready)
    expect(report).toMatchObject({ sizeBytes: bytes.length })
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([{ x: 7 }])
  })
})

describe('durable', () => {
  it('is refused where the storage of another tab is not', async () => {
    const { world, here, join } = await createOwner({ migrations: [FIRST] }, false)
    const failure = await rejection(world.settled(join({ durable: true }).ready))
    expect(failure.code).toBe('ErrNotDurable')
    expect(failure.message).toContain('a simulated disk')
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([])
  })

  it('is kept where it is', async () => {
    const { world, join } = await createOwner({})
    await world.settled(join({ durable: true }).ready)
  })
})
