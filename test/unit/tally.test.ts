import { describe, expect, it } from 'vitest'
import { isInstallable } from '../support/installable.ts'
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
    const allowed = [{ suites: ['browser'], name: 'b', reason: 'container without one' }]
    const isInstallable = () => false
    const none = { inCi: true, allowed: [], isInstallable }
    const list = { inCi: true, allowed, isInstallable }
    expect(refuseSkips('unit', [silent, said], { ...none, inCi: false })).toEqual([silent])
    expect(refuseSkips('browser', [said], none)).toEqual([said])
    expect(refuseSkips('browser', [said], list)).toEqual([])
    expect(refuseSkips('unit', [said], list)).toEqual([said])
  })

  it('refuses in CI a skip for want of a program that npm installs on this machine', () => {
    const allowed = [{ suites: ['deno'], name: 'deno', reason: 'no build', package: 'deno' }]
    const skips = [{ name: 'deno', reason: 'no deno' }]
    const refused = (inCi: boolean, isThere: boolean): number => {
      const isInstallable = (name: string): boolean => isThere && name === 'deno'
      return refuseSkips('deno', skips, { inCi, allowed, isInstallable }).length
    }
    expect([refused(true, true), refused(true, false), refused(false, true)]).toEqual([1, 0, 0])
  })

  it('takes a star in an allowed name for any text, and nothing else for a pattern', () => {
    const allowed = [{ suites: ['platform'], name: 'through * > what (deno) writes', reason: 'no' }]
    const refused = (name: string): number =>
      refuseSkips('platform', [{ name, reason: 'no deno' }], {
        inCi: true,
        allowed,
        isInstallable: () => false,
      }).length
    expect(refused('through a relay > what (deno) writes')).toBe(0)
    expect(refused('through a relay > what deno writes')).toBe(1)
    expect(refused('through a relay > what (deno) writes, twice')).toBe(1)
  })
})

describe('a program of an npm package', () => {
  const lockfile = {
    packages: {
      'node_modules/deno': { optionalDependencies: { '@deno/a': '1', '@deno/gone': '1' } },
      'node_modules/@deno/a': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    },
  }
  const machine = { os: 'linux', cpu: 'x64', libc: 'glibc' }

  it('is installed where the lockfile has its binary for the machine, and nowhere else', () => {
    expect(isInstallable(lockfile, 'deno', machine)).toBe(true)
    for (const other of [{ os: 'win32' }, { cpu: 'arm64' }, { libc: 'musl' }]) {
      expect(isInstallable(lockfile, 'deno', { ...machine, ...other })).toBe(false)
    }
    expect(isInstallable(lockfile, 'bun', machine)).toBe(false)
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
