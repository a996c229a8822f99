import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChange, changeOf, packRows, unpackRows } from '../../src/database/bridge/rows.ts'
import { keepRows } from '../../src/database/live.ts'
import type { Row, SqlValue } from '../../src/database/types.ts'

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string(),
  fc.uint8Array({ maxLength: 4 }),
)

/** Rows of one statement: the same columns in each. */
const answers = fc
  .uniqueArray(fc.oneof(fc.string(), fc.constant('__proto__')), { minLength: 1, maxLength: 4 })
  .chain((names) =>
    fc
      .array(fc.array(value, { minLength: names.length, maxLength: names.length }), {
        maxLength: 6,
      })
      .map((lists) => lists.map((values) => toRow(names, values))),
  )

function toRow(names: readonly string[], values: readonly SqlValue[]): Row {
  const row: Row = {}
  for (const [index, name] of names.entries()) {
    Object.defineProperty(row, name, {
      value: values[index],
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return row
}

describe('rows across a port', () => {
  it('are the same on the other side, whatever the columns are called and hold', () => {
    fc.assert(
      fc.property(answers, (rows) => {
        const arrived = unpackRows(structuredClone(packRows(rows)))
        expect(arrived.map(Object.entries)).toEqual(rows.map(Object.entries))
      }),
    )
  })

  it('name each column once', () => {
    const packed = packRows([
      { id: 1, body: 'a' },
      { id: 2, body: 'b' },
    ])
    expect(packed).toEqual([2, 'id', 'body', 1, 'a', 2, 'b'])
  })
})

describe('changes of a live query across a port', () => {
  const rows = fc.array(fc.record({ a: fc.nat(3) }), { maxLength: 10 })

  it('lead to the rows of the worker, one after another, and keep the objects that it kept', () => {
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 6 }), (results) => {
        let there: Row[] = []
        let here: readonly Row[] = []
        for (const result of results) {
          const next = keepRows(there, result)
          const before = here
          here = applyChange(here, structuredClone(changeOf(there, next)))
          expect(here).toEqual(result)
          for (const [index, row] of next.entries()) {
            const isKept = there[index] === row
            if (isKept) expect(here[index]).toBe(before[index])
          }
          there = next
        }
      }),
    )
  })

  it('carry no row that did not change', () => {
    const row = (a: number): Row => ({ a })
    const last = Array.from({ length: 1000 }, (_, index) => row(index))
    const inserted = keepRows(last, [row(-1), ...last.map((it) => ({ ...it }))])
    expect(changeOf(last, inserted)).toEqual({
      length: 1001,
      keptFrom: 1,
      at: undefined,
      rows: [1, 'a', -1],
    })
    const updated = keepRows(
      last,
      last.map((it) => (it['a'] === 500 || it['a'] === 7 ? row(-9) : { ...it })),
    )
    expect(changeOf(last, updated)).toMatchObject({ at: [7, 500], rows: [1, 'a', -9, -9] })
    const deleted = keepRows(last, last.slice(1))
    expect(changeOf(last, deleted)).toMatchObject({ length: 999, keptFrom: 0, rows: [] })
  })
})
