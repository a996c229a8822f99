/** Page tree: the Merkle tree over all pages whose root a seal signs (FORMATS §9).
 *  Keeps: incremental root = root of full recomputation. */

export type PageTree = {
  readonly pageCount: number
  /** Notes changed images and the new count; hashing waits until a root is asked for. */
  advance(changes: ReadonlyMap<number, Uint8Array>, pageCount: number, pageSize: number): void
  root(): Uint8Array
  /** The root after these changes, leaving the tree as it is. */
  preview(changes: ReadonlyMap<number, Uint8Array>, pageCount: number, pageSize: number): Uint8Array
  leaf(pgno: number): Uint8Array
}
