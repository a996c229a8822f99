/** Takes the kernel's bytes only when they are the recorded ones, and compiles them.
 *  Keeps: a binary that is not ours is refused, always; an engine that cannot run ours gets the plain kernel,
 *  which says why.
 *  Where a module comes compiled (workerd) its bytes cannot be seen: there the name of the build, which the
 *  binary carries, is compared, and the bytes are the bundler's responsibility. */

import { ConstelliteError } from '../base/failure.ts'
import { formatHex } from '../bytes/text.ts'
import { createKernel } from './kernel.ts'
import { KERNEL_BYTES, KERNEL_ID, KERNEL_ID_SECTION, KERNEL_SHA256 } from './kernel-build.ts'
import { createDefaultKernel } from './kernel-default.ts'
import type { Kernel, RandomBytes } from './kernel-interface.ts'

export async function kernelFromBytes(
  bytes: Uint8Array<ArrayBuffer>,
  random: RandomBytes,
): Promise<Kernel> {
  if (bytes.byteLength !== KERNEL_BYTES) throw refused(`${bytes.byteLength} bytes`)
  const hash = await hashOfBytes(bytes)
  if (hash !== KERNEL_SHA256) throw refused(hash)
  try {
    return createKernel(await WebAssembly.compile(bytes), random)
  } catch (error) {
    // The bytes are ours, so what failed is the engine: no WASM, none of its vectors, or a policy.
    return createDefaultKernel(error instanceof Error ? error.message : String(error))
  }
}

/** SHA-256 by the platform, because the hash of its own is in these bytes. */
async function hashOfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page that is no secure context has none, whatever the types say; it has no storage either.
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto }
  if (subtle === undefined) throw refused('not checked: no secure context')
  return formatHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
}

export function kernelFromModule(module: WebAssembly.Module, random: RandomBytes): Kernel {
  const [id] = WebAssembly.Module.customSections(module, KERNEL_ID_SECTION)
  const found = id === undefined ? 'no name of a build' : formatHex(new Uint8Array(id))
  if (found !== KERNEL_ID) throw refused(found)
  return createKernel(module, random)
}

function refused(found: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrChecksum',
    message: 'kernel.wasm is not the one that this version of Constellite was built with.',
    hint: 'Serve the kernel.wasm of the same package, unchanged.',
    facts: { found, expected: KERNEL_SHA256 },
  })
}
