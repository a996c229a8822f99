/** Records of the log (FORMATS §10): what a group's body holds, as values.
 *  This file has the types and codecs; group framing is in group.ts, files in segment.ts. */

import type { Hlc, Position, Seq } from '../base/ids.ts'
import type { Frame } from '../frame/frame.ts'
import type { Seal } from '../frame/seal.ts'

/** Where a record stands: group number, index inside the group. */
export type RecordPlace = { readonly group: bigint; readonly index: number }

export type WalRecord =
  | { readonly type: 'frames'; readonly frames: readonly Frame[] }
  /** For the newest frame before it. */
  | { readonly type: 'seal'; readonly seal: Seal }
  | { readonly type: 'start'; readonly mark: StartMark }
  | { readonly type: 'requests'; readonly requests: readonly RequestId[] }
  | {
      readonly type: 'images'
      /** These images hold every frame up to and including the record at this place. */
      readonly asOf: RecordPlace
      readonly file: 'pages' | 'leaves'
      readonly pages: readonly { readonly pgno: number; readonly bytes: Uint8Array }[]
    }

export type RequestId = { readonly id: Uint8Array; readonly seq: Seq }

/** First record of every segment: all that a start needs without reading what is before it.
 *  The page file, with this segment replayed over it, is the database. */
export type StartMark = {
  readonly shard: Uint8Array
  readonly mode: 'ordered' | 'causal'
  /** Public key of this copy's author. */
  readonly ownAuthor: Uint8Array
  readonly owner: number
  readonly hlc: Hlc
  readonly position: Position
  readonly epoch: bigint
  /** 0 while the database has no page. */
  readonly pageSize: number
  readonly pageCount: number
  readonly autoVacuum: number
  /** The newest seal at or before `position`, if any. */
  readonly seal: Seal | undefined
  /** Genesis and every hand-over so far, as whole frames. */
  readonly authority: readonly Frame[]
  /** State of the newest installed import or snapshot, if any. */
  readonly installed: { readonly position: Position; readonly root: Uint8Array } | undefined
  readonly requests: readonly RequestId[]
  /** Newest seq that each named holder has released. */
  readonly holders: readonly { readonly name: string; readonly seq: Seq }[]
  /** Name of the page file this start builds on. */
  readonly pageFile: string
}
