import { describe, expect, it } from 'vitest'
import { formatMatrix, matrixIn } from '../support/matrix.ts'
import { addTallies, formatTally, refuseSkips } from '../support/tally.ts'

describe('the tally of a run', () => {
  it('adds up over suites and prints the one line', () => {
    const skips = [{ name: 'a', reason: 'no browser' }]
    const total = addTallies([
      { passed: 2, failed: 1, skips, proofs: [] },
      { passed: 3, failed: 0, skips: [], proofs: [] },
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

describe('the platform matrix', () => {
  const proofs = [
    { group: 'open', project: 'node', ok: true },
    { group: 'open', project: 'chromium (chromium)', ok: true },
    { group: 'open', project: 'chromium (chromium)', ok: false },
    { group: 'bridge', project: 'chromium (chromium)', ok: true },
  ]
  const table = formatMatrix(proofs)

  it('says yes only where every run of a group passed, and – where it did not run', () => {
    expect(table).toBe(
      '| | Node | Chromium (OPFS) |\n|---|---|---|\n| open | yes | no |\n| bridge | – | yes |',
    )
  })

  it('is found in a README, and differs when a row is missing', () => {
    expect(matrixIn(`text\n\n${table}\n\nmore`)).toBe(table)
    expect(matrixIn('text\n\n| | Node | Chromium (OPFS) |\n|---|---|---|\n')).not.toBe(table)
    expect(matrixIn('no table')).toBeUndefined()
  })
})
