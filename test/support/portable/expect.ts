/** `expect` as vitest makes it, from the same parts: chai with the matchers of `@vitest/expect`. */

import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  type ExpectStatic,
  GLOBAL_EXPECT,
  getState,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect'
import { processError } from '@vitest/utils/error'

export const expect: ExpectStatic = createExpect()

function createExpect(): ExpectStatic {
  chai.use(JestExtend)
  chai.use(JestChaiExpect)
  chai.use(JestAsymmetricMatchers)
  // The plugins above add the rest of the interface to it.
  const made = ((value: unknown, message?: string) =>
    chai.expect(value, message)) as unknown as ExpectStatic
  // The library keeps its shared objects under symbols of the global scope.
  const shared = globalThis as unknown as Record<symbol, object>
  Object.assign(made, chai.expect, shared[ASYMMETRIC_MATCHERS_OBJECT])
  made.getState = () => getState(made)
  made.setState = (state) => setState(state, made)
  setState({ assertionCalls: 0, isExpectingAssertions: false }, made)
  // Under vitest, where this is tested, vitest's own stays.
  shared[GLOBAL_EXPECT] ??= made
  // A method that the plugin adds: for which `expect`, then the matchers.
  const extensible = chai.expect as unknown as {
    extend(own: ExpectStatic, matchers: object): void
  }
  extensible.extend(made, customMatchers)
  return made
}

/** An error as a person wants to read it: its message, how both sides differ, and where it came from. */
export function failureMessage(error: unknown): string {
  const { message, diff, stack } = processError(error)
  const trace = stack === undefined ? [] : stack.split('\n').filter((line) => /^\s+at /.test(line))
  return [message ?? String(error), diff, trace.slice(0, 8).join('\n')]
    .filter((it) => it !== undefined && it !== '')
    .join('\n')
}
