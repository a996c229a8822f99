/** Power cuts and failing disks at every write and every sync of an install, an import and a checkpoint:
 *  afterwards the old state or the new one, never anything between, and no file too many.
 *  What persists of a cut is drawn from a seed; a failing case names step and seed. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import {
  catchUp,
  commit,
  contents,
  drive,
  openOn,
  openWriter,
  PAGE_SIZE,
  snapshotBytes,
  stream,
} from './shard-fixtures.ts'

/** More steps than any of the operations has. */
const STEPS_MAX = 200
/** What persists of each cut: nothing, everything, and two draws. */
const DRAWS = 4

type Case = {
  readonly host: ManualHost
  readonly disk: FaultyDisk
  readonly shard: Shard
  readonly reopen: (disk: FaultyDisk) => Promise<Shard>
}

/** Fails `operate` at each of its steps in turn, cuts the power, and checks what a new open finds. */
async function failEverywhere(
  kind: 'write' | 'sync',
  prepare: () => Promise<Case>,
  operate: (shard: Shard) => Promise<unknown>,
): Promise<void> {
  let isComplete = false
  for (let step = 1; !isComplete; step++) {
    expect(step).toBeLessThan(STEPS_MAX)
    for (let draw = 0; draw < DRAWS; draw++) {
      const where = `${kind} ${step}, draw ${draw}`
      const { host, disk, shard, reopen } = await prepare()
      const before = { seq: shard.head.seq, pages: contents(shard) }
      if (kind === 'write') disk.failWrite(step, draw * 100)
      else disk.failSync(step)
      const failure = await drive(host, operate(shard)).then(
        () => undefined,
        (error: unknown) => error,
      )
      isComplete = failure === undefined
      expect(failure === undefined || isFailure(failure), where).toBe(true)
      const inMemory = { seq: shard.head.seq, pages: contents(shard) }
      const random = createRandom(step * 10 + draw)
      const cut = disk.crash(() => draw === 1 || (draw > 1 && random.chance(0.5)))
      const again = await reopen(cut)
      const after = { seq: again.head.seq, pages: contents(again) }
      // Whoever was told that it was done must find it done.
      if (isComplete) expect(after, where).toEqual(inMemory)
      else expect([before, await outcomeOf(prepare, operate)], where).toContainEqual(after)
      expect((await drive(host, again.verify())).pages, where).toBe('match')
      const names = await namesOn(cut, host)
      expect(
        names.filter((name) => /^(pages|leaves)-/.test(name)),
        where,
      ).toHaveLength(2)
    }
  }
}

const outcomes = new Map<unknown, { seq: bigint; pages: (number | string)[] }>()

/** The new state, had nothing failed. */
async function outcomeOf(
  prepare: () => Promise<Case>,
  operate: (shard: Shard) => Promise<unknown>,
) {
  const known = outcomes.get(operate)
  if (known !== undefined) return known
  const { host, shard } = await prepare()
  await drive(host, operate(shard))
  const outcome = { seq: shard.head.seq, pages: contents(shard) }
  outcomes.set(operate, outcome)
  return outcome
}

async function namesOn(disk: FaultyDisk, host: ManualHost): Promise<string[]> {
  // Whoever owns it keeps it: the names are read through a copy.
  const device = disk.crash(() => true).device(host)
  await device.acquire()
  return [...(await device.list())]
}

async function followerCase(writer: Shard): Promise<Case> {
  const host = createManualHost({ seed: 2 })
  const disk = createFaultyDisk()
  const open = (one: FaultyDisk) => openOn(one.device(host), host, { seed: 2, follow: writer.id })
  const shard = await drive(host, open(disk))
  shard.adoptAuthority(writer.authority)
  return { host, disk, shard, reopen: (cut) => drive(host, open(cut)) }
}

async function writerCase(): Promise<Case> {
  const host = createManualHost()
  const disk = createFaultyDisk()
  const open = (one: FaultyDisk) => openOn(one.device(host), host)
  const shard = await drive(host, open(disk))
  return { host, disk, shard, reopen: (cut) => drive(host, open(cut)) }
}

const SOURCE = {
  pageSize: PAGE_SIZE,
  pageCount: 9,
  readPage: (pgno: number, into: Uint8Array) => {
    into.fill(pgno)
  },
}

