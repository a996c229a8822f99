/** Device: named files of one database on one platform's storage, behind six verbs.
 *  Keeps: exclusive ownership is taken before the first read and is freed by a crash or kill;
 *  `sync` resolves only when what was written before it survives power loss, or `durable` is false.
 *  Never: falls back to another kind of storage; never reads or writes without owning.
 *  Fault model: sectors of an unsynced write persist in any subset and order; bytes outside a
 *  written range are never harmed (SQLite's POWERSAFE_OVERWRITE). */

export type StorageKind = 'memory' | 'node-fs' | 'opfs' | 'indexeddb' | 'durable-object'

export type DeviceFile = {
  /** Size in bytes. */
  size(): number
  /** Fills `into` from offset `at`; answers how many bytes there were (fewer only at the end). */
  read(at: number, into: Uint8Array): number
  /** Writes all of `bytes` at `at`, growing the file with zeros where needed.  Throws ErrQuota or
   *  ErrStorage; a short write is completed or reported, never hidden. */
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  /** Resolves (or returns) when everything written before survives power loss. */
  sync(): void | Promise<void>
  close(): void
}

export type Device = {
  readonly kind: StorageKind
  /** True when `sync` promises survival of power loss. */
  readonly durable: boolean
  /** Why it is this kind, or why it is not durable; '' when there is nothing to say. */
  readonly reason: string
  /** Takes exclusive ownership; rejects with ErrInUse (facts: who, since) when another has it. */
  acquire(): Promise<void>
  /** Names of the files that exist. */
  list(): Promise<readonly string[]>
  /** Opens every named file (made when missing), handles first, so that reading and writing can be
   *  synchronous afterwards.  May be called again for more names. */
  open(names: readonly string[]): Promise<readonly DeviceFile[]>
  /** Removes closed files; names that do not exist are skipped. */
  remove(names: readonly string[]): Promise<void>
  /** Closes all files and gives ownership back. */
  close(): Promise<void>
}
