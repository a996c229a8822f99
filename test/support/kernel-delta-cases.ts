/** Cases of page deltas: round trips, agreement with the plain kernel byte for byte, hostile deltas. */

import type { PageDelta } from '../../src/crypto/kernel-interface.ts'
import { expectTrue } from '../../src/testing/expect.ts'
import type { Random } from '../../src/testing/random.ts'
import { expectSame, type KernelCase, type KernelContext } from './kernel-case.ts'

const SIZES = [512, 1024, 4096, 8192, 65536]

export const deltaCases: KernelCase[] = [
  {
    name: 'deltas are the plain ones byte for byte, and both sides apply both',
    run({ kernel, plain }, random) {
      const seen = new Set<string>()
      for (let time = 0; time < 400; time++) {
        const [before, after] = pagePair(random, random.pick(SIZES))
        const what = `pair ${time}`
        const own = kernel.delta.encode(before, after)
        const other = plain.delta.encode(before, after)
        expectSame(own?.encoding, other?.encoding, what)
        expectSame(own?.bytes, other?.bytes, what)
        seen.add(own?.encoding ?? 'none')
        if (own === undefined) {
          expectSame(before, after, what)
          continue
        }
        expectTrue(own.bytes.byteLength <= after.byteLength, what)
        for (const one of [kernel, plain]) {
          const into = new Uint8Array(after.byteLength)
          expectTrue(one.delta.apply(before, own, into), what)
          expectSame(into, after, what)
        }
      }
      for (const kind of ['none', 'runs', 'lz4', 'full']) expectTrue(seen.has(kind), kind)
    },
  },
  {
    name: 'changes at the first and the last byte, and worst cases, survive',
    run({ kernel }, random) {
      for (const size of SIZES) {
        const before = random.bytes(size)
        const places = [[0], [size - 1], [0, size - 1], [63, 64], [127, 128, 129]]
        for (const every of [2, 3, 4, 5, 8]) {
          places.push(Array.from({ length: Math.floor(size / every) }, (_, index) => index * every))
        }
        for (const place of places) {
          const after = before.slice()
          for (const at of place) after[at] = (after[at] as number) ^ 0xff
          const delta = kernel.delta.encode(before, after)
          const into = new Uint8Array(size)
          expectTrue(delta !== undefined && kernel.delta.apply(before, delta, into), `${place[0]}`)
          expectSame(into, after, `size ${size}, ${place.length} places`)
        }
      }
    },
  },
  {
    name: 'mutated deltas are judged as the plain kernel judges them, and refused ones change nothing',
    run(context, random) {
      let refused = 0
      let taken = 0
      for (let time = 0; time < 3000; time++) {
        const [before, after] = pagePair(random, random.pick([512, 1024, 4096]))
        const delta = context.kernel.delta.encode(before, after)
        if (delta === undefined) continue
        const encoding = random.chance(0.1) ? random.pick(['runs', 'lz4'] as const) : delta.encoding
        const bytes = mutated(delta.bytes, random)
        if (judge(context, before, { encoding, bytes })) taken += 1
        else refused += 1
      }
      expectTrue(refused > 300 && taken > 300, `${refused} refused, ${taken} taken`)
    },
  },
  {
    name: 'random bytes as deltas never get past a page',
    run(context, random) {
      for (let time = 0; time < 3000; time++) {
        const before = random.bytes(512)
        const encoding = random.pick(['full', 'runs', 'lz4'] as const)
        const bytes = random.bytes(random.below(random.chance(0.1) ? 600 : 40))
        judge(context, before, { encoding, bytes })
      }
    },
  },
  {
    name: 'each way to be malformed is refused',
    run({ kernel, plain }) {
      const before = new Uint8Array(512)
      const runs: Record<string, number[]> = {
        'no run': [],
        'an empty run': [5, 0],
        'two runs that touch': [5, 1, 9, 0, 1, 9],
        'a run past the end of the page': [0xff, 0x03, 2, 1, 1],
        'a skip past the end of the page': [0x81, 0x04, 1, 1],
        'a run longer than its bytes': [0, 3, 1, 2],
        'a length in a longer form': [0x80, 0x00, 1, 9],
        'a length without end': [0x80, 0x80, 0x80, 0x80, 0x01],
        'a cut length': [5],
      }
      const blocks: Record<string, number[]> = {
        'no token': [],
        'literals past the block': [0x50, 1, 2],
        'too few bytes for the page': [0x10, 7],
        'an offset of nothing': [0x0f, 0, 0, 255, 0],
        'an offset before the old page': [0x0f, 0x01, 0x02, 255, 0],
        'a match past the page': [0x0f, 0x00, 0x02, 255, 255, 255, 0x00],
        'a cut offset': [0x0f, 0],
        'a length without end': [0xff, 255, 255, 255, 255],
        'an end after a match': [0x0f, 0x00, 0x02, 255, 238],
      }
      const refuse = (encoding: 'runs' | 'lz4', cases: Record<string, number[]>): void => {
        for (const [name, bytes] of Object.entries(cases)) {
          for (const { delta } of [kernel, plain]) {
            const into = new Uint8Array(512).fill(3)
            const isTaken = delta.apply(before, { encoding, bytes: Uint8Array.from(bytes) }, into)
            expectTrue(!isTaken && into.every((byte) => byte === 3), `${encoding}: ${name}`)
          }
        }
      }
      refuse('runs', runs)
      refuse('lz4', blocks)
      // The same match with the literal end that a block needs is taken: the list above refuses for its reason.
      const good = Uint8Array.from([0x0f, 0x00, 0x02, 255, 233, 0x50, 1, 2, 3, 4, 5])
      expectTrue(
        kernel.delta.apply(before, { encoding: 'lz4', bytes: good }, new Uint8Array(512)),
        'a match, then literals',
      )
    },
  },
]

/** Both kernels give one answer and one page. */
function judge({ kernel, plain }: KernelContext, before: Uint8Array, delta: PageDelta): boolean {
  const own = new Uint8Array(before.byteLength).fill(0xa5)
  const other = own.slice()
  const isTaken = kernel.delta.apply(before, delta, own)
  expectSame(plain.delta.apply(before, delta, other), isTaken, 'one judgement')
  expectSame(own, other, 'one page')
  if (!isTaken)
    expectTrue(
      own.every((byte) => byte === 0xa5),
      'untouched',
    )
  return isTaken
}

/** An old page and what SQLite might make of it: bytes changed, cells moved, all of it new. */
function pagePair(random: Random, size: number): [Uint8Array, Uint8Array] {
  const alphabet = random.pick([2, 8, 256])
  const before = random.bytes(size).map((byte) => byte % alphabet)
  const after = before.slice()
  switch (random.below(6)) {
    case 0:
      return [before, after]
    case 1:
      return [before, random.bytes(size)]
    case 2: {
      const from = random.below(size >> 1)
      after.copyWithin(from + random.below(40), from, from + random.below(size >> 1))
      break
    }
    case 3: {
      const start = random.below(size)
      after.fill(random.below(256), start, start + random.below(300))
      break
    }
    default:
  }
  for (let left = random.below(30); left > 0; left--) after[random.below(size)] = random.below(256)
  return [before, after]
}

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice()
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, random.below(copy.byteLength + 1))
    case 1: {
      const longer = new Uint8Array(copy.byteLength + 1 + random.below(4))
      longer.set(copy)
      return longer
    }
    default:
      for (let left = 1 + random.below(3); left > 0; left--) {
        copy[random.below(Math.min(copy.byteLength, 24))] = random.below(256)
      }
      return copy
  }
}
