/** The kernel of this realm, for all rooms: hashing has no handle to pass around, and one is enough, since
 *  every kernel gives the same results.
 *  Keeps: the platform's composition puts one in before the first database opens; until then, and in tests,
 *  it is the plain one. */

import { createDefaultKernel } from './kernel-default.ts'
import type { Kernel } from './kernel-interface.ts'

let current: Kernel | undefined

export function useKernel(kernel: Kernel): void {
  current = kernel
}

export function currentKernel(): Kernel {
  current ??= createDefaultKernel('No other kernel was loaded yet.')
  return current
}
