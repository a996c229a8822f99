/** The relays of a matrix run.  Another kind joins by one more entry of `relays()`. */

import { uploadOfPackage } from '../edge/project.ts'
import { createEdgeRelay } from '../edge/relay.ts'
import { startRelayProcess } from '../support/relay-process.ts'
import { findWorkerd } from '../workerd/serve.ts'

export type RelayKind = {
  readonly name: string
  /** Why this machine cannot have it. */
  readonly missing: string | undefined
  /** `project` has the package installed. */
  start(project: string): Promise<{ readonly url: string; stop(): Promise<void> }>
}

export function relays(): readonly RelayKind[] {
  return [{ name: 'a relay in Node', missing: undefined, start: startRelayProcess }, inObject()]
}

function inObject(): RelayKind {
  return {
    name: 'a relay in a Durable Object',
    missing: findWorkerd() === undefined ? 'workerd is not installed' : undefined,
    start: async (project) => {
      const relay = await createEdgeRelay(uploadOfPackage(project), '*')
      await relay.start()
      return { url: `ws://${relay.host}`, stop: () => relay.remove() }
    },
  }
}
