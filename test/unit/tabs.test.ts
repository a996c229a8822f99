/** Tabs that share a database: what each of them sees of the others, in a simulated browser. */

import { describe, expect, it } from 'vitest'
import { PROTOCOL } from '../../src/database/bridge/protocol.ts'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import { GUESTS_MAX } from '../../src/database/tabs/guests.ts'
import { guestLock, queueLock } from '../../src/database/tabs/lobby.ts'
import { createRandom } from '../../src/testing/random.ts'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']
const INSERT = 'INSERT INTO t VALUES (?)'
const READ = 'SELECT x FROM t ORDER BY x'
const LOBBY = 'constellite:notes'

/** An owner with row 1, and a guest. */
async function createPair() {
  const browser = createBrowser()
  const { world, tab } = browser
  const [owner, guest] = [tab(), tab()]
  const open = (it: SimulatedTab) => it.open('notes', { migrations })
  const [here, there] = [open(owner), open(guest)]
  await world.settled(here.run(INSERT, [1]))
  await world.settled(there.all(READ))
  return { ...browser, owner, guest, here, there, open }
}

async function stepsOf({ world }: Pick<SimulatedBrowser, 'world'>, count = 200): Promise<void> {
  for (let step = 0; step < count; step++) await world.step()
}

describe('a second tab', () => {
  it('reads and writes what the first has, and each says where it runs', async () => {
    const { world, here, there } = await createPair()
    await world.settled(there.run(INSERT, [2]))
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }, { x: 2 }])
    expect([here.status.owner, there.status.owner]).toEqual(['here', 'elsewhere'])
  })

  it('watches what the first writes, and goes on when that is killed', async () => {
    const { world, owner, here, there } = await createPair()
    const told: unknown[] = []
    there.watch(READ).subscribe(
      (rows) => told.push(rows),
      (error) => told.push(error),
    )
    await world.quiet()
    await world.settled(here.run(INSERT, [2]))
    await world.quiet()
    owner.kill()
    await world.settled(there.run(INSERT, [3]))
    await world.quiet()
    const [one, two, three] = [{ x: 1 }, { x: 2 }, { x: 3 }]
    expect(told).toEqual([[one], [one, two], [one, two, three]])
  })
})

describe('calls while nobody runs the database', () => {
  it('reach the next owner in the order in which they were made, with a signal or without', async () => {
    const { world, owner, there } = await createPair()
    owner.kill()
    const signal = new AbortController().signal
    const calls = [
      there.run('INSERT INTO t VALUES (?)', [2], { signal }),
      there.run(INSERT, [3]),
      there.run('INSERT INTO t VALUES (?)', [4], { signal }),
    ]
    for (const call of calls) await world.settled(call)
    const rows = await world.settled(there.all('SELECT x FROM t ORDER BY rowid'))
    expect(rows).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }, { x: 4 }])
  })
})

describe('transactions of two tabs', () => {
  it('are two, though each tab counts its own', async () => {
    const { world, here, there } = await createPair()
    const undone = here.transaction(async (tx) => {
      await tx.run(INSERT, [2])
      throw new Error('undo')
    })
    const done = there.transaction(async (tx) => {
      await tx.run(INSERT, [3])
      await tx.run(INSERT, [4])
    })
    expect(await world.settled(rejection(undone))).toMatchObject({ message: 'undo' })
    await world.settled(done)
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }, { x: 3 }, { x: 4 }])
  })

  it('that hang take down only what their own handle has queued', async () => {
    const { world, here, there } = await createPair()
    let queued: Promise<unknown> | undefined
    const hanging = there.transaction(async (tx) => {
      await tx.run(INSERT, [2])
      // What it waits for comes after itself.
      await new Promise((resolve) => setImmediate(resolve))
      queued = there.run(INSERT, [3])
      queued.catch(() => undefined)
      return new Promise(() => undefined)
    })
    const failing = rejection(hanging)
    while (queued === undefined) await world.step()
    // The handles of both tabs are the first of theirs.
    const other = here.run(INSERT, [4])
    const before = world.nowMs
    await world.settled(other)
    expect(world.nowMs - before).toBeGreaterThan(TRANSACTION_IDLE_MS / 2)
    expect((await world.settled(failing)).code).toBe('ErrTransactionTimeout')
    expect((await world.settled(rejection(queued))).code).toBe('ErrTransaction')
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }, { x: 4 }])
  })

  it('that had not begun when their owner was killed begin at the next', async () => {
    const { world, owner, here, there } = await createPair()
    await world.settled(
      new Promise<void>((begun) => {
        here.transaction(() => {
          begun()
          return new Promise(() => undefined)
        })
      }),
    )
    let beginnings = 0
    const waiting = there.transaction(async (tx) => {
      beginnings += 1
      await tx.run(INSERT, [2])
    })
    await stepsOf({ world })
    owner.kill()
    await world.settled(waiting)
    expect(beginnings).toBe(1)
    expect(await world.settled(there.all(READ))).toEqual([{ x: 1 }, { x: 2 }])
  })
})

