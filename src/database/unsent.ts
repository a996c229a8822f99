/** Unsent: what an opening without relays does with frames that the relays of an earlier one have not
 *  acknowledged.  Another copy may have written with the same key meanwhile, and only these frames show it.
 *  Keeps: they stay while the log is short, so that a database that publishes no more is not filled by them.
 *  Beyond that they go, and with them the proof: such a copy shows its head alone (publish-adopt.ts), which
 *  proves a fork where the relay has another frame there, or has come right below it.  To keep a stub of each
 *  would cost 45 bytes a frame without end, for copies that were written at length beside each other. */

import type { Shard } from '../shard/shard.ts'

/** A quarter of the log's cap; it is read once more at every open. */
export const UNSENT_BYTES_MAX = 16_777_216

export function letGoOfMany(shard: Pick<Shard, 'logUse' | 'onAdvance' | 'keepHolders'>): void {
  const look = (): void => {
    if (shard.logUse.sizeBytes <= UNSENT_BYTES_MAX) return
    // It fails only when the log does, which the shard tells by itself.
    shard.keepHolders([]).catch(() => undefined)
  }
  shard.onAdvance(look)
  look()
}
