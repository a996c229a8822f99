/** Messages between the windows that show a database and the worker that runs it, about frames and the connect
 *  switch; the database itself speaks over ports of its own.  Everything is plain data. */

export type FrameKind = 'pages' | 'effects' | 'entry' | 'control' | 'snapshot'

/** One frame of the chain, as this copy holds it; a snapshot stands for all frames up to its seq. */
export type FrameNote = {
  readonly seq: bigint
  readonly kind: FrameKind
  /** Where it came from: written here, applied from a relay, installed as a snapshot, or read from this
   *  copy's own log when it was opened. */
  readonly origin: 'local' | 'applied' | 'installed' | 'log'
  /** Undefined for a snapshot. */
  readonly sizeBytes: number | undefined
  /** Hex. */
  readonly author: string | undefined
  readonly checksum: string
  /** The checksum was recomputed from the frame and found right, and the frame names the one before it. */
  readonly isChained: boolean
}

/** A signature over everything up to `seq`. */
export type SealNote = {
  readonly seq: bigint
  /** The state root that it signs, hex. */
  readonly root: string
  readonly author: string
  /** The signature was checked here. */
  readonly isGood: boolean
}

export type FromWorker =
  /** The worker listens: it wants to know how the switch stands. */
  | { readonly type: 'hello' }
  | {
      readonly type: 'notes'
      readonly frames: readonly FrameNote[]
      readonly seals: readonly SealNote[]
    }

/** The other windows hear it too, and stand by the switch. */
export type ToWorker =
  /** A window has come: it wants to know the frames that are there, and how the switch stands. */
  { readonly type: 'look' } | { readonly type: 'switch'; readonly isOnline: boolean }

/** Windows and worker of one database meet here. */
export function channelName(database: string): string {
  return `constellite demo ${database}`
}
