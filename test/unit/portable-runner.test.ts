/** The portable runner reports what vitest would: what passes, what fails and where, and never less. */

import { describe, expect, it } from 'vitest'
import {
  formatEnd,
  formatResult,
  type PortableResult,
  readReport,
  tallyOfReport,
} from '../support/portable/report.ts'
import { runAll } from '../support/portable/run.ts'
import * as portable from '../support/portable/vitest.ts'

type Outcome = readonly [name: string, state: string]

async function run(load: () => unknown, timeoutMs = 1000): Promise<readonly PortableResult[]> {
  const { results } = await runAll({ files: [{ path: 'test/a.test.ts', load }], timeoutMs })
  return results
}

async function outcomes(load: () => unknown, timeoutMs?: number): Promise<Outcome[]> {
  return (await run(load, timeoutMs)).map((it) => [it.path.join(' > '), it.state])
}

const never = (): Promise<never> => new Promise(() => undefined)
const broken = (): never => {
  throw new Error('broken')
}

describe('the portable runner', () => {
  it('passes what holds and fails what does not, with what was expected', async () => {
    const results = await run(() => {
      portable.test('holds', () => portable.expect({ a: [1n] }).toEqual({ a: [1n] }))
      portable.test('does not', () => portable.expect({ a: 1 }).toMatchObject({ a: 2 }))
      portable.test('rejects', async () => {
        await portable.expect(Promise.reject(new Error('no'))).rejects.toThrow('yes')
      })
    })
    expect(results.map((it) => it.state)).toEqual(['passed', 'failed', 'failed'])
    expect(results[1]?.error).toMatch(/"a": 2[\s\S]*"a": 1/)
    expect(results[2]?.error).toContain("including 'yes'")
  })

  it.each([
    ['beforeAll', portable.beforeAll, [['group > one', 'failed']]],
    ['beforeEach', portable.beforeEach, [['group > one', 'failed']]],
    ['afterEach', portable.afterEach, [['group > one', 'failed']]],
    [
      'afterAll',
      portable.afterAll,
      [
        ['group > one', 'passed'],
        ['group > (afterAll)', 'failed'],
      ],
    ],
  ] as const)('fails the tests around which %s throws', async (_, register, expected) => {
    const load = (): void => {
      portable.describe('group', () => {
        register(broken)
        portable.test('one', () => undefined)
      })
    }
    expect(await outcomes(load)).toEqual(expected)
  })

  it('fails a test whose clean-up throws, and one that never ends, and goes on', async () => {
    const load = (): void => {
      portable.test('cleans', () => portable.onTestFinished(broken))
      portable.test('hangs', never)
      portable.test('hangs too, by its own limit', never, 5)
      portable.test('goes on', () => undefined)
    }
    expect((await outcomes(load, 20)).map(([, state]) => state)).toEqual([
      'failed',
      'failed',
      'failed',
      'passed',
    ])
  })

  it('fails where there is no test, no file, or a file that does not load', async () => {
    expect(await outcomes(() => undefined)).toEqual([['(file)', 'failed']])
    expect(await outcomes(broken)).toEqual([['(loading)', 'failed']])
    expect(await outcomes(() => portable.describe('group', broken))).toEqual([
      ['(loading)', 'failed'],
    ])
    expect((await runAll({ files: [] })).results.map((it) => it.state)).toEqual(['failed'])
  })

  it('fails the run for an error that nobody caught', async () => {
    let report: (error: unknown) => void = broken
    const { results } = await runAll({
      files: [{ path: 'a', load: () => portable.test('one', () => report(new Error('lost'))) }],
      watchUncaught: (onError) => {
        report = onError
        return () => undefined
      },
    })
    expect(results.map((it) => it.state)).toEqual(['failed', 'passed'])
    expect(results[0]?.error).toContain('lost')
  })

  it('counts a skip with its reason, and one without any as such', async () => {
    const results = await run(() => {
      portable.test('asks', (context) => context.skip('no data'))
      portable.it.skip('is left out', broken)
      portable.it.runIf(false)('is for another system', broken)
      portable.describe.skip('group', () => portable.test('inside', broken))
    })
    expect(results.map((it) => [it.state, it.reason])).toEqual([
      ['skipped', 'no data'],
      ['skipped', ''],
      ['skipped', ''],
      ['skipped', ''],
    ])
  })

  it('runs hooks from outside in and back, once for all tests or for each, and clean-ups last first', async () => {
    const order: string[] = []
    const note = (what: string) => (): void => void order.push(what)
    await run(() => {
      portable.beforeEach(note('file'))
      portable.afterEach(note('/file'))
      portable.describe('group', async () => {
        await Promise.resolve()
        portable.beforeAll(() => {
          order.push('all')
          return note('/all')
        })
        portable.beforeEach(note('each'))
        portable.afterEach(note('/each'))
        portable.test('one', () => {
          portable.onTestFinished(note('/a'))
          portable.onTestFinished(note('/b'))
        })
        portable.test('two', note('two'))
      })
    })
    expect(order.join(' ')).toBe('all file each /each /file /b /a file each two /each /file /all')
  })

  it('names parametrised tests as vitest does, and gives each its parameters', async () => {
    const seen: unknown[] = []
    const load = (): void => {
      portable.it.each([
        ['a', 1],
        ['b', 2n],
      ])('%s is %s of %#', (...parameters) => seen.push(parameters))
      portable.it.each([[[3n]]])('%s', () => undefined)
      portable.it.each([{ name: 'c' }])('$name', ({ name }) => seen.push(name))
      portable.describe.each(['x'])('group %s', () => portable.test('inside', () => undefined))
    }
    const names = (await outcomes(load)).map(([name]) => name)
    expect(names).toEqual(['a is 1 of 0', 'b is 2 of 1', '["3n"]', 'c', 'group x > inside'])
    expect(seen).toEqual([['a', 1], ['b', 2n], 'c'])
  })
})

describe('the report of a portable run', () => {
  const file = 'test/conformance/a.test.ts'
  const result = (path: string[], state: PortableResult['state']): PortableResult => ({
    file,
    path,
    state,
    ms: 1,
  })

  it('proves a group only where a test passed and none failed, nor its file', () => {
    const results = [
      result(['good', 'one'], 'passed'),
      result(['good', 'two'], 'skipped'),
      result(['bad', 'one'], 'passed'),
      result(['bad', 'two'], 'failed'),
      result(['idle', 'one'], 'skipped'),
    ]
    const { passed, failed, proofs } = tallyOfReport({ results }, 'deno')
    expect([passed, failed]).toEqual([2, 1])
    expect(proofs.map(({ group, ok }) => [group, ok])).toEqual([
      ['good', true],
      ['bad', false],
      ['idle', false],
    ])
    const unsound = tallyOfReport({ results: [...results, result(['(afterAll)'], 'failed')] }, 'x')
    expect(unsound.proofs.some((it) => it.ok)).toBe(false)
  })

  it('survives the lines that tests print, and fails when it was cut off', () => {
    const results = [result(['a', 'b'], 'passed')]
    const lines = [formatResult(result(['a', 'b'], 'passed')), 'a test said this']
    expect(readReport([...lines, formatEnd({ results })].join('\n'), 'code 0')).toEqual({ results })
    const cut = readReport(lines.join('\n'), 'SIGKILL')
    expect(tallyOfReport(cut, 'deno')).toMatchObject({ passed: 1, failed: 1 })
    expect(cut.results.at(-1)?.error).toContain('SIGKILL')
  })
})
