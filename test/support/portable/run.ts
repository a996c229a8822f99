/** Runs registered tests one after another, in any runtime.
 *  Keeps: a test that throws, a hook that throws, a body that never ends, a file that does not load and a
 *  file without tests are failures in the report, each under a name of its own; nothing is left out. */

import { failureMessage } from './expect.ts'
import { provide } from './provided.ts'
import { collect, type Hook, type Suite, type Test, type TestContext } from './registry.ts'
import { failureOfRun, type PortableResult, type Report } from './report.ts'

/** A test file: its name from the repository's root, and how it is loaded. */
export type PortableFile = { readonly path: string; readonly load: () => unknown }

export type RunOptions = {
  readonly files: readonly PortableFile[]
  /** What `inject` answers. */
  readonly provided?: Readonly<Record<string, unknown>>
  /** Of a test that names none, and of a hook. */
  readonly timeoutMs?: number
  /** Told of each result as it comes. */
  readonly onResult?: (result: PortableResult) => void
  /** Calls its argument for each error that nobody caught, until the answer is called. */
  readonly watchUncaught?: (onError: (error: unknown) => void) => () => void
}

type Run = {
  readonly file: string
  readonly timeoutMs: number
  readonly add: (result: PortableResult) => void
}

const TIMEOUT_MS = 30_000

export async function runAll(options: RunOptions): Promise<Report> {
  const results: PortableResult[] = []
  const add = (result: PortableResult): void => {
    results.push(result)
    options.onResult?.(result)
  }
  provide(options.provided ?? {})
  const unwatch = options.watchUncaught?.((error) => {
    add(failureOfRun(`nobody caught this: ${failureMessage(error)}`))
  })
  for (const { path, load } of options.files) {
    const run: Run = { file: path, timeoutMs: options.timeoutMs ?? TIMEOUT_MS, add }
    const before = results.length
    const root = await within(run.timeoutMs, () => collect(path, load)).catch((error: unknown) => {
      add(failed(run, ['(loading)'], error))
      return undefined
    })
    if (root !== undefined) await runSuite(run, root, { path: [], outer: [] })
    if (results.length === before) add(failed(run, ['(file)'], new Error('it has no test')))
  }
  unwatch?.()
  if (options.files.length === 0) add(failureOfRun('there was no test to run'))
  return { results }
}

type Place = { readonly path: readonly string[]; readonly outer: readonly Suite[] }

async function runSuite(run: Run, suite: Suite, { path, outer }: Place): Promise<void> {
  const suites = [...outer, suite]
  const teardowns: Hook[] = []
  let broken: unknown
  if (hasTestToRun(suite)) {
    try {
      for (const hook of suite.beforeAll) teardowns.push(...teardownOf(await limited(run, hook)))
    } catch (error) {
      broken = error
    }
  }
  for (const child of suite.children) {
    const place = [...path, child.name]
    if (child.kind === 'suite' && broken === undefined) {
      await runSuite(run, child, { path: place, outer: suites })
    } else if (child.kind === 'suite') failEvery(run, child, place, broken)
    else if (broken !== undefined && !child.isSkipped) run.add(failed(run, place, broken))
    else await runTest(run, child, { path: place, outer: suites })
  }
  if (!hasTestToRun(suite)) return
  for (const hook of [...suite.afterAll, ...teardowns].reverse()) {
    await limited(run, hook).catch((error: unknown) => {
      run.add(failed(run, [...path, '(afterAll)'], error))
    })
  }
}

async function runTest(run: Run, test: Test, { path, outer }: Place): Promise<void> {
  if (test.isSkipped) {
    run.add({ file: run.file, path, state: 'skipped', ms: 0, reason: '' })
    return
  }
  const startedAt = performance.now()
  const cleanUps: Hook[] = []
  setFinisher(cleanUps)
  const errors: unknown[] = []
  const attempt = (task: Promise<unknown>): Promise<void> =>
    task.then(
      () => undefined,
      (error: unknown) => void errors.push(error),
    )
  const timed = (hook: Hook): Promise<unknown> => limited(run, hook)
  await attempt(
    (async () => {
      for (const suite of outer) {
        for (const hook of suite.beforeEach) cleanUps.push(...teardownOf(await timed(hook)))
      }
      const limitMs = test.timeoutMs ?? run.timeoutMs
      await within(limitMs, () => test.body(contextOf(cleanUps)))
    })(),
  )
  for (const suite of [...outer].reverse()) {
    for (const hook of [...suite.afterEach].reverse()) await attempt(timed(hook))
  }
  // Clean-ups may register more of them.
  for (let next = cleanUps.pop(); next !== undefined; next = cleanUps.pop()) {
    await attempt(timed(next))
  }
  setFinisher(undefined)
  const ms = Math.round(performance.now() - startedAt)
  const skip = errors.find((it) => it instanceof Skipped)
  const failure = errors.find((it) => !(it instanceof Skipped))
  if (failure !== undefined) run.add({ ...failed(run, path, failure), ms })
  else if (skip instanceof Skipped) {
    run.add({ file: run.file, path, state: 'skipped', ms, reason: skip.message })
  } else run.add({ file: run.file, path, state: 'passed', ms })
}

class Skipped extends Error {}

function contextOf(cleanUps: Hook[]): TestContext {
  return {
    skip: (reason = '') => {
      throw new Skipped(reason)
    },
    onTestFinished: (cleanUp) => void cleanUps.push(cleanUp),
  }
}

let finisher: Hook[] | undefined

function setFinisher(cleanUps: Hook[] | undefined): void {
  finisher = cleanUps
}

/** Runs `cleanUp` when the test that is running is over, however it ended; the last one first. */
export function onTestFinished(cleanUp: Hook): void {
  if (finisher === undefined) throw new Error('onTestFinished was called outside of a test')
  finisher.push(cleanUp)
}

/** A hook that answers a function wants it called when its suite or test is over. */
function teardownOf(answer: unknown): Hook[] {
  return typeof answer === 'function' ? [() => answer()] : []
}

function failEvery(run: Run, suite: Suite, path: readonly string[], error: unknown): void {
  for (const child of suite.children) {
    const place = [...path, child.name]
    if (child.kind === 'suite') failEvery(run, child, place, error)
    else if (!child.isSkipped) run.add(failed(run, place, error))
    else run.add({ file: run.file, path: place, state: 'skipped', ms: 0, reason: '' })
  }
}

function hasTestToRun(suite: Suite): boolean {
  return suite.children.some((it) => (it.kind === 'suite' ? hasTestToRun(it) : !it.isSkipped))
}

function failed(run: Run, path: readonly string[], error: unknown): PortableResult {
  return { file: run.file, path, state: 'failed', ms: 0, error: failureMessage(error) }
}

function limited(run: Run, hook: Hook): Promise<unknown> {
  return within(run.timeoutMs, hook)
}

/** Whatever `task` comes to, or a failure when that takes longer. */
async function within<T>(limitMs: number, task: () => T | Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([(async () => task())(), late])
  } finally {
    clearTimeout(timer)
  }
}
