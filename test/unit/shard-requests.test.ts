/** The request table against a plain model: nothing that was added is ever taken for something that never
 *  ran.  Each case is a seed; a failing one prints it. */

import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import {
  createRequestTable,
  forgottenUpTo,
  REQUEST_WINDOW_S,
  REQUESTS_KEPT_MAX,
  type RequestFate,
  type RequestTable,
  requestsMaxOf,
  requestsUpTo,
} from '../../src/shard/requests.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { CAP_BYTES } from '../../src/wal/create.ts'
import { REQUEST_ENTRY_BYTES_MAX } from '../../src/wal/layout.ts'
import type { RequestEntry } from '../../src/wal/request-entry.ts'
import { createRequestId, requestSeconds } from '../../src/wal/request-id.ts'

const TAG = new Uint8Array(8).fill(1)

function idAt(second: number, counter = 0, tag = TAG): Uint8Array {
  return createRequestId(tag, second, counter)
}

function done(id: Uint8Array, seq = 1): RequestEntry {
  return { id, seq: toSeq(seq), outcome: { type: 'done' } }
}

function tableOf(sizeMax: number, ...entries: readonly RequestEntry[]): RequestTable {
  const table = createRequestTable(sizeMax)
  for (const entry of entries) table.add(entry)
  return table
}

/** The rules of the table, said plainly: a list, looked through each time. */
function createModel(sizeMax: number) {
  let kept: RequestEntry[] = []
  let floor = -1
  const secondOf = (entry: RequestEntry): number => requestSeconds(entry.id)
  const newest = (): number => Math.max(-1, ...kept.map(secondOf))
  const isSame = (left: Uint8Array, right: Uint8Array): boolean => `${left}` === `${right}`
  const drop = (isDropped: (entry: RequestEntry) => boolean): void => {
    for (const entry of kept.filter(isDropped)) floor = Math.max(floor, secondOf(entry))
    kept = kept.filter((entry) => !isDropped(entry))
  }
  return {
    add(entry: RequestEntry): void {
      const index = kept.findIndex(({ id }) => isSame(id, entry.id))
      if (index >= 0) kept[index] = entry
      else kept.push(entry)
      const limit = newest() - REQUEST_WINDOW_S
      drop((it) => secondOf(it) < limit)
      while (kept.length > sizeMax) {
        const oldest = Math.min(...kept.map(secondOf))
        const first = kept.find((it) => secondOf(it) === oldest)
        drop((it) => it === first)
      }
    },
    cut(seq: bigint): void {
      kept = kept.filter((entry) => entry.seq <= seq)
    },
    find(id: Uint8Array): RequestFate {
      const entry = kept.find((it) => isSame(it.id, id))
      if (entry !== undefined) return entry
      const second = requestSeconds(id)
      return second <= floor || second < newest() - REQUEST_WINDOW_S ? 'unknown' : 'absent'
    },
  }
}

/** Ids close together in time and number, so that they meet. */
function randomId(random: Random, around: number): Uint8Array {
  const spread = random.pick([4, 40, 2 * REQUEST_WINDOW_S])
  const tag = new Uint8Array(8).fill(random.below(2))
  return idAt(Math.max(0, around + random.below(spread) - spread / 2), random.below(3), tag)
}

