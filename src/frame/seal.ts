/** Seal: the author's signature over its newest flushed head and the state root after it (FORMATS §5).
 *  Through the chain it covers every frame of that author up to `seq`. */

import type { Seq } from '../base/ids.ts'

export type Seal = {
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly seq: Seq
  readonly checksum: Uint8Array
  /** 32 zero bytes when the frame has flag `continues`. */
  readonly root: Uint8Array
  readonly signature: Uint8Array
}
