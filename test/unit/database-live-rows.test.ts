import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepRows } from '../../src/database/live.ts'
import type { Row } from '../../src/database/types.ts'

describe('rows', () => {
  const same: readonly (readonly [Row, Row, boolean])[] = [
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: null }, { a: 0 }, false],
    [{ a: 1n }, { a: 1 }, false],
    [{ a: 'x' }, { a: 'x' }, true],
    [{ a: Uint8Array.of(1, 2) }, { a: Uint8Array.of(1, 2) }, true],
    [{ a: Uint8Array.of(1, 2) }, { a: Uint8Array.of(1, 3) }, false],
    [{ a: Uint8Array.of(1) }, { a: Uint8Array.of(1, 2) }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
  ]
  it.each(same)('%o and %o are the same: %s', (left, right, isSame) => {
    const last = [left]
    expect(keepRows(last, [right]) === last).toBe(isSame)
    expect(keepRows(last, [right, right])).toEqual([right, right])
  })

  it('that stayed equal stay the same objects, wherever others came, went or changed', () => {
    const row = (id: number, x = 0): Row => ({ id, x })
    const last = [row(1), row(2), row(3), row(4)]
    const [one, two, three, four] = last
    const changed = keepRows(last, [row(1), row(2, 9), row(3), row(4, 9)])
    expect([changed[0] === one, changed[1] === two, changed[2] === three]).toEqual([
      true,
      false,
      true,
    ])
    const grown = keepRows(last, [row(1), row(7), row(2), row(3), row(4)])
    expect([grown[0], ...grown.slice(2)].every((it, index) => it === last[index])).toBe(true)
    const shrunk = keepRows(last, [row(1), row(4)])
    expect([shrunk[0] === one, shrunk[1] === four]).toEqual([true, true])
  })

  it('are the new ones, whatever the old ones were', () => {
    const rows = fc.array(fc.record({ a: fc.nat(2), b: fc.constantFrom('x', 'y') }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(rows, rows, (last, next) => {
        const kept = keepRows(last, next)
        expect(kept).toEqual(next)
        const isEqual = JSON.stringify(last) === JSON.stringify(next)
        expect(kept === last).toBe(isEqual)
      }),
    )
  })
})
