/** What a database says of its storage: the status of it, and the report of what takes how much room. */

export type StorageStatus = {
  readonly kind: 'memory' | 'node-fs' | 'opfs' | 'indexeddb' | 'durable-object'
  /** True when a write that resolved survives power loss. */
  readonly durable: boolean
  /** True when the platform has promised not to evict it. */
  readonly persisted: boolean
  /** Why it is so; '' when there is nothing to say. */
  readonly reason: string
  /** While there is no room: the last write was refused with ErrQuota, the first one at this wall clock time,
   *  and none has become durable since.  `hint` says what helps. */
  readonly full: { readonly sinceMs: number; readonly hint: string } | undefined
  /** Rows written since it was opened, where each is billed: in a Durable Object. */
  readonly rowsWritten: number | undefined
}

/** Everything in bytes; files as long as they are, measured at one moment. */
export type StorageReport = {
  /** Of the whole site, its other databases and caches included: the browser's own estimate.  Undefined where
   *  the platform tells nothing of the kind. */
  readonly site: { readonly usageBytes: number; readonly quotaBytes: number } | undefined
  /** All files of this database: the sum of what follows, without `memory`. */
  readonly totalBytes: number
  readonly log: {
    /** Its files, with the room in them that is kept for what comes. */
    readonly sizeBytes: number
    /** What of them is needed still, and what it may be at most: beyond, writes are refused with ErrWalFull. */
    readonly usedBytes: number
    readonly capBytes: number
    /** Who needs frames above `seq` and so keeps it from becoming shorter; undefined when nobody does. */
    readonly holder: { readonly name: string; readonly seq: bigint } | undefined
  }
  readonly pages: {
    /** The SQLite file, as far as checkpoints have got. */
    readonly sizeBytes: number
    /** Pages of it that hold nothing: what VACUUM gives back. */
    readonly freeBytes: number
  }
  /** Checksums of the pages. */
  readonly leavesBytes: number
  /** A snapshot or an import that is being taken in, which then takes the place of `pages`. */
  readonly snapshotBytes: number
  /** What a hand-over superseded and what a repair gave up: nobody removes it but `remove`. */
  readonly keptBytes: number
  /** What SQLite puts aside while it works, and keys where they are files beside it. */
  readonly otherBytes: number
  readonly memory: {
    /** Pages that were written and are not in their file yet, but in the log. */
    readonly dirtyBytes: number
    /** Records of the log that wait for the next flush. */
    readonly stagedBytes: number
  }
}
