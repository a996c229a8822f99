/** The part of vitest's interface that the portable tests use, for runtimes in which vitest itself does not
 *  run; the bundle resolves `vitest` to this module.
 *  Keeps: what is not here is not exported, so that a test that needs it fails to bundle. */

import { fn, restoreAllMocks, spyOn } from '@vitest/spy'
import { formatName } from './names.ts'
import { addHook, addSuite, addTest, type Hook, type TestBody } from './registry.ts'

export { expect } from './expect.ts'
export { inject } from './provided.ts'
export { onTestFinished } from './run.ts'

type Options = number | { readonly timeout?: number }
type Register<Body> = (name: string, ...rest: readonly (Body | Options)[]) => void
type EachBody = (...parameters: never[]) => unknown

type Registrar<Body> = Register<Body> & {
  readonly skip: Register<Body>
  runIf(condition: unknown): Register<Body>
  skipIf(condition: unknown): Register<Body>
  each(cases: readonly unknown[]): Register<EachBody>
}

export const test: Registrar<TestBody> = registrar((name, { body, timeoutMs, isSkipped }) => {
  if (body === undefined) throw new Error(`the test "${name}" has no body`)
  // A body with parameters comes from `each`, which binds them.
  addTest({ name, body: body as TestBody, timeoutMs, isSkipped })
})
export const it: Registrar<TestBody> = test

export const describe: Registrar<() => unknown> = registrar((name, { body, isSkipped }) => {
  // As above.
  addSuite({ name, isSkipped }, body as (() => unknown) | undefined)
})

export const beforeAll = (hook: Hook): void => addHook('beforeAll', hook)
export const afterAll = (hook: Hook): void => addHook('afterAll', hook)
export const beforeEach = (hook: Hook): void => addHook('beforeEach', hook)
export const afterEach = (hook: Hook): void => addHook('afterEach', hook)

type Given = {
  readonly body: EachBody | undefined
  readonly timeoutMs: number | undefined
  readonly isSkipped: boolean
}

function registrar<Body extends EachBody>(
  add: (name: string, given: Given) => void,
): Registrar<Body> {
  const register =
    (isSkipped: boolean): Register<Body> =>
    (name, ...rest) =>
      add(name, { ...readRest(rest), isSkipped })
  const each =
    (cases: readonly unknown[]): Register<EachBody> =>
    (name, ...rest) => {
      const { body, timeoutMs } = readRest(rest)
      for (const [index, one] of cases.entries()) {
        const parameters = Array.isArray(one) ? one : [one]
        // Never: the case's types are the test's own affair, as in vitest.
        const bound = (): unknown => body?.(...(parameters as never[]))
        add(formatName(name, parameters, index), { body: bound, timeoutMs, isSkipped: false })
      }
    }
  return Object.assign(register(false), {
    skip: register(true),
    runIf: (condition: unknown) => register(!condition),
    skipIf: (condition: unknown) => register(Boolean(condition)),
    each,
  })
}

function readRest(rest: readonly unknown[]): Pick<Given, 'body' | 'timeoutMs'> {
  let body: EachBody | undefined
  let timeoutMs: number | undefined
  for (const one of rest) {
    // A function among the parameters is the body.
    if (typeof one === 'function') body = one as EachBody
    else if (typeof one === 'number') timeoutMs = one
    // Options are an object.
    else if (typeof one === 'object' && one !== null)
      timeoutMs = (one as { timeout?: number }).timeout
  }
  return { body, timeoutMs }
}

/** Types are checked by `npm run check`; here the statement does nothing, as under vitest. */
export function expectTypeOf(): unknown {
  const anything: unknown = new Proxy(() => anything, { get: () => anything })
  return anything
}

const stubbed = new Map<string, PropertyDescriptor | undefined>()

type Vi = {
  readonly fn: typeof fn
  readonly spyOn: typeof spyOn
  readonly restoreAllMocks: typeof restoreAllMocks
  stubGlobal(name: string, value: unknown): void
  unstubAllGlobals(): void
}

export const vi: Vi = {
  fn,
  spyOn,
  restoreAllMocks,
  stubGlobal(name, value) {
    if (!stubbed.has(name)) {
      stubbed.set(name, Object.getOwnPropertyDescriptor(globalThis, name))
    }
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  },
  unstubAllGlobals() {
    for (const [name, before] of stubbed) {
      if (before === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, before)
    }
    stubbed.clear()
  },
}
