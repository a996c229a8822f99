/** The kernels, typed: BLAKE3, CRC-32 and CRC-32C, Ed25519, page deltas (C sources in wasm/).
 *  Keeps: input is copied in and results are copied out, so no view of kernel memory leaves, and a call is
 *  over before the next begins; the plain kernel gives the same results byte for byte.
 *  Never: promises constant time for signing beyond what wasm/README.md says. */

import { createBlake3 } from './kernel-blake3.ts'
import { createCrc } from './kernel-crc.ts'
import { createDelta } from './kernel-delta.ts'
import { createEd25519 } from './kernel-ed25519.ts'
import { createKernelInstance } from './kernel-instance.ts'
import type { Kernel, RandomBytes } from './kernel-interface.ts'

export function createKernel(module: WebAssembly.Module, random: RandomBytes): Kernel {
  const instance = createKernelInstance(module)
  return {
    kind: 'wasm',
    reason: undefined,
    ...createBlake3(instance),
    ...createCrc(instance),
    ed25519: createEd25519(instance, random),
    delta: createDelta(instance),
  }
}
