/** Loads the kernel from the file beside this module: Node, Deno and Bun.
 *  Never: runs at import; the first call loads. */

import { getRandomValues } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { kernelFromBytes } from './kernel-check.ts'
import type { Kernel, RandomBytes } from './kernel-interface.ts'

let loaded: Promise<Kernel> | undefined

/** The kernel of this realm, one for all who ask. */
export function loadKernel(): Promise<Kernel> {
  loaded ??= loadKernelNode((sizeBytes) => getRandomValues(new Uint8Array(sizeBytes)))
  return loaded
}

/** A kernel of one's own. */
export async function loadKernelNode(random: RandomBytes): Promise<Kernel> {
  const bytes = await readFile(new URL('./kernel.wasm', import.meta.url))
  return kernelFromBytes(new Uint8Array(bytes), random)
}
