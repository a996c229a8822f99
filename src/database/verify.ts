/** Verify: the shard's own recomputation, and what others have signed for, as a report for people. */

import { formatHex } from '../bytes/text.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import type { VerifyReport } from './types.ts'

const NO_FRAMES: VerifyReport['frames'] = { first: undefined, last: undefined, broken: undefined }

export async function reportVerify(
  shard: Pick<Shard, 'verify' | 'role' | 'head'>,
  sync: Pick<Sync, 'anchored'> | undefined,
): Promise<VerifyReport> {
  const { pages, root, chain, sealed, unsealed } = await shard.verify()
  const anchoredSeq = sync?.anchored?.seq
  return {
    ok: pages === 'match' && chain.broken === undefined,
    pages,
    root: formatHex(root),
    frames: chain.last === 0n ? NO_FRAMES : chain,
    sealedSeq: sealed,
    unsealed,
    anchoredSeq,
    unanchored: unanchoredText(shard, anchoredSeq),
  }
}

/** Receipts are counted anew at every opening. */
function unanchoredText(
  { role, head }: Pick<Shard, 'role' | 'head'>,
  anchoredSeq: bigint | undefined,
): string {
  if (role === 'follower') {
    return 'Everything stands on the signature of its writer; no witness has signed yet.'
  }
  if (anchoredSeq === undefined) {
    return 'No relay has signed a receipt since this opening: everything stands on the signature of this copy.'
  }
  if (anchoredSeq >= head.seq) return 'Nothing: a relay has signed for the newest frame.'
  return `Frames ${anchoredSeq + 1n} to ${head.seq}: no relay has signed a receipt for them yet.`
}
