/** What a portable run came to, as plain data that crosses a process, a socket or an object's reply. */

import type { Proof, Skip, Tally } from '../tally.ts'

export type PortableResult = {
  /** The test's source, from the repository's root. */
  readonly file: string
  /** The names of its describes, then its own. */
  readonly path: readonly string[]
  readonly state: 'passed' | 'failed' | 'skipped'
  readonly ms: number
  /** Of a skip; empty where the test names none. */
  readonly reason?: string
  /** Of a failure: message, difference and stack. */
  readonly error?: string
}

export type Report = { readonly results: readonly PortableResult[] }

const CONFORMANCE = 'test/conformance/'

/** What the matrix and the last line of a run need; `project` names the runtime. */
export function tallyOfReport(report: Report, project: string): Tally {
  const { results } = report
  const skips: Skip[] = results
    .filter((it) => it.state === 'skipped')
    .map((it) => ({ name: it.path.join(' > '), reason: it.reason ?? '' }))
  return {
    passed: results.filter((it) => it.state === 'passed').length,
    failed: results.filter((it) => it.state === 'failed').length,
    skips,
    proofs: proofsOf(results, project),
  }
}

/** A group is a describe at the top of a conformance file; a failure beside any (its file, the run) makes
 *  every group of that file unproved. */
function proofsOf(results: readonly PortableResult[], project: string): Proof[] {
  const proofs: Proof[] = []
  const files = new Set(results.map((it) => it.file).filter((it) => it.startsWith(CONFORMANCE)))
  for (const file of files) {
    const own = results.filter((it) => it.file === file)
    const isFileSound = !own.some((it) => it.path.length < 2 && it.state === 'failed')
    const groups = new Set(own.filter((it) => it.path.length > 1).map((it) => it.path[0] ?? ''))
    for (const group of groups) {
      const tests = own.filter((it) => it.path.length > 1 && it.path[0] === group)
      const ok =
        isFileSound &&
        tests.every((it) => it.state !== 'failed') &&
        tests.some((it) => it.state === 'passed')
      proofs.push({ group, project, ok })
    }
  }
  return proofs
}

const RESULT = 'portable-result '
const END = 'portable-end '

/** One line of a program's output for one result; tests may print lines of their own between them. */
export function formatResult(result: PortableResult): string {
  return `${RESULT}${JSON.stringify(result)}`
}

/** The last line: without it, or with another count, the run was cut off. */
export function formatEnd(report: Report): string {
  return `${END}${report.results.length}`
}

/** The report in a program's output.  Keeps: a run that was cut off has a failure that says so. */
export function readReport(output: string, ending: string): Report {
  const results: PortableResult[] = []
  let count: number | undefined
  for (const line of output.split('\n')) {
    if (line.startsWith(RESULT)) results.push(JSON.parse(line.slice(RESULT.length)))
    else if (line.startsWith(END)) count = Number(line.slice(END.length))
  }
  if (count !== results.length) {
    const error = `the run ended before its last test (${ending})`
    results.push(failureOfRun(error))
  }
  return { results }
}

/** A failure of no test: of the program, or of what it ran before and after all of them. */
export function failureOfRun(error: string): PortableResult {
  return { file: '', path: ['(the run)'], state: 'failed', ms: 0, error }
}
