/** Page store: the committed pages of one copy, as versions over a page file.
 *  A *version* counts commits and applies since open; readers pin one and see a stable snapshot.
 *  Keeps: images are immutable once committed; a page at or below the page count that nobody wrote is
 *  zeros; an image leaves memory only when the page file holds it durably and no pin needs an older one.
 *  Never: writes the log; the shard does that before it calls `commit`. */

import type { DeviceFile } from '../storage/device.ts'

/** A plain number, not a Seq: it starts at 0 at every open. */
export type Version = number

export type PageChanges = ReadonlyMap<number, Uint8Array>

export type PageStore = {
  /** Bytes of a page; 0 while the database has none. */
  readonly pageSize: number
  readonly version: Version
  pageCount(version: Version): number
  /** Copies bytes of page `pgno` from `offset` into `target`, as of `version`; false above its count. */
  read(pgno: number, version: Version, target: Uint8Array, offset: number): boolean
  /** The whole page as of the newest version.  Not to be written to. */
  image(pgno: number): Uint8Array
  /** Readers: `pin` answers the newest version.  Throws ErrSnapshotTooOld on `read` past the limit. */
  pin(): Version
  unpin(version: Version): void
  /** Makes a new version.  `changes` are owned by the store from here on. */
  commit(changes: PageChanges, pageCount: number, pageSize: number): Version
  /** Pages that the page file does not hold yet. */
  dirtyPages(): readonly number[]
  readonly dirtyBytes: number
  /** Writes every dirty image in place, truncates to the page count and syncs. */
  checkpoint(): Promise<void>
  /** Goes on over another page file (an installed snapshot), all versions forgotten. */
  replace(file: DeviceFile, pageSize: number, pageCount: number): void
}
