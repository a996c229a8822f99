/** A case of the kernels' tests and what all cases use. */

import type { Kernel } from '../../src/crypto/kernel-interface.ts'
import { expectBytes, expectEqual } from '../../src/testing/expect.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'

export type KernelContext = {
  readonly kernel: Kernel
  /** The same results in plain JavaScript, by @noble. */
  readonly plain: Kernel
}

export type KernelCase = {
  readonly name: string
  run(context: KernelContext, random: Random): void
}

/** Runs a case so that a failure says how to repeat it. */
export function runKernelCase(one: KernelCase, context: KernelContext, seed: number): void {
  try {
    one.run(context, createRandom(seed))
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    expectBytes(actual, expected, what)
  } else expectEqual(actual, expected, what)
}

export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7))
  return copy
}
