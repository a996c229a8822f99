/** Does the kernel's signer take a time that depends on the seed?  In the manner of dudect (Reparaz, Balasch,
 *  Verbauwhede: "Dude, is my code constant time?", 2017): one fixed seed against random ones, in random
 *  order, and Welch's t of the two distributions.  |t| above 4.5 means yes.
 *  Limits: a small t proves nothing.  It sees one engine on one machine, only whole calls, only two classes
 *  of input, and noise of the machine hides what is smaller than it. */

import { randomFillSync, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createKernel } from '../../src/crypto/kernel.ts'
import type { Line } from './pairs.ts'

const SAMPLES = 20_000
const WARM_UP = 2_000
/** Slow outliers are interrupts, not arithmetic: only the fastest part of each class is compared. */
const KEPT_FRACTION = 0.9
const T_MAX = 4.5

export async function signerTiming(say: (line: Line) => void): Promise<void> {
  const binary = readFileSync(new URL('../../src/crypto/kernel.wasm', import.meta.url))
  const random = (sizeBytes: number): Uint8Array => randomFillSync(new Uint8Array(sizeBytes))
  const { ed25519 } = createKernel(new WebAssembly.Module(binary), random)
  const message = random(64)
  const classes = [
    { name: 'a seed of zeros', seeds: () => new Uint8Array(32) },
    { name: 'one random seed', seeds: always(random(32)) },
  ]
  for (const { name, seeds } of classes) {
    // Two seeds in turns: a public key is remembered for the last one, which is public knowledge.
    const t = compare({ fixed: seeds, free: () => random(32) }, (seed) => {
      ed25519.publicKey(random(32))
      const begin = process.hrtime.bigint()
      ed25519.sign(message, seed)
      return Number(process.hrtime.bigint() - begin)
    })
    say({
      bench: 'signer-timing',
      case: `${name} against random ones`,
      ours: Math.abs(t),
      peer: T_MAX,
      ratio: null,
      unit: '|t|',
      note: `Welch's t of ${SAMPLES} signatures, 4.5 and more is a leak; less proves nothing`,
    })
  }
}

type Classes = { readonly fixed: () => Uint8Array; readonly free: () => Uint8Array }

function compare(classes: Classes, measure: (seed: Uint8Array) => number): number {
  const times: [number[], number[]] = [[], []]
  for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
    const kind = randomInt(2) as 0 | 1
    // Both are copied, so that a fresh array is no mark of a class.
    const seed = (kind === 0 ? classes.fixed() : classes.free()).slice()
    const time = measure(seed)
    if (sample >= 0) times[kind].push(time)
  }
  return welch(fastest(times[0]), fastest(times[1]))
}

function fastest(times: readonly number[]): number[] {
  const sorted = [...times].sort((left, right) => left - right)
  return sorted.slice(0, Math.floor(sorted.length * KEPT_FRACTION))
}

function welch(left: readonly number[], right: readonly number[]): number {
  const [one, other] = [moments(left), moments(right)]
  const spread = Math.sqrt(one.variance / left.length + other.variance / right.length)
  return (one.mean - other.mean) / spread
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, variance: squares / (values.length - 1) }
}

function always<T>(value: T): () => T {
  return () => value
}
