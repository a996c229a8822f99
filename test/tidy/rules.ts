/** The rules of the tidy test, in the order in which they are applied. */

import { allowlist } from './allowlist.ts'
import { clocks } from './rules/clocks.ts'
import { cycles } from './rules/cycles.ts'
import { importOrder } from './rules/import-order.ts'
import { links } from './rules/links.ts'
import { lockfile } from './rules/lockfile.ts'
import { platform } from './rules/platform.ts'
import { createSizesRule } from './rules/sizes.ts'
import { skips } from './rules/skips.ts'
import { unreferenced } from './rules/unreferenced.ts'
import { unusedExports } from './rules/unused-exports.ts'
import { workerReach } from './rules/worker-reach.ts'
import type { Rule } from './source.ts'

export const rules: readonly Rule[] = [
  importOrder,
  cycles,
  platform,
  clocks,
  workerReach,
  createSizesRule(allowlist),
  unreferenced,
  links,
  lockfile,
  skips,
  unusedExports,
]
