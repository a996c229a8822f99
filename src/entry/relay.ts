/** `constellite/relay`: a relay inside a Node program, as `npx constellite serve` runs one. */

import { createNodeHost } from '../platform/host-node.ts'
import {
  type RunningRelay,
  type StartRelayOptions,
  startRelay as startOn,
} from '../relay/server-node.ts'

export { allowAll, allowOnly } from '../relay/allow.ts'
export { createRelay, type Relay, type RelayOptions } from '../relay/relay.ts'
export { RELAY_LIMITS, type RelayLimits } from '../relay/relay-limits.ts'
export { RELAY_PORT, type RunningRelay } from '../relay/server-node.ts'

export type RelayServerOptions = Omit<StartRelayOptions, 'runtime'>

/** Listens on 127.0.0.1 unless `host` says otherwise; then `allow` must be given. */
export function startRelay(options: RelayServerOptions): Promise<RunningRelay> {
  return startOn({ ...options, runtime: createNodeHost() })
}
