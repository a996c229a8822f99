/** Verify: the shard's own recomputation as a report for people. */

import { formatHex } from '../bytes/text.ts'
import type { Shard } from '../shard/shard.ts'
import type { VerifyReport } from './types.ts'

const NO_FRAMES: VerifyReport['frames'] = { first: undefined, last: undefined, broken: undefined }

export async function reportVerify(shard: Pick<Shard, 'verify' | 'role'>): Promise<VerifyReport> {
  const { pages, root, chain, sealed, unsealed } = await shard.verify()
  return {
    ok: pages === 'match' && chain.broken === undefined,
    pages,
    root: formatHex(root),
    frames: chain.last === 0n ? NO_FRAMES : chain,
    sealedSeq: sealed,
    unsealed,
    anchoredSeq: undefined,
    unanchored:
      shard.role === 'writer'
        ? 'Receipts of others are not kept by this copy yet: everything stands on its own signature.'
        : 'Everything stands on the signature of its writer; no witness has signed yet.',
  }
}
