/** Envelope: one message between peers: type u8, length u32, body (FORMATS §13).  Types and codec.
 *  Keeps: bodies over 1 MiB travel as parts; every length has a limit. */

import type { Position, Seq } from '../base/ids.ts'
import type { Frame } from '../frame/frame.ts'
import type { Receipt } from '../frame/receipt.ts'

export type Envelope =
  /** Positions that the sender holds of a shard, by author; `first` is the lowest seq that it can serve
   *  as frames (0: none). */
  | {
      readonly type: 'heads'
      readonly shard: Uint8Array
      readonly heads: readonly { readonly author: Uint8Array; readonly position: Position }[]
      readonly first: Seq
    }
  | { readonly type: 'authority'; readonly shard: Uint8Array; readonly frames: readonly Frame[] }
  /** Asks for runs from `from` on; `to` undefined means live: go on as they come. */
  | {
      readonly type: 'want'
      readonly shard: Uint8Array
      readonly author: Uint8Array
      readonly from: Seq
      readonly to: Seq | undefined
    }
  /** An encoded sealed run; decoded and checked by the receiver, which knows the author's right. */
  | { readonly type: 'run'; readonly bytes: Uint8Array }
  | { readonly type: 'receipt'; readonly receipt: Receipt }
  | { readonly type: 'want-snapshot'; readonly shard: Uint8Array; readonly seqMin: Seq }
  /** One piece of a snapshot stream, in order; `last` ends it. */
  | {
      readonly type: 'snapshot'
      readonly shard: Uint8Array
      readonly index: number
      readonly last: boolean
      readonly bytes: Uint8Array
    }
  | { readonly type: 'error'; readonly code: string; readonly text: string }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
