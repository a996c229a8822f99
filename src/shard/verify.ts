/** Verify: recompute everything that this copy can prove about itself.
 *  Pages: every page of the newest sealed state is read and hashed again, and the root compared with the
 *  seal's.  Chain: the frames that the log still has are read back; reading recomputes their checksums.
 *  What is older is covered by the seal through the chain, not by its bytes. */

import { nextSeq, type Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { verifySeal } from '../frame/seal.ts'
import { rebuildPageTree } from '../pages/rebuild.ts'
import { flushShard } from './flush.ts'
import { sealDurableHead } from './seal-head.ts'
import type { VerifyReport } from './shard.ts'
import type { ShardState } from './state.ts'

/** Payload read back in one go. */
const READ_BYTES = 4_194_304

export async function verifyShard(
  state: ShardState,
  onProgress: (fraction: number) => void = () => {},
): Promise<VerifyReport> {
  if (state.halted === undefined && state.role === 'writer') {
    await flushShard(state)
    await sealDurableHead(state)
  }
  const { pages } = state
  const seal = state.newestSeal
  const expected = seal !== undefined && seal.seq === state.head.seq ? seal.root : state.tree.root()
  const isSigned = seal === undefined || verifySeal(seal)
  const version = pages.pin()
  try {
    const { pageSize } = pages
    const pageCount = pages.pageCount(version)
    const tree = await rebuildPageTree({
      pageCount,
      pageSize,
      host: state.host,
      onProgress: (done, count) => onProgress(done / count),
      readPage: (pgno, target) => pages.read(pgno, version, target, 0),
    })
    const root = tree.root()
    return {
      pages: isSigned && equalBytes(root, expected) ? 'match' : 'differ',
      root,
      chain: checkChain(state),
      sealed: (seal?.seq ?? 0n) as Seq,
      unsealed: Number(state.head.seq - (seal?.seq ?? 0n)),
    }
  } finally {
    pages.unpin(version)
  }
}

/** Reads the sealed frames back run by run; reading recomputes digests and checksums. */
function checkChain(state: ShardState): VerifyReport['chain'] {
  const range = state.wal.range()
  if (range === undefined) return { first: 0n as Seq, last: 0n as Seq, broken: undefined }
  const last = lastSealed(state, range.last)
  let prev: Uint8Array | undefined
  for (let seq = range.first; seq <= last; ) {
    const run = state.wal.readRun(seq, READ_BYTES)
    if (run === undefined) return { ...range, broken: seq }
    if (prev !== undefined && !equalBytes(run.prev, prev)) return { ...range, broken: seq }
    prev = run.seal.checksum
    seq = nextSeq(run.seal.seq)
  }
  return { ...range, broken: undefined }
}

function lastSealed(state: ShardState, last: Seq): Seq {
  const sealed = state.newestSeal?.seq ?? (0n as Seq)
  return sealed < last ? sealed : last
}
