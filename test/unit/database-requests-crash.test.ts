/** Power cuts at every write and every sync of a client that names its requests and repeats, after each
 *  reopening, whatever was not answered: every row is there exactly once.
 *  What persists of a cut is drawn from a seed; a failing case names step and draw. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import type { Core, CoreRequest } from '../../src/database/core.ts'
import type { KeyStore } from '../../src/identity/key-store.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createRandom } from '../../src/testing/random.ts'
import { settle } from './database-fixtures.ts'
import {
  again,
  CALLER,
  countsOf,
  createKeys,
  first,
  idOf,
  insert,
  openCore,
  rows,
} from './request-fixtures.ts'

/** More steps than the whole script has. */
const STEPS_MAX = 120
/** What persists of each cut: nothing, and two draws. */
const DRAWS = 3

type Call = {
  readonly rows: readonly string[]
  make(core: Core, request: CoreRequest): Promise<unknown>
}

/** A client's calls: alone, at once, of many statements, in a transaction, with rows. */
function callsOf(): Call[] {
  const inserting = (x: string): Call => ({
    rows: [x],
    make: (core, request) => core.run(insert(x), { caller: CALLER, request }),
  })
  const many = ['e1', 'e2', 'e3']
  const text = many.map((x) => `INSERT INTO t (x) VALUES ('${x}')`).join(';')
  const pair = ['t1', 't2']
  const returning = "INSERT INTO t (x) VALUES ('r1') RETURNING id"
  return [
    inserting('a1'),
    inserting('a2'),
    inserting('a3'),
    { rows: many, make: (core, request) => core.exec(text, { caller: CALLER, request }) },
    {
      rows: pair,
      make: async (core, request) => {
        // A transaction that its core lost cannot go on: its commit alone is repeated.
        if (request.isRepeated) return core.commit(0, request)
        const transaction = await core.begin({ caller: CALLER, onEnd: () => undefined })
        for (const x of pair) await core.run(insert(x), { caller: CALLER, transaction })
        return core.commit(transaction, request)
      },
    },
    {
      rows: ['r1'],
      make: (core, request) =>
        core.all({ sql: returning, parameters: [] }, { caller: CALLER, request }),
    },
    inserting('a4'),
  ]
}

/** One client: what it has sent, and what it knows. */
function createClient() {
  const calls = callsOf()
  const ids = calls.map((_, index) => idOf(index))
  const answers = new Map<Call, unknown>()
  let lastId = 100
  const settleCall = async (core: Core, call: Call, isRepeated: boolean): Promise<void> => {
    const index = calls.indexOf(call)
    const id = ids[index] as Uint8Array
    try {
      answers.set(call, await call.make(core, isRepeated ? again(id) : first(id)))
    } catch (error) {
      if (isFailure(error, 'ErrAnswerLost')) answers.set(call, 'lost')
      else if (isFailure(error, 'ErrTransaction') && error.retry === 'now') {
        // Nothing of it was written: the whole transaction again, as a new request.
        lastId += 1
        ids[index] = idOf(lastId)
        await settleCall(core, call, false)
      } else if (!isRepeated) throw error
      else throw new Error(`A repeated call failed: ${call.rows}`, { cause: error })
    }
  }
  return {
    calls,
    answers,
    /** Sends everything, two at a time; stops at the first failure. */
    async send(core: Core): Promise<void> {
      for (let at = 0; at < calls.length; at += 2) {
        const sent = calls.slice(at, at + 2).map((call) => settleCall(core, call, false))
        const failed = (await Promise.allSettled(sent)).find(({ status }) => status === 'rejected')
        if (failed?.status === 'rejected') throw failed.reason
      }
    },
    /** Repeats what was not answered; or everything, and wants the same answers. */
    async repeat(core: Core, isEverything: boolean): Promise<void> {
      for (const call of calls) {
        const isAnswered = answers.has(call)
        if (isAnswered && !isEverything) continue
        const before = answers.get(call)
        await settleCall(core, call, true)
        if (isAnswered) expect([before, 'lost']).toContainEqual(answers.get(call))
      }
    },
  }
}

async function openOnDisk(disk: FaultyDisk, keys: KeyStore): Promise<Core> {
  return openCore((host) => disk.device(host), keys)
}

/** Runs the client with this fault; answers whether nothing failed. */
async function runCase(
  prepared: FaultyDisk,
  keys: KeyStore,
  {
    kind,
    step,
    draw,
  }: { readonly kind: 'write' | 'sync'; readonly step: number; readonly draw: number },
): Promise<boolean> {
  const random = createRandom(step * 10 + draw)
  const disk = prepared.crash(() => true)
  const client = createClient()
  const core = await openOnDisk(disk, keys)
  if (kind === 'write') disk.failWrite(step, draw * 100)
  else disk.failSync(step)
  const failure = await client.send(core).then(
    () =>
      core.close().then(
        () => undefined,
        (error: unknown) => error,
      ),
    (error: unknown) => error,
  )
  await settle(2)
  const cut = disk.crash(() => draw > 0 && random.chance(0.5))
  await core.close().catch(() => undefined)
  const later = await openOnDisk(cut, keys)
  await client.repeat(later, false)
  // From here on the entries come out of a start mark.
  await later.close()
  const last = await openOnDisk(cut, keys)
  await client.repeat(last, true)
  const counts = await countsOf(last)
  const expected = client.calls.flatMap((call) => call.rows)
  expect(counts).toEqual(new Map(expected.sort().map((x) => [x, 1])))
  expect(await rows(last, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  await last.close()
  return failure === undefined
}

describe.each(['write', 'sync'] as const)('power lost at every %s', (kind) => {
  it('leaves every row exactly once when the client repeats what was not answered', async () => {
    const keys = createKeys()
    const prepared = createFaultyDisk()
    await (await openOnDisk(prepared, keys)).close()
    let steps = 0
    for (let isComplete = false; !isComplete; ) {
      steps += 1
      expect(steps).toBeLessThan(STEPS_MAX)
      for (let draw = 0; draw < DRAWS; draw++) {
        try {
          isComplete = await runCase(prepared, keys, { kind, step: steps, draw })
        } catch (error) {
          throw new Error(`${kind} ${steps}, draw ${draw}`, { cause: error })
        }
      }
    }
    // Each group has its own write and sync, and so has the close.
    expect(steps).toBeGreaterThan(8)
  })
})
