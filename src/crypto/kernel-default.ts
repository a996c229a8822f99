/** Which kernel stands in where no WASM kernel was loaded or none can run: the plain one.
 *  The build leaves it out of the browser's ordinary worker, which the page starts only where the WASM kernel
 *  can run (scripts/build.ts). */

import type { Kernel } from './kernel-interface.ts'
import { createPlainKernel } from './kernel-plain.ts'

export function createDefaultKernel(reason: string): Kernel {
  return createPlainKernel(reason)
}
