/** What a suite came to, and which skips are allowed in CI (test/skips.json). */

export type Skip = { readonly name: string; readonly reason: string }

/** What the conformance suite proved: per group of tests (its first describe), in which projects. */
export type Proof = { readonly group: string; readonly project: string; readonly ok: boolean }

export type Tally = {
  readonly passed: number
  readonly failed: number
  readonly skips: readonly Skip[]
  readonly proofs: readonly Proof[]
}

/** A skip that CI lets pass, and why. */
export type AllowedSkip = {
  readonly suites: readonly string[]
  /** The test; `*` in it stands for any text.  The suite's own name, where it is skipped as a whole. */
  readonly name: string
  readonly reason: string
  /** The package that has the missing program: no reason for a skip where npm installs that program. */
  readonly package?: string
}

export const NOTHING: Tally = { passed: 0, failed: 0, skips: [], proofs: [] }

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, it) => sum + it.passed, 0),
    failed: tallies.reduce((sum, it) => sum + it.failed, 0),
    skips: tallies.flatMap((it) => it.skips),
    proofs: tallies.flatMap((it) => it.proofs),
  }
}

/** What a program printed with `formatTally` and a line for each skip; undefined where it printed none. */
export function parseTally(output: string): Tally | undefined {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed, \d+ skipped$/m.exec(output) ?? []
  if (passed === undefined || failed === undefined) return undefined
  const skips = [...output.matchAll(/^skipped: (.+?): (.+)$/gm)].map(
    ([, name = '', reason = '']) => ({
      name,
      reason,
    }),
  )
  return { ...NOTHING, passed: Number(passed), failed: Number(failed), skips }
}

export function formatSkip({ name, reason }: Skip): string {
  return `skipped: ${name}: ${reason}`
}

/** The one line that ends every run. */
export function formatTally(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed, ${tally.skips.length} skipped`
}

/** Skips that fail the run: those without a reason, everywhere; in CI also those that the list has not. */
export function refuseSkips(
  suite: string,
  skips: readonly Skip[],
  list: {
    readonly inCi: boolean
    readonly allowed: readonly AllowedSkip[]
    readonly isInstallable: (packageName: string) => boolean
  },
): readonly Skip[] {
  const allowed = list.allowed.filter(
    (it) =>
      it.suites.includes(suite) && (it.package === undefined || !list.isInstallable(it.package)),
  )
  return skips.filter((skip) => {
    if (skip.reason === '') return true
    return list.inCi && !allowed.some((it) => isNamed(it.name, skip.name))
  })
}

function isNamed(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((it) => it.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(name)
}
