/** Every decoder that is fuzzed. */

import type { Target } from './target.ts'
import { cryptoTargets } from './targets/crypto.ts'
import { fileTargets } from './targets/files.ts'
import { frameTargets } from './targets/frame.ts'
import { logTargets } from './targets/log.ts'
import { pagesTargets } from './targets/pages.ts'
import { relayTargets } from './targets/relay.ts'
import { transportTargets } from './targets/transport.ts'

export const TARGETS: readonly Target[] = [
  ...frameTargets,
  ...logTargets,
  ...pagesTargets,
  ...transportTargets,
  ...relayTargets,
  ...cryptoTargets,
  ...fileTargets,
]
