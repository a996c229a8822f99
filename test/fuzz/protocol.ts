/** What the parent of a fuzzing run and its child say to each other. */

export type Order = {
  readonly target: string
  readonly seed: number
  readonly until: { readonly ms: number } | { readonly count: number }
  /** Inputs that are kept, run before anything else. */
  readonly corpus: readonly Uint8Array[]
  /** Makes what is found as short as it gets. */
  readonly minimises: boolean
}

export type Found = { readonly input: Uint8Array; readonly behaviour: string }

export type Outcome = {
  readonly type: 'done'
  readonly executions: number
  readonly elapsedMs: number
  readonly behaviours: number
  /** Mutants of a new behaviour. */
  readonly found: readonly Found[]
  readonly breaches: readonly Found[]
}

export type Reply =
  | Outcome
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
