/** Takes the kernel's bytes only when they are the recorded ones, and compiles them.
 *  Keeps: a binary that is not ours is refused, always; an engine that cannot run ours gets the plain kernel,
 *  which says why; one that may compile nothing at all is refused, since SQLite could not run there either.
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
    // The bytes are ours, so what failed is the engine: no vectors, or no WASM at all.
    if (!canCompile()) throw forbidden(error)
    return createDefaultKernel(error instanceof Error ? error.message : String(error))
  }
}

/** SHA-256 by the platform, because the hash of its own is in these bytes. */
async function hashOfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page that is no secure context has none, whatever the types say; it has no storage either.
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto }
  if (subtle === undefined) throw insecure()
  return formatHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
}

export function kernelFromModule(module: WebAssembly.Module, random: RandomBytes): Kernel {
  const [id] = WebAssembly.Module.customSections(module, KERNEL_ID_SECTION)
  const found = id === undefined ? 'no name of a build' : formatHex(new Uint8Array(id))
  if (found !== KERNEL_ID) throw refused(found)
  return createKernel(module, random)
}

/** Known by trying: engines word their refusals in ways of their own. */
function canCompile(): boolean {
  try {
    return new WebAssembly.Module(EMPTY_MODULE) !== undefined
  } catch {
    return false
  }
}

/** WASM's magic and version. */
const EMPTY_MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)

function forbidden(cause: unknown): ConstelliteError {
  const isMissing = typeof WebAssembly === 'undefined'
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: isMissing
      ? 'There is no WebAssembly here, which SQLite needs.'
      : 'WebAssembly may not be compiled here, which SQLite needs: the Content Security Policy forbids it.',
    hint: isMissing
      ? 'Allow it for this site (a lockdown mode turns it off), or use another browser.'
      : "Add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy with which the page and the worker's script are served: script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
    retry: 'never',
    cause,
  })
}

function insecure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message:
      'This page is no secure context: browsers give it neither storage of its own nor keys.',
    hint: 'Serve it over https, or open it from localhost; by the address of this machine in its network, as from a phone, it needs https too.',
    retry: 'never',
  })
}

function refused(found: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrChecksum',
    message: 'kernel.wasm is not the one that this version of Constellite was built with.',
    hint: 'Serve the kernel.wasm of the same package, unchanged.',
    facts: { found, expected: KERNEL_SHA256 },
  })
}
