/** Assertions: a broken invariant is a bug, so it throws, in production too.
 *  Never: used for input, storage or network conditions; those are failures (failure.ts). */

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws `AssertionError` when `condition` is false; `message` says which invariant broke. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(`Constellite invariant broken: ${message}`)
}

/** Marks a branch that the types exclude. */
export function assertNever(value: never, message: string): never {
  throw new AssertionError(`Constellite invariant broken: ${message}: ${String(value)}`)
}
