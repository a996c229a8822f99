/** Pins hold what their readers can still see, and count exactly that. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  createPins,
  enforceLimit,
  materialisePage,
  type Pins,
  pinVersion,
  savePage,
  unpinVersion,
} from '../../src/pages/pins.ts'
import { pageOf } from './pages-fixtures.ts'

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('pin' as const), pageCount: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ do: fc.constant('unpin' as const), which: fc.nat() }),
    fc.record({
      do: fc.constant('save' as const),
      pgno: fc.integer({ min: 1, max: 8 }),
      page: fc.constantFrom('in-file' as const, 'zeros' as const, pageOf(1)),
    }),
    fc.record({
      do: fc.constant('materialise' as const),
      pgno: fc.integer({ min: 1, max: 8 }),
    }),
  ),
  { maxLength: 40, size: 'max' },
)

function heldBytes(pins: Pins): number {
  let sizeBytes = 0
  for (const pin of pins.byVersion.values()) {
    for (const [pgno, page] of pin.saved) {
      expect(pgno).toBeLessThanOrEqual(pin.pageCount)
      expect(pin.isTooOld).toBe(false)
      if (typeof page !== 'string') sizeBytes += page.byteLength
    }
  }
  return sizeBytes
}

it('pins count the bytes that they hold, stay within the limit, and end at none', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const limitBytes = 4 * pageOf(1).byteLength
      const pins = createPins(limitBytes)
      let version = 0
      for (const step of history) {
        version += 1
        if (step.do === 'pin') pinVersion(pins, version, step.pageCount)
        else if (step.do === 'unpin') {
          const versions = [...pins.byVersion.keys()]
          const chosen = versions[step.which % Math.max(1, versions.length)]
          if (chosen !== undefined) unpinVersion(pins, chosen)
        } else if (step.do === 'save') savePage(pins, step.pgno, step.page)
        else materialisePage(pins, step.pgno, () => pageOf(2))
        enforceLimit(pins)
        expect(pins.retainedBytes).toBe(heldBytes(pins))
        expect(pins.retainedBytes).toBeLessThanOrEqual(limitBytes)
      }
      for (const left of [...pins.byVersion.keys()]) unpinVersion(pins, left)
      expect(pins.retainedBytes).toBe(0)
      expect(pins.live).toEqual([])
    }),
    { numRuns: 300 },
  )
})
