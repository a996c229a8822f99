/** What a run gives its tests, such as a relay's URL: what vitest's `inject` answers. */

let values: Readonly<Record<string, unknown>> = {}

export function provide(given: Readonly<Record<string, unknown>>): void {
  values = given
}

export function inject(name: string): unknown {
  if (!(name in values)) throw new Error(`nothing was provided as "${name}"`)
  return values[name]
}