describe('an owner that gives the database away', () => {
  it('has committed a transaction of its own', async () => {
    const ends = new Set<string>()
    for (let steps = 0; steps < 60; steps += 2) {
      const { world, owner, here, there } = await createPair()
      let finish: () => void = () => undefined
      let end = ''
      const begun = new Promise<void>((resolve) => {
        const finished = new Promise<void>((it) => {
          finish = it
        })
        here
          .transaction(async (tx) => {
            await tx.run(INSERT, [2])
            resolve()
            await finished
          })
          .then(
            () => {
              end = 'committed'
            },
            ({ code, retry }) => {
              end = `${code} ${retry}`
            },
          )
      })
      await world.settled(begun)
      owner.hide()
      await stepsOf({ world }, steps)
      finish()
      await world.quiet()
      ends.add(end)
      const rows = end === 'committed' ? [{ x: 1 }, { x: 2 }] : [{ x: 1 }]
      expect(await world.settled(there.all(READ))).toEqual(rows)
      expect([here.status.owner, there.status.owner]).toEqual(['elsewhere', 'here'])
    }
    expect([...ends]).toEqual(['committed'])
  })
})

describe('a call while nobody runs the database', () => {
  it('can be aborted, and has then not happened', async () => {
    const { world, locks, broadcasts, owner, there } = await createPair()
    // Somebody who is elected, and opens nothing.
    const idler = world.agent('idler')
    locks.take(idler, queueLock('notes'), () => undefined, new AbortController().signal)
    const lobby = broadcasts.join(idler, LOBBY)
    await stepsOf({ world })
    owner.stop()
    lobby.postMessage({ protocol: PROTOCOL, message: { type: 'elected' } })
    await stepsOf({ world })
    expect(there.status.owner).toBe('changing')
    const abort = new AbortController()
    const call = rejection(there.run(INSERT, [2], { signal: abort.signal }))
    await stepsOf({ world })
    abort.abort()
    expect((await world.settled(call)).code).toBe('ErrAborted')
    world.kill(idler)
    owner.kill()
    expect(await world.settled(there.all(READ))).toEqual([{ x: 1 }])
  })
})

describe('another build', () => {
  const envelope = (type: string) => ({ protocol: PROTOCOL + 1, message: { type, term: 'theirs' } })

  it('that runs the database is told of, and nothing waits for it', async () => {
    const { world, locks, broadcasts, tab } = createBrowser()
    const stranger = world.agent('stranger')
    locks.take(stranger, queueLock('notes'), () => undefined, new AbortController().signal)
    const lobby = broadcasts.join(stranger, LOBBY)
    lobby.onmessage = () => lobby.postMessage(envelope('announced'))
    await stepsOf({ world })
    const failure = await rejection(world.settled(tab().open('notes', { migrations }).ready))
    expect(failure).toMatchObject({
      code: 'ErrWorkerFailed',
      facts: { here: PROTOCOL, there: PROTOCOL + 1 },
    })
    expect(failure.hint).toContain('Reload')
  })

  it('that would join is told by whom it is run, and harms nobody', async () => {
    const { world, broadcasts, here, there } = await createPair()
    const heard: unknown[] = []
    const lobby = broadcasts.join(world.agent('stranger'), LOBBY)
    lobby.onmessage = ({ data }) => heard.push(data)
    lobby.postMessage(envelope('join'))
    await world.quiet()
    expect(heard).toContainEqual({
      protocol: PROTOCOL,
      message: { type: 'announced', term: expect.any(String) },
    })
    await world.settled(Promise.all([here.run(INSERT, [2]), there.run(INSERT, [3])]))
    expect([here.status.owner, there.status.owner]).toEqual(['here', 'elsewhere'])
  })
})

describe('guests', () => {
  it(`are ${GUESTS_MAX} at most, and one more when one of them is gone`, async () => {
    const browser = createBrowser()
    const { world, locks, broadcasts, tab } = browser
    await world.settled(tab().open('notes', { migrations }).ready)
    const random = createRandom(1)
    const answers: unknown[] = []
    const crowd = world.agent('crowd')
    const lobby = broadcasts.join(crowd, LOBBY)
    lobby.onmessage = ({ data }) => {
      const { type, failure } = data.message
      if (type === 'welcomed' || type === 'refused') answers.push(failure?.code ?? type)
    }
    const wishes = { migrations, durable: false }
    const join = async (agent = crowd): Promise<void> => {
      const pipe = `${random.uint32()}`
      const { signal } = new AbortController()
      await world.settled(locks.take(agent, guestLock(pipe), () => undefined, signal))
      const message = { type: 'join', pipe, tag: random.bytes(8), wishes }
      lobby.postMessage({ protocol: PROTOCOL, message })
    }
    const last = world.agent('last')
    for (let count = 1; count < GUESTS_MAX; count++) await join()
    await join(last)
    await world.quiet()
    expect(answers).toEqual(Array(GUESTS_MAX).fill('welcomed'))
    await join()
    await world.quiet()
    expect(answers.at(-1)).toBe('ErrBackpressure')
    world.kill(last)
    await world.quiet()
    await join()
    await world.quiet()
    expect(answers.at(-1)).toBe('welcomed')
  })
})
