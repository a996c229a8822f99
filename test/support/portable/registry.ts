/** What the test files register while they load: suites, tests and hooks, as a tree.
 *  Keeps: a describe's function runs after its file has loaded, in the order of the file, and may be
 *  asynchronous, as in vitest. */

export type Registered = Suite | Test

export type TestContext = {
  /** Ends the test as skipped, with its reason. */
  skip(reason?: string): never
  onTestFinished(cleanUp: () => unknown): void
}

export type TestBody = (context: TestContext) => unknown
export type Hook = () => unknown

export type Test = {
  readonly kind: 'test'
  readonly name: string
  readonly body: TestBody
  readonly timeoutMs: number | undefined
  readonly isSkipped: boolean
}

export type Suite = {
  readonly kind: 'suite'
  readonly name: string
  readonly children: Registered[]
  readonly beforeAll: Hook[]
  readonly afterAll: Hook[]
  readonly beforeEach: Hook[]
  readonly afterEach: Hook[]
  readonly isSkipped: boolean
}

type HookKind = 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach'

type Pending = { readonly suite: Suite; readonly define: () => unknown }

let current: Suite | undefined
let pending: Pending[] = []

export function createSuite(name: string, isSkipped = false): Suite {
  return {
    kind: 'suite',
    name,
    children: [],
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
    isSkipped,
  }
}

/** Runs `load` and then every describe that it registered; what they hold is in the answer. */
export async function collect(name: string, load: () => unknown): Promise<Suite> {
  const root = createSuite(name)
  pending = [{ suite: root, define: load }]
  try {
    // Describes of a describe follow it at once, so that the order is that of the source.
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const later = pending
      pending = []
      current = next.suite
      await next.define()
      pending.push(...later)
    }
    return root
  } finally {
    current = undefined
    pending = []
  }
}

export function addSuite(
  suite: Pick<Suite, 'name' | 'isSkipped'>,
  define: (() => unknown) | undefined,
): void {
  const parent = here('describe')
  const made = createSuite(suite.name, suite.isSkipped || parent.isSkipped)
  parent.children.push(made)
  if (define !== undefined) pending.push({ suite: made, define })
}

export function addTest(test: Omit<Test, 'kind'>): void {
  const parent = here('test')
  parent.children.push({ ...test, kind: 'test', isSkipped: test.isSkipped || parent.isSkipped })
}

export function addHook(kind: HookKind, hook: Hook): void {
  here(kind)[kind].push(hook)
}

function here(what: string): Suite {
  if (current === undefined) throw new Error(`${what} was called outside of a test file`)
  return current
}
