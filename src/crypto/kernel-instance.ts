/** One instance of the kernels and the memory it works in (contract: wasm/README.md).
 *  Keeps: code is position-independent, so the memory is its own or another module's (SQLite's heap); what
 *  `keep` gave stays, what `scratch` gave lasts until the next call of it.
 *  Never: hands a view to anybody but the wrapper's own files, which drop it before they return. */

import { assert } from '../base/assert.ts'

/** The exports of wasm/src; places and sizes are numbers of bytes. */
export type KernelExports = {
  blake3(
    key: number,
    flags: number,
    input: number,
    size: number,
    out: number,
    outSize: number,
  ): void
  blake3_many(
    key: number,
    flags: number,
    input: number,
    size: number,
    count: number,
    out: number,
  ): void
  blake3_hasher_size(): number
  blake3_start(hasher: number, key: number, flags: number): void
  blake3_update(hasher: number, input: number, size: number): void
  blake3_finish(hasher: number, out: number, outSize: number): void
  crc32_prepare(): void
  crc32(input: number, size: number, seed: number): number
  crc32c(input: number, size: number, seed: number): number
  delta_runs(oldPage: number, newPage: number, size: number, out: number): number
  delta_encode(pages: number, size: number, out: number): number
  delta_apply(pages: number, size: number, encoding: number, delta: number, length: number): number
  ed25519_tables_size(): number
  ed25519_prepare(tables: number): void
  ed25519_public_key(tables: number, seed: number, publicKey: number): void
  ed25519_sign(tables: number, seed: number, message: number, size: number, signature: number): void
  ed25519_is_weak(publicKey: number): number
  ed25519_verify(
    tables: number,
    signature: number,
    publicKey: number,
    message: number,
    size: number,
  ): number
  ed25519_key_table_size(): number
  ed25519_key_prepare(publicKey: number, table: number): number
  ed25519_verify_known(
    tables: number,
    table: number,
    signature: number,
    publicKey: number,
    message: number,
    size: number,
  ): number
  ed25519_batch_scratch_size(count: number, keys: number): number
  ed25519_verify_batch(
    tables: number,
    items: number,
    count: number,
    keys: number,
    keyCount: number,
    coefficients: number,
    scratch: number,
  ): number
}

export type KernelInstance = {
  readonly run: KernelExports
  /** All of the memory.  Ask again after `keep` or `scratch`, which may move it. */
  bytes(): Uint8Array
  /** Room that stays, at a multiple of 16. */
  keep(sizeBytes: number): number
  /** Room that lasts until the next call of this or of `keep`, at a multiple of 16. */
  scratch(sizeBytes: number): number
}

/** The memory of another module, and how to be given a part of it that stays. */
export type GuestMemory = {
  readonly memory: WebAssembly.Memory
  allocate(sizeBytes: number): number
}

export type Attached = { readonly run: KernelExports }

const PAGE_BYTES = 65536
/** The deepest call is a batch: 128 buckets of 160 bytes and their helpers. */
const STACK_BYTES = 65536
/** Own memory: 256 MiB, far beyond what the limits of the wrapper let anything ask for. */
const PAGES_MAX = 4096

/** An instance in a memory of its own.  The stack lies lowest: running over it traps instead of writing
 *  into something else. */
export function createKernelInstance(module: WebAssembly.Module): KernelInstance {
  const base = STACK_BYTES
  let top = align(base + staticBytesOf(module))
  const memory = new WebAssembly.Memory({
    initial: Math.ceil(top / PAGE_BYTES) + 1,
    maximum: PAGES_MAX,
  })
  const run = instantiate(module, memory, base, STACK_BYTES)
  let view = new Uint8Array(memory.buffer)
  const reach = (end: number): void => {
    if (end <= view.byteLength) return
    memory.grow(Math.ceil((end - view.byteLength) / PAGE_BYTES))
    view = new Uint8Array(memory.buffer)
  }
  return {
    run,
    bytes: () => view,
    keep(sizeBytes) {
      const place = top
      reach(place + sizeBytes)
      top = align(place + sizeBytes)
      return place
    },
    scratch(sizeBytes) {
      reach(top + sizeBytes)
      return top
    },
  }
}

/** The same code inside another module's memory, where the caller has places of its own: no copies.  Its
 *  tables of signatures need room too, so only hashing, checksums and deltas are meant for this. */
export function attachKernel(module: WebAssembly.Module, guest: GuestMemory): Attached {
  const place = guest.allocate(STACK_BYTES + staticBytesOf(module) + 32)
  assert(place > 0, 'the other module gave room')
  const stackTop = align(place + STACK_BYTES)
  const run = instantiate(module, guest.memory, stackTop, stackTop)
  run.crc32_prepare()
  return { run }
}

function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  base: number,
  stackTop: number,
): KernelExports {
  const constant = (value: number): WebAssembly.Global =>
    new WebAssembly.Global({ value: 'i32', mutable: false }, value)
  const { exports } = new WebAssembly.Instance(module, {
    env: {
      memory,
      __memory_base: constant(base),
      __table_base: constant(0),
      __stack_pointer: new WebAssembly.Global({ value: 'i32', mutable: true }, stackTop),
      __indirect_function_table: new WebAssembly.Table({ initial: 0, element: 'anyfunc' }),
    },
  })
  const relocate = exports['__wasm_apply_data_relocs']
  if (typeof relocate === 'function') relocate()
  // The binary's hash was checked: its exports are the ones that `KernelExports` lists.
  return exports as unknown as KernelExports
}

/** The first entry of the section `dylink.0` (WebAssembly tool conventions, "Dynamic linking"): a kind, a
 *  size, then the size of static memory. */
function staticBytesOf(module: WebAssembly.Module): number {
  const [section] = WebAssembly.Module.customSections(module, 'dylink.0')
  assert(section !== undefined, 'the kernel is position-independent')
  const bytes = new Uint8Array(section)
  assert(bytes[0] === 1, 'the memory of the kernel comes first')
  let size = 0
  for (let at = 2, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at] as number
    size |= (byte & 0x7f) << shift
    if (byte < 0x80) return size
  }
}

function align(place: number): number {
  return (place + 15) & ~15
}
