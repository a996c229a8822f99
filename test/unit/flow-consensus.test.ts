/** The trimmed mean gives the source's values exactly, the majority is the same for every holder of the
 *  votes, and nobody votes twice.  Values: U7 of the utilities' specification. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConsensusHelper } from '../../src/flow/consensus-helper.ts'
import { majority } from '../../src/flow/majority.ts'
import { positiveTrimmedMean, trimmedMean } from '../../src/flow/trimmed-mean.ts'

const BIG = 2n * 10n ** 18n

const MEANS: readonly (readonly [readonly (number | bigint)[], number | bigint])[] = [
  [[], 0],
  [[42], 42],
  [[100, 100, 100, 100, 1_000_000], 100],
  [[10, 12, 11, 13, 14], 12],
  [[0, 0, 0, 5, -5, 100], 0],
  [[-10, -10, -10, -12, -8], -10],
  [[10, 20], 15],
  [[1, 100], 100],
  [[1, 1, 100, 100], 100],
  [[0, 1, 1], 0],
  [[3, 4], 3],
  [[-3, -4], -3],
  [[-7, -8, -8], -7],
  [[-1, -1, -2], -1],
  [[2, 10, 50], 20],
  [[10, 50, 51], 37],
  [[100, 20, 19, 500, 501], 206],
  [[5, 5, 5, 1, 25, 26, 0], 8],
  [[7, 7, 8], 7],
  [[9, -10, 0], 0],
  [[0, 0, 0, 11, -11], 0],
  [[1_700_000_000, 1_700_000_060, 1_700_000_120, 400_000_000], 1_375_000_045],
  [[1_700_000_000, 1_700_000_060, 1_700_000_120, 300_000_000], 1_700_000_060],
  [[BIG, BIG, BIG + 1n], BIG],
]

describe('trimmedMean', () => {
  test.each(MEANS)('of %s is %s', (values, expected) => {
    expect(trimmedMean(values.map(BigInt))).toBe(BigInt(expected))
  })

  test.each([
    [[0, 0, 100, 100, 100], 100],
    [[0, 0, 0], 0],
    [[-5, 10, 20], 15],
  ])('of the positive ones of %s is %s', (values, expected) => {
    expect(positiveTrimmedMean(values.map(BigInt))).toBe(BigInt(expected))
  })

  test('it lies between the smallest and the largest value, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n), { minLength: 1 }), (values) => {
        const mean = trimmedMean(values)
        expect(trimmedMean([...values].reverse())).toBe(mean)
        expect(values.some((it) => it <= mean) && values.some((it) => it >= mean)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})

describe('ConsensusHelper', () => {
  const vote = (votes: Record<string, number>, options: object = {}, strict = false) => {
    const aggregate = (values: readonly number[]) => majority(values, { strict })
    const helper = new ConsensusHelper<number>({ threshold: 1, aggregate, ...options })
    for (const [voter, value] of Object.entries(votes)) helper.vote(voter, value)
    return helper
  }

  test('the most votes win; a tie goes to the value with the lowest voter id', () => {
    expect(vote({ a: 1, b: 2, c: 2 }).result()).toBe(2)
    expect(vote({ a: 1, b: 2 }).result()).toBe(1)
    expect(vote({ b: 2, a: 1 }).result()).toBe(1)
    expect(vote({ a: 1, b: 2 }, {}, true).result()).toBeUndefined()
    expect(vote({ a: 2, b: 2, c: 1 }, {}, true).result()).toBe(2)
  })

  test('a voter counts once: two voters, one of them twice, are no quorum of three', () => {
    const helper = vote({ a: 1, b: 2 }, { threshold: 3 })
    helper.vote('a', 2)
    expect([helper.hasQuorum, helper.result()]).toEqual([false, undefined])
    helper.vote('c', 2)
    expect([helper.hasQuorum, helper.result()]).toEqual([true, 2])
    helper.reset()
    expect([helper.hasQuorum, helper.voterCount]).toEqual([false, 0])
  })

  test('the aggregate sees the values in the order of the voters, however they came', () => {
    const aggregate = (values: readonly string[]): string => values.join('')
    const helper = new ConsensusHelper<string>({ threshold: 1, aggregate })
    for (const voter of ['c', 'a', 'é', 'B', 'b']) helper.vote(voter, voter)
    expect(helper.result()).toBe('Babcé')
  })

  test('voters are bounded: a new one is refused and counted, an old one may change its vote', () => {
    const helper = vote({ a: 1, b: 1 }, { votersMax: 2 })
    expect(helper.vote('c', 2)).toBe(false)
    expect(helper.vote('b', 3)).toBe(true)
    expect([helper.voterCount, helper.refused]).toEqual([2, 1])
  })

  test('equal bytes are one value where a key says so', () => {
    const values = [new Uint8Array([2]), new Uint8Array([1]), new Uint8Array([1])]
    expect(majority(values, { keyOf: String })).toBe(values[1])
    expect(majority([], { strict: true })).toBeUndefined()
  })
})
