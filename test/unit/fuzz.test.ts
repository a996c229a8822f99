/** The fuzzer finds what is planted: a crash, a hang, memory without bound, a forged byte, a broken
 *  invariant; and finds nothing where nothing is wrong. */

import { afterAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../src/testing/random.ts'
import { minimise } from '../fuzz/minimise.ts'
import { mutate } from '../fuzz/mutate.ts'
import type { Found } from '../fuzz/protocol.ts'
import { createRunner } from '../fuzz/runner.ts'

const targets = new URL('../fuzz/planted.ts', import.meta.url)
const runner = createRunner({ hangMs: 6000, isQuiet: true, targets })
afterAll(() => runner.close())

async function breachesOf(target: string): Promise<readonly Found[]> {
  const order = { target, seed: 3, until: { count: 150 }, corpus: [], minimises: false }
  return (await runner.run(order)).breaches
}

describe('the fuzzer', () => {
  it('has nothing to say about a sound decoder', async () => {
    expect(await breachesOf('sound')).toEqual([])
  })

  it.each([
    ['throws', /SyntaxError/],
    ['hangs', /^hung/],
    ['allocates', /greedy/],
    ['gathers', /^died/],
    ['forgets a byte', /changed signed byte/],
    ['internal', /invariant broke/],
  ])('finds the decoder that %s, and its input', async (target, behaviour) => {
    const [breach] = await breachesOf(target)
    expect(breach?.behaviour).toMatch(behaviour)
    const corpus = [breach?.input as Uint8Array]
    const again = { target, seed: 4, until: { count: 0 }, corpus, minimises: false }
    expect((await runner.run(again)).breaches[0]?.behaviour).toMatch(behaviour)
  })

  it('makes an input that is kept short, with what it is kept for', async () => {
    const input = new Uint8Array(500)
    input[123] = 7
    const short = await minimise(input, async (bytes) => bytes.includes(7))
    expect(short).toEqual(Uint8Array.of(7))
  })

  it('makes the same mutants of the same seed', () => {
    const input = Uint8Array.from({ length: 100 }, (_, at) => at)
    const run = (): Uint8Array[] => {
      const random = createRandom(8)
      const context = { random, others: [input], sizeBytesMax: 64 }
      return Array.from({ length: 200 }, () => mutate(input, context))
    }
    expect(run()).toEqual(run())
    expect(run().every(({ byteLength }) => byteLength <= 64)).toBe(true)
    expect(new Set(run().map(String)).size).toBeGreaterThan(150)
  })
})
