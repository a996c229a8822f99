import { describe, expect, it } from 'vitest'
import type { Core } from '../../src/database/core.ts'
import { createLocalCore } from '../../src/database/local-core.ts'
import { createPersistence, type Persist } from '../../src/database/persistence.ts'
import { createFakeParts, createFakeShard, rejection, settle } from './database-fixtures.ts'

const call = { caller: 1 }
const query = (sql: string) => ({ sql, parameters: [] })

type Page = {
  readonly persist: Persist
  /** How often the platform was asked. */
  readonly asked: number[]
  /** The promise is given or taken back elsewhere. */
  tell(isPersisted: boolean): void
}

function createPage(answer: () => Promise<boolean>): Page {
  const asked: number[] = []
  const watching: ((isPersisted: boolean) => void)[] = []
  const persist = createPersistence({
    ask: () => {
      asked.push(asked.length)
      return answer()
    },
    watch: (tell) => watching.push(tell),
  })
  return {
    persist,
    asked,
    tell: (isPersisted) => {
      for (const tell of watching) tell(isPersisted)
    },
  }
}

type Opening = { readonly name?: string; readonly role?: 'follower'; readonly isPersisted?: true }

/** Through `page`; `pass` lets what was written show in the status. */
async function openCore(page: Page, opening: Opening = {}) {
  const { name = 'notes', role = 'writer', isPersisted = false } = opening
  const shard = await createFakeShard()
  const parts = await createFakeParts({ shard })
  const storage = { ...parts.storage, persisted: isPersisted }
  const inner = createLocalCore({ ...parts, storage })
  await inner.exec('CREATE TABLE t (x)', call)
  shard.roleNow = role
  const core = page.persist(name, inner)
  const pass = async (): Promise<void> => {
    await settle()
    // Manual hosts are what fixtures make.
    ;(parts.host as unknown as { advance(ms: number): void }).advance(50)
    await settle()
  }
  return { core, shard, pass }
}

/** Each way in which a face writes. */
const WRITES: Readonly<Record<string, (core: Core) => Promise<unknown>>> = {
  run: (core) => core.run(query('INSERT INTO t VALUES (1)'), call),
  exec: (core) => core.exec('INSERT INTO t VALUES (1)', call),
  'all with RETURNING': (core) => core.all(query('INSERT INTO t VALUES (1) RETURNING x'), call),
  'all of WITH and RETURNING': (core) =>
    core.all(query('WITH n (i) AS (SELECT 1) INSERT INTO t SELECT i FROM n RETURNING x'), call),
  'a transaction': async (core) => {
    const transaction = await core.begin({ caller: 1, onEnd: () => undefined })
    await core.run(query('INSERT INTO t VALUES (1)'), { caller: 1, transaction })
    await core.commit(transaction)
  },
}

describe('asking the platform to keep the storage', () => {
  it.each(Object.keys(WRITES))(
    'happens once, after the first write by %s, and is told',
    async (way) => {
      const page = createPage(async () => true)
      const { core, pass } = await openCore(page)
      const told: (boolean | undefined)[] = []
      core.onStatus((status) => told.push(status.storage?.persisted))
      await core.all(query('SELECT * FROM t'), call)
      await pass()
      expect(page.asked).toEqual([])
      expect(core.status.storage?.persisted).toBe(false)
      for (const write of [WRITES[way], ...Object.values(WRITES)]) {
        await write?.(core)
        await pass()
        expect(page.asked).toEqual([0])
      }
      expect(core.status.storage?.persisted).toBe(true)
      expect(told).toContain(true)
    },
  )

  it('does not happen at opening, for reads, for writes that failed, and for those that changed nothing', async () => {
    const page = createPage(async () => true)
    const { core, pass } = await openCore(page)
    await core.all(query('SELECT * FROM t'), call)
    await core.exec('CREATE TABLE IF NOT EXISTS t (x)', call)
    await core.run(query('UPDATE t SET x = 2'), call)
    await rejection(core.run(query('INSERT INTO missing VALUES (1)'), call))
    const transaction = await core.begin({ caller: 1, onEnd: () => undefined })
    await core.all(query('SELECT * FROM t'), { caller: 1, transaction })
    await core.commit(transaction)
    await pass()
    expect(page.asked).toEqual([])
  })

  it('does not happen for what a follower is sent while it reads', async () => {
    const page = createPage(async () => true)
    const { core, shard, pass } = await openCore(page, { role: 'follower' })
    await core.all(query('SELECT * FROM t'), call)
    await rejection(core.run(query('INSERT INTO t VALUES (1)'), call))
    shard.advance({ origin: 'applied' })
    await pass()
    expect(page.asked).toEqual([])
  })

  it('does not happen where it is promised already', async () => {
    const page = createPage(async () => true)
    const { core, pass } = await openCore(page, { isPersisted: true })
    await WRITES['run']?.(core)
    await pass()
    expect(page.asked).toEqual([])
  })

  it('happens once for a name that is opened again, once more for another, and no more once it is promised', async () => {
    let answer = false
    const page = createPage(async () => answer)
    const write = async (name: string): Promise<Core> => {
      const { core, pass } = await openCore(page, { name })
      await WRITES['run']?.(core)
      await pass()
      return core
    }
    await write('notes')
    await write('notes')
    expect(page.asked).toEqual([0])
    answer = true
    const other = await write('other')
    expect(page.asked).toEqual([0, 1])
    expect(other.status.storage?.persisted).toBe(true)
    await write('third')
    expect(page.asked).toEqual([0, 1])
  })

  it('that is refused, or fails, changes nothing', async () => {
    for (const answer of [async () => false, () => Promise.reject(new Error('no'))]) {
      const page = createPage(answer)
      const { core, pass } = await openCore(page)
      await WRITES['run']?.(core)
      await pass()
      expect(page.asked).toEqual([0])
      expect(core.status.storage?.persisted).toBe(false)
    }
  })
})

describe('a promise that is given or taken back elsewhere', () => {
  it('is told by the status of every database of the page', async () => {
    const page = createPage(async () => false)
    const { core } = await openCore(page)
    const { core: other } = await openCore(page, { name: 'other' })
    const told: (boolean | undefined)[] = []
    other.onStatus((status) => told.push(status.storage?.persisted))
    page.tell(true)
    expect(core.status.storage?.persisted).toBe(true)
    page.tell(false)
    expect(core.status.storage?.persisted).toBe(false)
    expect(told).toEqual([true, false])
  })
})
