/** Proves that a folder has one owner at a time, that another process is told who and since when, and
 *  that a dead owner leaves nothing behind that keeps anyone waiting. */

import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNodeHost } from '../../src/platform/host-node.ts'
import type { DeviceFile } from '../../src/storage/device.ts'
import { createNodeDevice } from '../../src/storage/node-fs.ts'
import { processName } from '../../src/storage/node-process.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { startChild, type TestChild } from '../support/child.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const childEntry = (name: string): string =>
  fileURLToPath(new URL(`../support/children/${name}.ts`, import.meta.url))

const newName = (): string => join(temporaryDirectory(), 'notes')
const beatPath = (name: string): string => join(`${name}.constellite`, 'owner')

async function startOwner(name: string): Promise<TestChild> {
  const child = await startChild(childEntry('owner'), name)
  expect(await child.line()).toBe('owned')
  return child
}

describe('another process', () => {
  test('is refused with who and since, and comes in after the owner closed', async () => {
    const name = newName()
    const before = Date.now()
    const owner = await startOwner(name)
    const device = createNodeDevice(createNodeHost(), { name })
    const failure = await device.acquire().catch((error) => error)
    expect(failure).toMatchObject({
      code: 'ErrInUse',
      facts: { name, who: `node ${owner.process.pid}` },
    })
    expect(failure.facts.since).toBeGreaterThanOrEqual(before)
    expect(failure.facts.since).toBeLessThanOrEqual(Date.now())
    owner.process.stdin?.write('close')
    expect(await owner.line()).toBe('closed')
    expect(await owner.ended).toBe(0)
    await device.acquire()
    await device.close()
  })

  test('cannot come in by another path to the same folder', async () => {
    const name = newName()
    fs.mkdirSync(`${name}.constellite`)
    fs.symlinkSync(`${name}.constellite`, `${name}-alias.constellite`)
    await startOwner(name)
    const device = createNodeDevice(createNodeHost(), { name: `${name}-alias` })
    await expect(device.acquire()).rejects.toMatchObject({ code: 'ErrInUse' })
  })

  test('comes in at once when the owner was killed, and finds what it had synced', async () => {
    const name = newName()
    const owner = await startOwner(name)
    owner.process.kill('SIGKILL')
    expect(await owner.ended).toBe('SIGKILL')
    expect(fs.existsSync(beatPath(name))).toBe(true)
    // On this host no time passes, so any waiting would never end.
    const device = createNodeDevice(createManualHost(), { name })
    await device.acquire()
    const [file] = (await device.open(['data'])) as [DeviceFile]
    const bytes = new Uint8Array(file.size())
    file.read(0, bytes)
    expect(new TextDecoder().decode(bytes)).toBe(`node ${owner.process.pid}`)
    await device.close()
  })

  test('that is stopped, and so cannot answer, is named from its file', async () => {
    const name = newName()
    const owner = await startOwner(name)
    owner.process.kill('SIGSTOP')
    const device = createNodeDevice(createNodeHost(), { name })
    await expect(device.acquire()).rejects.toMatchObject({
      code: 'ErrInUse',
      facts: { who: `node ${owner.process.pid}` },
    })
  })

  test('ends by itself although it never closed the database, which is free then', async () => {
    const name = newName()
    const child = await startChild(childEntry('forgetful-owner'), name)
    expect(await child.line()).toBe('owned')
    expect(await child.ended).toBe(0)
    const device = createNodeDevice(createManualHost(), { name })
    await device.acquire()
    await device.close()
  })
})

type Bearer = { readonly pid: number; readonly process: string }

const UNKNOWN: Bearer = { pid: 9, process: '' }

/** Leaves a heartbeat file as an owner in another network namespace would. */
function leaveForeignBeat(name: string, ageMs: number, bearer: Bearer = UNKNOWN): void {
  const record = { who: 'node 9', since: 1000, realm: 'elsewhere', hasAddress: true, ...bearer }
  fs.mkdirSync(`${name}.constellite`, { recursive: true })
  fs.writeFileSync(beatPath(name), JSON.stringify({ ...record, nonce: '00' }))
  ageBeat(name, ageMs)
}

function ageBeat(name: string, ageMs: number): void {
  const modified = new Date(Date.now() - ageMs)
  fs.utimesSync(beatPath(name), modified, modified)
}

type Waiting = { host: ManualHost; outcome(): unknown; done: Promise<unknown> }

/** Begins to acquire; `outcome` is undefined while it waits, 'owned', or the failure. */
function beginAcquire(name: string): Waiting {
  const host = createManualHost()
  const device = createNodeDevice(host, { name })
  onTestFinished(() => device.close())
  let outcome: unknown
  const done = device.acquire().then(
    () => {
      outcome = 'owned'
    },
    (error) => {
      outcome = error
    },
  )
  return { host, outcome: () => outcome, done }
}

/** Lets the real socket calls of an acquire end, and time pass until it is settled. */
async function advanceUntilTimer(waiting: Waiting): Promise<void> {
  while (waiting.host.timerCount === 0 && waiting.outcome() === undefined) {
    await waiting.host.settle()
  }
}

