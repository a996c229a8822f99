/** What `replicate` waits for: no arrival is missed, and no wait outlives its reason. */
import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { Host } from '../../src/base/host.ts'
import { isInStep, writeAfterEach } from '../../src/cli/arrivals.ts'
import { STATUS_IDLE, SYNC_OFF } from '../../src/database/status-idle.ts'
import type { Status, SyncStatus } from '../../src/database/types.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

function createWorld() {
  const host = createManualHost()
  const interrupt = new AbortController()
  const listeners = new Set<(status: Status) => void>()
  const notes: string[] = []
  let status: Status = { ...STATUS_IDLE, state: 'open', sync: { ...SYNC_OFF, state: 'live' } }
  return {
    host,
    notes,
    listeners,
    interrupt,
    /** Shows this, as a board does, to whoever listens. */
    show(seq: number, sync: Partial<SyncStatus> = {}, failure?: ConstelliteError) {
      status = { ...status, seq: BigInt(seq), sync: { ...status.sync, ...sync }, failure }
      for (const listener of [...listeners]) listener(status)
    },
    arrivals: {
      host: host as Host,
      terminal: {
        out: () => undefined,
        note: (line: string) => void notes.push(line),
        interrupted: interrupt.signal,
      },
      db: {
        get status() {
          return status
        },
        onStatus(listener: (status: Status) => void) {
          listeners.add(listener)
          return () => void listeners.delete(listener)
        },
      },
    },
  }
}

describe('writing after each arrival', () => {
  it('writes again for frames that came while it wrote, although nothing comes after them', async () => {
    const world = createWorld()
    world.show(5)
    const written: bigint[] = []
    const done = writeAfterEach(world.arrivals, async () => {
      written.push(world.arrivals.db.status.seq)
      // Too late for the file that is being written.
      if (written.length === 1) world.show(6)
    })
    await world.host.advance(5000)
    expect(written).toEqual([5n, 6n])
    world.interrupt.abort()
    await done
  })

  it('writes again for frames that came in the pause after it', async () => {
    const world = createWorld()
    world.show(5)
    const written: bigint[] = []
    const done = writeAfterEach(world.arrivals, async () => {
      written.push(world.arrivals.db.status.seq)
    })
    await world.host.settle()
    world.show(6)
    await world.host.advance(500)
    expect(written).toEqual([5n])
    world.show(7)
    await world.host.advance(5000)
    expect(written).toEqual([5n, 7n])
    world.interrupt.abort()
    await done
  })

  it('writes once where nothing comes, and ends at once when told, leaving nothing behind', async () => {
    const world = createWorld()
    world.show(5)
    let count = 0
    const done = writeAfterEach(world.arrivals, async () => void count++)
    world.show(5, { peers: 1 })
    await world.host.advance(60_000)
    expect(count).toBe(1)
    world.interrupt.abort()
    await done
    expect(world.listeners.size).toBe(0)
    expect(world.host.timerCount).toBe(0)
  })

  it('ends in its pause when told, leaving no timer', async () => {
    const world = createWorld()
    world.show(5)
    const done = writeAfterEach(world.arrivals, async () => undefined)
    world.show(6)
    await world.host.advance(100)
    expect(world.host.timerCount).toBe(1)
    world.interrupt.abort()
    await done
    expect(world.host.timerCount).toBe(0)
  })

  it('rejects with what stopped the copy', async () => {
    const world = createWorld()
    world.show(5)
    const done = writeAfterEach(world.arrivals, async () => undefined)
    done.catch(() => undefined)
    await world.host.settle()
    const failure = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrForked',
      message: 'Two frames.',
    })
    world.show(5, { state: 'halted', failure })
    await expect(done).rejects.toBe(failure)
    expect(world.listeners.size).toBe(0)
  })
})

describe('being in step', () => {
  it('is reached when the relay has nothing more, and each change on the way is told once', async () => {
    const world = createWorld()
    world.show(0, { state: 'connecting' })
    const done = isInStep(world.arrivals, 1000)
    for (let turn = 0; turn < 3; turn++) {
      await world.host.settle()
      world.show(0, { state: 'catching-up' })
    }
    await world.host.settle()
    world.show(4, { state: 'live' })
    expect(await done).toBe(true)
    expect(world.notes).toEqual(['connecting', 'catching-up'])
  })

  it('is given up where connections come and go and nothing arrives', async () => {
    const world = createWorld()
    const failure = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrConnection',
      message: 'Refused.',
    })
    const done = isInStep(world.arrivals, 1000)
    let outcome: unknown
    done.catch((error: unknown) => {
      outcome = error
    })
    for (let turn = 0; turn < 12; turn++) {
      world.show(0, turn % 2 === 0 ? { state: 'connecting', failure } : { state: 'catching-up' })
      await world.host.advance(100)
    }
    expect(outcome).toMatchObject({ code: 'ErrTimeout', cause: failure })
    expect(world.host.timerCount).toBe(0)
  })

  it('is waited for as long as frames or parts of a snapshot arrive', async () => {
    const world = createWorld()
    world.show(0, { state: 'catching-up' })
    const done = isInStep(world.arrivals, 1000)
    done.catch(() => undefined)
    for (const progress of [0.2, 0.4, 0.6]) {
      world.show(0, { progress })
      await world.host.advance(900)
    }
    for (const seq of [3, 4, 5]) {
      world.show(seq, { progress: undefined })
      await world.host.advance(900)
    }
    world.show(6, { state: 'live' })
    expect(await done).toBe(true)
  })

  it('is given up where the same snapshot begins again and again', async () => {
    const world = createWorld()
    world.show(0, { state: 'catching-up' })
    const done = isInStep(world.arrivals, 1000)
    let outcome: unknown
    done.catch((error: unknown) => {
      outcome = error
    })
    for (let turn = 0; turn < 8; turn++) {
      world.show(0, { progress: turn % 2 === 0 ? 0.1 : undefined })
      await world.host.advance(300)
    }
    expect(outcome).toMatchObject({ code: 'ErrTimeout' })
  })

  it('answers false when the user ends it', async () => {
    const world = createWorld()
    world.show(0, { state: 'connecting' })
    const done = isInStep(world.arrivals, 1000)
    await world.host.settle()
    world.interrupt.abort()
    expect(await done).toBe(false)
    expect(world.listeners.size).toBe(0)
    expect(world.host.timerCount).toBe(0)
  })
})