describe.each(['write', 'sync'] as const)('every failing %s', (kind) => {
  it('of an install leaves the old state or the new one', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2, 3: 3 })
    await commit(writer, { 2: 20 })
    const bytes = await snapshotBytes(writer)
    const { shard: old } = await openWriter()
    await commit(old, { 1: 1, 2: 2, 3: 3 })
    const prepare = async (): Promise<Case> => {
      const made = await followerCase(writer)
      // The first commit alone, so that there is an old state to keep.
      await drive(made.host, catchUp(old, made.shard))
      return made
    }
    const install = (shard: Shard) => shard.install(stream(bytes))
    await failEverywhere(kind, prepare, install)
  })

  it('of an import leaves the old state or the new one', async () => {
    await failEverywhere(kind, writerCase, (shard) => shard.importPages(SOURCE))
  })

  it('of a checkpoint leaves what was committed', async () => {
    const prepare = async (): Promise<Case> => {
      const made = await writerCase()
      await drive(made.host, commit(made.shard, { 1: 1, 2: 2, 3: 3 }))
      await drive(made.host, made.shard.checkpoint())
      await drive(made.host, commit(made.shard, { 2: 20, 4: 4 }))
      await drive(made.host, commit(made.shard, { 1: 10 }, 2))
      await drive(made.host, commit(made.shard, { 5: 5 }))
      return made
    }
    await failEverywhere(kind, prepare, (shard) => shard.checkpoint())
  })
})

describe('a log that failed', () => {
  it.each(['write', 'sync'] as const)(
    'at a %s rejects everybody who waits, halts, is still read, and recovers',
    async (kind) => {
      const { host, disk, shard, reopen } = await writerCase()
      await drive(host, commit(shard, { 1: 1 }))
      if (kind === 'write') disk.failWrite(1, 700)
      else disk.failSync(1)
      const halts: string[] = []
      shard.onHalt((failure) => halts.push(failure.code))
      const advances: bigint[] = []
      shard.onAdvance(({ position }) => advances.push(position.seq))
      const first = commit(shard, { 1: 2 })
      const second = commit(shard, { 2: 3 })
      const outcomes = await drive(host, Promise.allSettled([first, second, shard.flush()]))
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ErrPoisoned' } })
      }
      expect(halts).toEqual(['ErrPoisoned'])
      expect(advances).toEqual([])
      expect(shard.durable.seq).toBe(2n)
      expect(shard.pages.image(1)[0]).toBe(2)
      expect(() =>
        shard.commit({ changes: new Map(), pageCount: 3, pageSize: PAGE_SIZE, tables: [] }),
      ).toThrow(expect.objectContaining({ code: 'ErrPoisoned' }))
      await expect(drive(host, shard.seal())).rejects.toMatchObject({ code: 'ErrPoisoned' })
      await drive(host, shard.close())
      const again = await reopen(disk.crash(() => false))
      expect(contents(again)).toEqual([1])
      await drive(host, commit(again, { 1: 5 }))
      expect(contents(again)).toEqual([5])
    },
  )

  it('halts a follower that was applying, and nothing half is shown', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1 })
    const { host, disk, shard, reopen } = await followerCase(writer)
    await drive(host, catchUp(writer, shard))
    await commit(writer, { 1: 2 })
    disk.failSync(1)
    const applying = drive(host, catchUp(writer, shard))
    await expect(applying).rejects.toMatchObject({ code: 'ErrPoisoned' })
    expect(contents(shard)).toEqual([1])
    expect(shard.halted?.code).toBe('ErrPoisoned')
    const again = await reopen(disk.crash(() => false))
    await drive(host, catchUp(writer, again))
    expect(contents(again)).toEqual([2])
  })

  it('that is full gives a checkpoint up without harm, and refuses commits cleanly', async () => {
    const { host, disk, shard, reopen } = await writerCase()
    for (let number = 1; number <= 40; number++) {
      await drive(host, commit(shard, { [number]: number }))
    }
    disk.limitBytes(90_000)
    await drive(host, shard.checkpoint())
    expect(shard.halted).toBeUndefined()
    disk.limitBytes(10_000_000)
    await drive(host, commit(shard, { 1: 99 }))
    await drive(host, shard.checkpoint())
    expect(shard.pages.dirtyBytes).toBe(0)
    const again = await reopen(disk.crash(() => false))
    expect(contents(again)).toEqual(contents(shard))
  })
})
