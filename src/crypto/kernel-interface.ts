/** What a kernel offers, whether it is WASM or plain JavaScript.
 *  Keeps: results are copies of the caller's own; arguments are never changed, but for `out` and `into`. */

export type Kernel = Blake3 &
  Crc & {
    readonly kind: 'wasm' | 'plain'
    /** Why the kernel is plain JavaScript: the engine's own words.  Undefined for WASM. */
    readonly reason: string | undefined
    readonly ed25519: Ed25519
    readonly delta: Delta
  }

/** Cryptographically secure random bytes: `Host.random`. */
export type RandomBytes = (sizeBytes: number) => Uint8Array

export type KernelHasher = {
  update(bytes: Uint8Array): KernelHasher
  /** May be called more than once, and `update` after it. */
  digest(out?: Uint8Array): Uint8Array
}

/** None for the plain hash. */
export type HasherMode = { readonly key: Uint8Array } | { readonly context: string }

export type Blake3 = {
  /** Fills `out`, of any length, or makes 32 bytes. */
  blake3(bytes: Uint8Array, out?: Uint8Array): Uint8Array
  /** A key has 32 bytes. */
  blake3Keyed(key: Uint8Array, bytes: Uint8Array, out?: Uint8Array): Uint8Array
  /** Several parts count as one string. */
  blake3DeriveKey(context: string, ...parts: readonly Uint8Array[]): Uint8Array
  hasher(mode?: HasherMode): KernelHasher
  /** `blake3DeriveKey` of each page, 32 bytes each in their order.  Pages have one size: a power of two
   *  from 512 to 65536. */
  blake3Pages(context: string, pages: readonly Uint8Array[]): Uint8Array
  /** `blake3DeriveKey` of each 64 bytes: the inner nodes over pairs of nodes. */
  blake3Nodes(context: string, children: Uint8Array): Uint8Array
}

export type Crc = {
  /** `seed` is the checksum of what stands before these bytes. */
  crc32(bytes: Uint8Array, seed?: number): number
  crc32c(bytes: Uint8Array, seed?: number): number
}

export type DeltaEncoding = 'full' | 'runs' | 'lz4'

export type PageDelta = {
  readonly encoding: DeltaEncoding
  readonly bytes: Uint8Array
}

export type Delta = {
  /** Runs when they take 48 bytes or less, else the smallest of runs, LZ4 and the whole page; undefined
   *  when the pages are equal. */
  encode(oldPage: Uint8Array, newPage: Uint8Array): PageDelta | undefined
  /** Writes the new page into `into`.  False, and `into` untouched, when the delta is malformed. */
  apply(oldPage: Uint8Array, delta: PageDelta, into: Uint8Array): boolean
}

export type SignedMessage = {
  readonly signature: Uint8Array
  readonly message: Uint8Array
  readonly publicKey: Uint8Array
}

export type BatchResult = {
  readonly ok: boolean
  /** Indices of exactly those that do not verify, ascending. */
  readonly bad: readonly number[]
}

export type Ed25519 = {
  publicKey(seed: Uint8Array): Uint8Array
  sign(message: Uint8Array, seed: Uint8Array): Uint8Array
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  verifyBatch(items: readonly SignedMessage[]): BatchResult
  /** No point, not its canonical encoding, or of small order: to be refused when a key is enrolled. */
  isWeakPublicKey(publicKey: Uint8Array): boolean
}
