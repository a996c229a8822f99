/** Receipt: a holder's signed word that it has a head (FORMATS §12). */

import type { Hlc, Seq } from '../base/ids.ts'

export type Receipt = {
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly seq: Seq
  readonly checksum: Uint8Array
  readonly hlc: Hlc
  readonly flags: { readonly durable: boolean; readonly archived: boolean; readonly fork: boolean }
  readonly holder: Uint8Array
  readonly signature: Uint8Array
}
