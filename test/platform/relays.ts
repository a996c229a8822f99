/** The relays of a matrix run.  Another kind joins by one more entry of `relays()`. */

import { startRelayProcess } from '../support/relay-process.ts'

export type RelayKind = {
  readonly name: string
  /** Why this machine cannot have it. */
  readonly missing: string | undefined
  /** `project` has the package installed. */
  start(project: string): Promise<{ readonly url: string; stop(): Promise<void> }>
}

export function relays(): readonly RelayKind[] {
  return [{ name: 'a relay in Node', missing: undefined, start: startRelayProcess }]
}