describe('an owner that does not share our addresses', () => {
  test('is believed dead when its file is 10 seconds old', async () => {
    const name = newName()
    leaveForeignBeat(name, 10_100)
    const waiting = beginAcquire(name)
    await waiting.done
    expect(waiting.outcome()).toBe('owned')
    expect(fs.readFileSync(beatPath(name), 'utf8')).toContain('manual 1')
  })

  test('is believed alive when its file moves while we watch', async () => {
    const name = newName()
    leaveForeignBeat(name, 3000)
    const waiting = beginAcquire(name)
    await advanceUntilTimer(waiting)
    await waiting.host.advance(1500)
    expect(waiting.outcome()).toBeUndefined()
    ageBeat(name, 0)
    await waiting.host.advance(500)
    await waiting.done
    expect(waiting.outcome()).toMatchObject({
      code: 'ErrInUse',
      facts: { who: 'node 9', since: 1000 },
    })
    expect(fs.readFileSync(beatPath(name), 'utf8')).toContain('node 9')
  })

  test('is waited for while its fresh file does not move, until that is stale', async () => {
    const name = newName()
    leaveForeignBeat(name, 3000)
    const waiting = beginAcquire(name)
    await advanceUntilTimer(waiting)
    await waiting.host.advance(2000)
    expect(waiting.outcome()).toBeUndefined()
    // The file ages by the file system's clock, which a test cannot move; so its date is moved back.
    // That is a move of the file, too, so it is made stale in the same step.
    ageBeat(name, 10_100)
    await waiting.host.advance(500)
    await waiting.done
    expect(waiting.outcome()).toBe('owned')
  })

  test.runIf(process.platform === 'linux')(
    'is judged at once where its process can be seen, and by its start where its id was given again',
    async () => {
      const name = newName()
      const here = { pid: process.pid, process: processName(process.pid) }
      leaveForeignBeat(name, 0, here)
      const refused = beginAcquire(name)
      await refused.done
      expect(refused.outcome()).toMatchObject({ code: 'ErrInUse', facts: { who: 'node 9' } })
      leaveForeignBeat(name, 0, { ...here, process: here.process.replace(/\d+$/, '1') })
      const taken = beginAcquire(name)
      await taken.done
      expect(taken.outcome()).toBe('owned')
      const gone = newName()
      const child = await startChild(childEntry('owner'), newName())
      await child.line()
      const { pid = 0 } = child.process
      const dead = { pid, process: processName(pid) }
      leaveForeignBeat(gone, 0, dead)
      child.process.kill('SIGKILL')
      await child.ended
      const free = beginAcquire(gone)
      await free.done
      expect(free.outcome()).toBe('owned')
    },
  )

  test('may have died while writing its file, which then has to age', async () => {
    const name = newName()
    fs.mkdirSync(`${name}.constellite`)
    fs.writeFileSync(beatPath(name), '{"who":')
    const waiting = beginAcquire(name)
    await advanceUntilTimer(waiting)
    await waiting.host.advance(1000)
    expect(waiting.outcome()).toBeUndefined()
    ageBeat(name, 10_100)
    await waiting.host.advance(500)
    await waiting.done
    expect(waiting.outcome()).toBe('owned')
  })
})

describe('an owner', () => {
  async function own(name: string): Promise<{ host: ManualHost; file: DeviceFile }> {
    const host = createManualHost()
    const device = createNodeDevice(host, { name })
    onTestFinished(() => device.close())
    await device.acquire()
    const [file] = (await device.open(['data'])) as [DeviceFile]
    return { host, file }
  }

  test('rewrites its file every 2 seconds', async () => {
    const name = newName()
    const { host } = await own(name)
    ageBeat(name, 60_000)
    await host.advance(1999)
    expect(Date.now() - fs.statSync(beatPath(name)).mtimeMs).toBeGreaterThan(50_000)
    await host.advance(1)
    expect(Date.now() - fs.statSync(beatPath(name)).mtimeMs).toBeLessThan(30_000)
  })

  test('writes nothing more once another took its file over', async () => {
    const name = newName()
    const { host, file } = await own(name)
    file.write(0, Uint8Array.of(1))
    leaveForeignBeat(name, 0)
    await host.advance(2000)
    const lost = expect.objectContaining({ code: 'ErrInUse', message: expect.any(String) })
    expect(() => file.write(0, Uint8Array.of(2))).toThrowError(lost)
    expect(() => file.truncate(0)).toThrowError(lost)
    expect(() => file.sync()).toThrowError(lost)
    expect([...fs.readFileSync(join(`${name}.constellite`, 'data'))]).toEqual([1])
  })

  test('that slept looks before its first write, and does not remove the file of the new owner', async () => {
    const name = newName()
    const { host, file } = await own(name)
    leaveForeignBeat(name, 0)
    host.jumpWallClock(5000)
    expect(() => file.write(0, Uint8Array.of(2))).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('node 9 took it over') }),
    )
  })

  test('whose folder was removed stops', async () => {
    const name = newName()
    const { host, file } = await own(name)
    fs.rmSync(`${name}.constellite`, { recursive: true })
    await host.advance(2000)
    expect(() => file.write(0, Uint8Array.of(2))).toThrowError(
      expect.objectContaining({ code: 'ErrInUse' }),
    )
  })

  test('does not remove the file of who took over when it closes', async () => {
    const name = newName()
    const device = createNodeDevice(createManualHost(), { name })
    await device.acquire()
    leaveForeignBeat(name, 0)
    await device.close()
    expect(fs.readFileSync(beatPath(name), 'utf8')).toContain('node 9')
  })

  test('removes what killed owners left beside its file', async () => {
    const name = newName()
    fs.mkdirSync(`${name}.constellite`)
    fs.writeFileSync(join(`${name}.constellite`, 'owner-new-00'), '0')
    await own(name)
    expect(fs.readdirSync(`${name}.constellite`).sort()).toEqual(['data', 'owner'])
  })
})
