/** Expectations of the conformance suites, which run without a test framework. */

import { type ConstelliteError, type FailureCode, isFailure } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'

export function expectTrue(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Expected: ${what}`)
}

/** Compares by JSON, which is enough for the plain values of the suites. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (found !== wanted) throw new Error(`${what}: expected ${wanted}, found ${found}`)
}

export function expectBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (equalBytes(actual, expected)) return
  const at = expected.findIndex((byte, index) => byte !== actual[index])
  const place = at < 0 ? Math.min(actual.length, expected.length) : at
  throw new Error(
    `${what}: ${actual.length} bytes differ from the ${expected.length} expected at ${place}: ` +
      `expected ${expected[place]}, found ${actual[place]}`,
  )
}

/** The failure with which `task` ends, which has to carry `code`. */
export async function expectFailure(
  code: FailureCode,
  task: () => unknown,
): Promise<ConstelliteError> {
  const error = await errorOf(task)
  if (!isFailure(error, code)) throw new Error(`Expected ${code}, found ${String(error)}`)
  return error
}

/** Expects that `task` is refused as a programmer's mistake. */
export async function expectAssertion(task: () => unknown, what: string): Promise<void> {
  const error = await errorOf(task)
  const name = error instanceof Error ? error.name : String(error)
  if (name !== 'AssertionError') throw new Error(`${what}: expected AssertionError, found ${name}`)
}

async function errorOf(task: () => unknown): Promise<unknown> {
  try {
    await task()
  } catch (error) {
    return error
  }
  return undefined
}
