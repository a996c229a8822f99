/** The live store that all views share: what it is known by, and what it holds for views that never came. */

import { describe, expect, it } from 'vitest'
import { keyOf, type LiveQuery } from '../../src/bindings/live-query.ts'
import { liveStoreOf } from '../../src/bindings/live-store.ts'
import { mapWatch } from '../../src/bindings/map-watch.ts'
import type { Database, Watch } from '../../src/database/types.ts'

type Told = { readonly query: LiveQuery<object>; tell(rows: object[]): void; isRunning: boolean }

/** A query that is told by hand. */
function toldQuery(database: Database, key: string): Told {
  let told: ((rows: object[]) => void) | undefined
  let newest: object[] | undefined
  const watch = {
    get current() {
      return newest
    },
    subscribe: (onRows: (rows: object[]) => void) => {
      told = onRows
      one.isRunning = true
      return () => {
        one.isRunning = false
      }
    },
    // What is used of a watch.
  } as unknown as Watch<object>
  const one: Told = {
    query: { database, key, watch: () => watch },
    tell: (rows) => {
      newest = rows
      told?.(rows)
    },
    isRunning: false,
  }
  return one
}

const newDatabase = (): Database => ({ name: 'test' }) as Database

describe('a key', () => {
  it('differs wherever SQLite would see another value', () => {
    const values = [
      ...[null, 0, 1, '1', 1n, 2n, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true, ''],
      ...['null', new Uint8Array(1), new Uint8Array(2), Uint8Array.of(1)],
    ]
    const keys = values.map((value) => keyOf(['SELECT ?', [value]]))
    expect(new Set(keys).size).toBe(values.length)
    expect(keyOf(['SELECT :a', { a: 1 }])).not.toBe(keyOf(['SELECT :a', { a: 2 }]))
    expect(keyOf(['SELECT 1', undefined])).toBe(keyOf(['SELECT 1', undefined]))
  })
})

describe('a held store', () => {
  it('is given up, the oldest first, when too many views waited and never came', async () => {
    const database = newDatabase()
    const all = Array.from({ length: 70 }, (_, index) => toldQuery(database, `query ${index}`))
    for (const { query, tell } of all) {
      const settled = liveStoreOf(query).hold()
      tell([{}])
      await settled
    }
    await Promise.resolve()
    expect(all.filter((it) => !it.isRunning)).toEqual(all.slice(0, 6))
    expect(liveStoreOf(all[0]!.query).read().isLoading).toBe(true)
    expect(liveStoreOf(all[69]!.query).read().isLoading).toBe(false)
    for (const { query } of all) liveStoreOf(query).release()
  })

  it('is never given up while somebody waits for it', async () => {
    const database = newDatabase()
    const waiting = toldQuery(database, 'waiting')
    const settled = liveStoreOf(waiting.query).hold()
    const others = Array.from({ length: 70 }, (_, index) => toldQuery(database, `query ${index}`))
    for (const { query, tell } of others) {
      liveStoreOf(query).hold()
      tell([{}])
    }
    await Promise.resolve()
    expect(waiting.isRunning).toBe(true)
    waiting.tell([{}])
    await settled
    for (const { query } of [waiting, ...others]) liveStoreOf(query).release()
  })
})

describe('a mapped watch', () => {
  it('tells only the newest rows where mapping them takes its time', async () => {
    const { query, tell } = toldQuery(newDatabase(), 'late')
    const gates: (() => void)[] = []
    const mapped = mapWatch(query.watch(), async (rows) => {
      await new Promise<void>((resolve) => gates.push(resolve))
      return rows.map(() => 'mapped')
    })
    const seen: string[][] = []
    const stop = mapped.subscribe(
      (rows) => seen.push(rows),
      () => undefined,
    )
    tell([{}])
    tell([{}, {}])
    gates[1]?.()
    await new Promise((resolve) => setImmediate(resolve))
    gates[0]?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([['mapped', 'mapped']])
    expect(mapped.current).toBe(seen[0])
    tell([])
    stop()
    gates[2]?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toHaveLength(1)
  })
})
