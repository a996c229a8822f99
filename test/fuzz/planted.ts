/** Planted: decoders that are wrong on purpose, each in one way, for the test of the fuzzer. */

import { ConstelliteError } from '../../src/base/failure.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { type Decode, mustHold, type Target } from './target.ts'

const ORIGINAL = Uint8Array.of(0x43, 0x46, 3, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

function planted(name: string, decode: Decode): Target {
  return { name, reaches: [], seeds: () => [ORIGINAL], decoder: () => decode }
}

function refuse(): never {
  throw new ConstelliteError({ hint: 'Try it.', code: 'ErrDecode', message: 'Not valid.' })
}

function trustedLength(input: Uint8Array): number {
  if (input.byteLength < 6) refuse()
  return new DataView(input.buffer, input.byteOffset).getUint32(2)
}

const gathered: number[][] = []

export const TARGETS: readonly Target[] = [
  planted('sound', (input) => (equalBytes(input, ORIGINAL) ? 'as it was' : refuse())),
  planted('throws', (input) => `${JSON.parse(String(input[0] === 0x43 ? 1 : '{'))}`),
  planted('hangs', (input) => {
    // Never ends when it is not the original's.
    for (let at = 0; input[2] !== 3; at += 0) if (at > 0) break
    return 'ended'
  }),
  planted(
    'allocates',
    (input) => `${new Uint8Array(trustedLength(input) % 20_000_000).length > 0}`,
  ),
  planted('gathers', (input) => {
    while (input[5] !== 9) gathered.push(new Array<number>(100_000).fill(1))
    return 'gathered'
  }),
  planted('forgets a byte', (input) => {
    const isTaken = equalBytes(input.subarray(0, 12), ORIGINAL.subarray(0, 12))
    if (!isTaken || input.byteLength !== ORIGINAL.byteLength) refuse()
    mustHold(equalBytes(input, ORIGINAL), 'a changed signed byte was accepted')
    return 'taken'
  }),
  planted('internal', (input) => {
    if (input[3] === 0) return 'taken'
    throw new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrInternal',
      message: 'An invariant broke.',
    })
  }),
]
