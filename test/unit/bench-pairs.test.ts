import { expect, it } from 'vitest'
import { measurePair, median } from '../bench/pairs.ts'

it('the median of an odd and an even count', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([9, 1, 5, 3])).toBe(4)
})

it('a ratio above 1 means that ours costs less, and the two take turns', async () => {
  const order: string[] = []
  const side = (name: string, cost: number) => async (): Promise<number> => {
    order.push(name)
    return cost
  }
  const pair = { case: 'c', unit: 'µs', note: '', repetitions: 2 }
  const line = await measurePair('b', { ...pair, ours: side('ours', 2), peer: side('peer', 3) })
  expect(line).toMatchObject({ ours: 2, peer: 3, ratio: 1.5 })
  expect(order).toEqual(['ours', 'peer', 'peer', 'ours'])
})

it('without a peer it gives ours alone', async () => {
  const pair = { case: 'c', unit: 'µs', note: '', repetitions: 1 }
  const line = await measurePair('b', { ...pair, ours: async () => 2, peer: undefined })
  expect(line).toMatchObject({ ours: 2, peer: null, ratio: null })
})
