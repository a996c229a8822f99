/** Device: named files of one database on one platform's storage, behind six verbs.
 *  Keeps: exclusive ownership is taken before the first read and is freed by a crash or kill;
 *  `sync` resolves only when what was written before it survives power loss, or `durable` is false.
 *  Never: falls back to another kind of storage; never reads or writes without owning.
 *  Fault model: sectors of an unsynced write persist in any subset and order; bytes outside a
 *  written range are never harmed (SQLite's POWERSAFE_OVERWRITE); a size may persist without its
 *  bytes, which are then zeros; a file never synced may be missing, a removed one may come back;
 *  after a failed `sync` nothing written since the last good one can be relied on, even when a later
 *  `sync` succeeds.  `createFaultyDisk` injects all of it; `deviceCases` checks the rest. */

export type StorageKind = 'memory' | 'node-fs' | 'opfs' | 'indexeddb' | 'durable-object'

export type DeviceFile = {
  /** Size in bytes. */
  size(): number
  /** Fills `into` from offset `at`; answers how many bytes there were (fewer only at the end). */
  read(at: number, into: Uint8Array): number
  /** Writes all of `bytes` at `at`, growing the file with zeros where needed.  Throws ErrQuota or
   *  ErrStorage; a short write is completed or reported, never hidden. */
  write(at: number, bytes: Uint8Array): void
  /** Sets the size; bytes beyond the old one are zeros. */
  truncate(sizeBytes: number): void
  /** Resolves (or returns) when everything written before, and the file's name, survives power loss. */
  sync(): void | Promise<void>
  /** Closing twice is harmless; everything else on a closed file throws ErrClosed. */
  close(): void
}

/** Misuse (before `acquire`, an open name opened or removed, a bad offset) throws AssertionError. */
export type Device = {
  readonly kind: StorageKind
  /** True when `sync` promises survival of power loss. */
  readonly durable: boolean
  /** Rows written since it was made, where each is billed. */
  readonly rowsWritten?: number
  /** Why it is this kind, or why it is not durable; '' when there is nothing to say. */
  readonly reason: string
  /** Takes exclusive ownership; rejects with ErrInUse (facts: who, since in milliseconds
   *  since the epoch, null when the owner could not be asked) when another has it.  It may be tried
   *  again then.  Once taken, losing it makes every change throw ErrInUse. */
  acquire(): Promise<void>
  /** Names of the files that exist, sorted. */
  list(): Promise<readonly string[]>
  /** Resolves with what measures all files at the moment of the call, in bytes by name: open ones as they are,
   *  others as they were found. */
  sizes(): Promise<() => ReadonlyMap<string, number>>
  /** Opens every named file (made when missing), handles first, so that reading and writing can be
   *  synchronous afterwards.  May be called again for more names.  A name is 1 to 64 of a-z, 0-9,
   *  dot, underscore and hyphen, begins with a letter or digit, and is neither "owner" nor begins
   *  with "owner-". */
  open(names: readonly string[]): Promise<readonly DeviceFile[]>
  /** Removes closed files; names that do not exist are skipped. */
  remove(names: readonly string[]): Promise<void>
  /** Closes all files and gives ownership back.  The device cannot be used again. */
  close(): Promise<void>
}
