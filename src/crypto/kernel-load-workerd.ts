/** The kernel in workerd, which compiles modules only from static imports.
 *  Never: runs at import; the first call makes it. */

import kernelModule from './kernel.wasm'
import { kernelFromModule } from './kernel-check.ts'
import type { Kernel } from './kernel-interface.ts'

let loaded: Kernel | undefined

/** The kernel of this isolate, one for all who ask. */
export async function loadKernel(): Promise<Kernel> {
  loaded ??= kernelFromModule(kernelModule, (sizeBytes) =>
    crypto.getRandomValues(new Uint8Array(sizeBytes)),
  )
  return loaded
}
