/** Coverage: how often each fault and each outcome came about, so that one that never does is seen. */

export type Coverage = {
  count(name: string, by?: number): void
  readonly counts: ReadonlyMap<string, number>
  add(other: ReadonlyMap<string, number>): void
}

export function createCoverage(): Coverage {
  const counts = new Map<string, number>()
  const count = (name: string, by = 1): void => {
    counts.set(name, (counts.get(name) ?? 0) + by)
  }
  return {
    count,
    counts,
    add(other) {
      for (const [name, by] of other) count(name, by)
    },
  }
}

export function formatCoverage(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