describe('a request table', () => {
  it('answers as the plain model does, also after a restart (200 seeds)', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(seed)
      const sizeMax = random.pick([1, 2, 7, 50])
      const model = createModel(sizeMax)
      let table = createRequestTable(sizeMax)
      let around = 1_000
      const added: Uint8Array[] = []
      for (let step = 1; step <= 150; step++) {
        around += random.pick([0, 0, 1, 20, random.below(REQUEST_WINDOW_S)])
        const id = randomId(random, around)
        if (random.chance(0.7)) {
          const entry = done(id, step)
          model.add(entry)
          table.add(entry)
          added.push(id)
        } else if (random.chance(0.1)) {
          const seq = toSeq(Math.max(0, step - random.below(10)))
          model.cut(seq)
          table = requestsUpTo(table, seq)
        } else if (random.chance(0.2)) table = tableOf(sizeMax, ...table.entries())
        for (const asked of [id, randomId(random, around), random.pick([id, ...added])]) {
          expect(table.find(asked), `seed ${seed} step ${step}`).toEqual(model.find(asked))
        }
        expect(table.size).toBeLessThanOrEqual(sizeMax)
      }
    }
  })

  it('never takes what it let go for what never ran (100 seeds)', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = createRandom(seed)
      const table = createRequestTable(5)
      const added: Uint8Array[] = []
      for (let step = 0; step < 200; step++) {
        const id = randomId(random, 1_000 + 7 * step)
        table.add(done(id))
        added.push(id)
        expect(table.find(random.pick(added)), `seed ${seed} step ${step}`).not.toBe('absent')
      }
      for (const id of added) expect(table.find(id), `seed ${seed}`).not.toBe('absent')
    }
  })

  it('keeps the newest outcome of an id', () => {
    const id = idAt(10)
    const begun: RequestEntry = { id, seq: toSeq(3), outcome: { type: 'begun' } }
    const table = tableOf(9, begun, done(id, 5))
    expect(table.find(id)).toEqual(done(id, 5))
    expect(table.size).toBe(1)
  })

  it('tells ids of one second apart by tag and by all bits of the counter', () => {
    const ids = [0, 1, 0x3ff, 0x400, 0xf_ffff].map((counter) => idAt(10, counter))
    ids.push(idAt(10, 1, new Uint8Array(8).fill(2)))
    const entries = ids.map((id, index) => done(id, index + 1))
    const table = tableOf(9, ...entries)
    expect(ids.map((id) => table.find(id))).toEqual(entries)
  })

  it('knows exactly ten minutes', () => {
    const table = tableOf(9, done(idAt(1_000)), done(idAt(1_000 + REQUEST_WINDOW_S)))
    expect(table.find(idAt(1_000))).not.toBe('unknown')
    expect(table.find(idAt(1_000, 1))).toBe('absent')
    expect(table.find(idAt(999))).toBe('unknown')
    table.add(done(idAt(1_001 + REQUEST_WINDOW_S)))
    expect(table.find(idAt(1_000))).toBe('unknown')
    expect(table.find(idAt(1_001))).toBe('absent')
  })

  it('that is full lets the oldest go, and remembers that it did', () => {
    const table = tableOf(2, done(idAt(20)), done(idAt(10)), done(idAt(30)))
    expect(table.find(idAt(10))).toBe('unknown')
    expect(table.find(idAt(10, 7))).toBe('unknown')
    expect(table.find(idAt(11))).toBe('absent')
    const restarted = tableOf(2, ...table.entries())
    expect(restarted.find(idAt(10))).toBe('unknown')
    expect(restarted.find(idAt(11))).toBe('absent')
  })

  it('that was told to forget answers as unknown what it does not have', () => {
    const table = tableOf(9, done(idAt(10)), forgottenUpTo(20))
    expect(table.find(idAt(10))).toEqual(done(idAt(10)))
    expect(table.find(idAt(20))).toBe('unknown')
    expect(table.find(idAt(21))).toBe('absent')
    expect(tableOf(9, ...table.entries()).find(idAt(20))).toBe('unknown')
  })

  it('takes its share of the log and not more, however large or small', () => {
    expect(requestsMaxOf(CAP_BYTES)).toBe(REQUESTS_KEPT_MAX)
    for (const capBytes of [1, 4_096, 65_536, 1_048_576]) {
      const sizeMax = requestsMaxOf(capBytes)
      expect(sizeMax).toBeGreaterThan(0)
      expect((sizeMax - 1) * REQUEST_ENTRY_BYTES_MAX).toBeLessThanOrEqual(capBytes / 16)
    }
  })

  it('lets many of one second go as fast as it takes them', () => {
    const table = createRequestTable(1_000)
    for (let counter = 0; counter < 20_000; counter++) table.add(done(idAt(10, counter)))
    expect(table.size).toBe(1_000)
    expect(table.find(idAt(10, 18_999))).toBe('unknown')
    expect(table.find(idAt(10, 19_000))).toEqual(done(idAt(10, 19_000)))
  })
})
