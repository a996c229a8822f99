/** Loads the kernel from a URL: browsers, pages and workers alike.
 *  Never: runs at import; the first call loads. */

import { ConstelliteError } from '../base/failure.ts'
import { kernelFromBytes } from './kernel-check.ts'
import type { Kernel, RandomBytes } from './kernel-interface.ts'

let loaded: Promise<Kernel> | undefined

/** The kernel of this realm, one for all who ask.  `url` says where kernel.wasm is when it is not beside the
 *  module that was built. */
export function loadKernel(url?: string): Promise<Kernel> {
  loaded ??= loadKernelBrowser(url ?? new URL('./kernel.wasm', import.meta.url).href, (sizeBytes) =>
    crypto.getRandomValues(new Uint8Array(sizeBytes)),
  ).catch((error: unknown) => {
    // The next call may find the file.
    loaded = undefined
    throw error
  })
  return loaded
}

/** A kernel of one's own. */
export async function loadKernelBrowser(url: string, random: RandomBytes): Promise<Kernel> {
  const response = await fetch(url).catch((error: unknown) => {
    throw unreachable(url, 'no answer', error)
  })
  if (!response.ok) throw unreachable(url, `status ${response.status}`, undefined)
  return kernelFromBytes(new Uint8Array(await response.arrayBuffer()), random)
}

function unreachable(url: string, answer: string, cause: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: `The kernel could not be loaded from ${url}: ${answer}.`,
    hint: 'Serve kernel.wasm beside the module, or pass its address as kernelUrl; connect-src of a Content-Security-Policy must allow it.',
    facts: { url: url },
    retry: 'later',
    cause,
  })
}
