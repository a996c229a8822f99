/** What differs between the platforms that run the conformance suite; the project's alias `#place` picks one
 *  of the files beside this one. */

export type Place = {
  /** Storage that `status` must report here. */
  readonly storageKind: 'node-fs' | 'opfs' | 'indexeddb' | 'durable-object'
  /** Whether the platform estimates what the whole site takes. */
  readonly isSiteMeasured: boolean
  /** Whether several may have one database open: the windows of a browser. */
  readonly isShared: boolean
  /** A name of a database that does not exist yet. */
  freshName(label: string): string
  /** Opens `name` from another process or window and answers how that went. */
  openElsewhere(name: string): Promise<Elsewhere>
  /** Bytes of an exported file. */
  bytesOf(file: { arrayBuffer(): Promise<ArrayBuffer> }): Promise<Uint8Array>
}

export type Elsewhere =
  | { readonly opened: true }
  | { readonly opened: false; readonly code: string; readonly facts: Record<string, unknown> }
