import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { removeDatabase } from '../../src/database/remove.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import { open, remove } from '../../src/platform/node.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createBridgeRealm, WORKER_URL } from './bridge-fixtures.ts'
import { createTestHost, rejection } from './database-fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-remove-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let made = 0
const fresh = (): string => join(directory, `db-${made++}`)

describe('remove', () => {
  it('deletes a closed database with its keys, so that the name begins a new one', async () => {
    const name = fresh()
    const db = await open(name)
    await db.exec('CREATE TABLE t (x)')
    const { address } = await db.ready
    const { identity } = db.status
    await db.close()
    mkdirSync(join(`${name}.constellite`, 'Left by SOMEBODY'))
    expect(await remove(name)).toBe(true)
    expect(existsSync(`${name}.constellite`)).toBe(false)
    const again = await open(name)
    expect(await again.all('SELECT name FROM sqlite_schema')).toEqual([])
    expect((await again.ready).address).not.toBe(address)
    expect(again.status.identity?.publicKey).not.toEqual(identity?.publicKey)
    await again.close()
  })

  it('answers false where there is none, and makes nothing', async () => {
    const name = fresh()
    expect(await remove(name)).toBe(false)
    expect(existsSync(`${name}.constellite`)).toBe(false)
  })

  it('refuses one that is open, and harms nothing', async () => {
    const name = fresh()
    const db = await open(name)
    await db.exec('CREATE TABLE t (x)')
    const before = readdirSync(`${name}.constellite`)
    expect(await rejection(remove(name))).toMatchObject({ code: 'ErrInUse' })
    expect(readdirSync(`${name}.constellite`)).toEqual(before)
    await db.run('INSERT INTO t VALUES (1)')
    await db.close()
    expect(await remove(name)).toBe(true)
  })

  it('leaves the databases beside it alone', async () => {
    const [name, other] = [fresh(), fresh()]
    for (const it of [name, other]) await (await open(it)).close()
    writeFileSync(join(directory, 'notes.txt'), 'mine')
    await remove(name)
    expect(existsSync(`${other}.constellite`)).toBe(true)
    expect(existsSync(join(directory, 'notes.txt'))).toBe(true)
  })

  it.each([
    ['no name', '', {}],
    ['an unknown option', 'notes', { force: true }],
    ['a worker on a server', 'notes', { worker: () => undefined }],
  ])('refuses %s', async (_, name, options) => {
    expect((await rejection(remove(name, options as never))).code).toBe('ErrOption')
  })

  it('that is cut off anywhere keeps the keys as long as there are frames', async () => {
    const entries = ['pages-0', 'wal-1', 'wal-2']
    for (let stopAt = 0; stopAt < entries.length; stopAt++) {
      const disk = createMemoryDisk()
      const keyStore = createMemoryKeyStore((sizeBytes) => createRandom(5).bytes(sizeBytes))
      await keyStore.create('author')
      const device = createMemoryDevice(createTestHost(), disk)
      const place = {
        list: async () => entries,
        removeEntry: async (entry: string) => {
          if (entry === entries[stopAt]) throw new Error('The power is gone.')
        },
        remove: async () => expect.unreachable('the place goes last'),
      }
      await rejection(removeDatabase({ place, device, keyStore }))
      expect(await keyStore.load('author')).toBeDefined()
      // The device was given back.
      const next = createMemoryDevice(createTestHost(), disk)
      await next.acquire()
      await next.close()
    }
  })
})

describe('remove through a worker', () => {
  it('answers what the worker did, and ends it', async () => {
    const bridge = createBridgeRealm()
    const asked: string[] = []
    bridge.remove = async (name) => {
      asked.push(name)
      return false
    }
    expect(await bridge.removeThere('notes')).toBe(false)
    expect(asked).toEqual(['notes'])
    expect(bridge.workers.map((worker) => worker.isTerminated)).toEqual([true])
  })

  it('rejects with the whole failure, and ends the worker', async () => {
    const bridge = createBridgeRealm()
    bridge.remove = async () => {
      throw new ConstelliteError({
        code: 'ErrInUse',
        message: 'Another has it.',
        hint: 'Close it.',
        facts: { who: 'tab 2' },
      })
    }
    expect(await rejection(bridge.removeThere('notes'))).toMatchObject({
      code: 'ErrInUse',
      hint: 'Close it.',
      facts: { who: 'tab 2' },
    })
    expect(bridge.workers[0]?.isTerminated).toBe(true)
  })

  it('names a worker that is lost meanwhile', async () => {
    const bridge = createBridgeRealm()
    bridge.remove = () => {
      bridge.workers[0]?.vanish()
      return new Promise(() => undefined)
    }
    const failure = await rejection(bridge.removeThere('notes'))
    expect(failure.code).toBe('ErrWorkerFailed')
    expect(failure.message).toContain(WORKER_URL)
  })
})
