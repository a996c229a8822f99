import { describe, expect, it } from 'vitest'
import { formatMatrix, matrixIn } from '../support/matrix.ts'
import {
  addTallies,
  formatSkip,
  formatTally,
  NOTHING,
  parseTally,
  refuseSkips,
} from '../support/tally.ts'

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

describe('what a program printed', () => {
  const tally = { ...NOTHING, passed: 19, failed: 1, skips: [{ name: 'pages', reason: 'no: it' }] }

  it('is read back as it was counted', () => {
    const printed = `pages 1: fine\n${tally.skips.map(formatSkip).join('')}\n${formatTally(tally)}\n`
    expect(parseTally(printed)).toEqual(tally)
  })

  it('is nothing where it ended before it counted', () => {
    expect(parseTally('pages 1: 3 passed, 4 failed')).toBeUndefined()
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
    const [head, line, open, bridge] = table.split('\n').map((row) => row.split('|').slice(1, -1))
    const cellOf = (row: string[] | undefined, title: string): string | undefined =>
      row?.[head?.indexOf(` ${title} `) ?? -1]?.trim()
    expect(line).toHaveLength(head?.length ?? 0)
    expect(['Node', 'Chromium (OPFS)'].map((it) => cellOf(open, it))).toEqual(['yes', 'no'])
    expect(['Node', 'Chromium (OPFS)'].map((it) => cellOf(bridge, it))).toEqual(['–', 'yes'])
    expect(cellOf(open, 'Firefox (OPFS)')).toBe('–')
  })

  it('is found in a README, and differs when a row is missing', () => {
    expect(matrixIn(`text\n\n${table}\n\nmore`)).toBe(table)
    const shorter = table.split('\n').slice(0, -1).join('\n')
    expect(matrixIn(`text\n\n${shorter}\n\nmore`)).toBe(shorter)
    expect(matrixIn('no table')).toBeUndefined()
  })
})
