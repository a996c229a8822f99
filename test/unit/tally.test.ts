import { describe, expect, it } from 'vitest'
import { addTallies, formatTally, refuseSkips } from '../support/tally.ts'

describe('the tally of a run', () => {
  it('adds up over suites and prints the one line', () => {
    const skips = [{ name: 'a', reason: 'no browser' }]
    const total = addTallies([
      { passed: 2, failed: 1, skips },
      { passed: 3, failed: 0, skips: [] },
    ])
    expect(formatTally(total)).toBe('5 passed, 1 failed, 1 skipped')
  })

  it('refuses a skip without a reason everywhere, and in CI one that the list has not', () => {
    const silent = { name: 'a', reason: '' }
    const said = { name: 'b', reason: 'no browser' }
    const allowed = [{ suite: 'browser', name: 'b', reason: 'container without one' }]
    expect(refuseSkips('unit', [silent, said], { inCi: false, allowed: [] })).toEqual([silent])
    expect(refuseSkips('browser', [said], { inCi: true, allowed: [] })).toEqual([said])
    expect(refuseSkips('browser', [said], { inCi: true, allowed })).toEqual([])
    expect(refuseSkips('unit', [said], { inCi: true, allowed })).toEqual([said])
  })
})
