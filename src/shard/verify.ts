/** Verify: recompute everything that this copy can prove about itself.
 *  Pages: every page of the newest sealed state is read and hashed again, and the root compared with the
 *  seal's.  Chain: the frames that the log still has are read back; reading recomputes their checksums.
 *  Seals: each that the log still has must be signed by the author whom the chain names for its run.
 *  What is older is covered by the seal through the chain, not by its bytes. */

import { isFailure } from '../base/failure.ts'
import { nextSeq, type Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { checkRight } from '../frame/authority.ts'
import type { SealedRun } from '../frame/run.ts'
import { verifySeal } from '../frame/seal.ts'
import { rebuildPageTree } from '../pages/rebuild.ts'
import type { Version } from '../pages/store.ts'
import { flushShard } from './flush.ts'
import { sealDurableHead } from './seal-head.ts'
import type { VerifyReport } from './shard.ts'
import type { ShardState } from './state.ts'

/** Each costs a signature to check, and as many frames to read as it covers. */
const SEALS_PER_TURN = 64

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
      readPage: (pgno, target) => readAsItIs(state, pgno, version, target),
    })
    const root = tree.root()
    return {
      pages: isSigned && equalBytes(root, expected) ? 'match' : 'differ',
      root,
      ...(await checkChain(state)),
      sealed: (seal?.seq ?? 0n) as Seq,
      unsealed: Number(state.head.seq - (seal?.seq ?? 0n)),
    }
  } finally {
    pages.unpin(version)
  }
}

/** Reads the sealed frames back run by run; reading recomputes digests and checksums. */
async function checkChain(state: ShardState): Promise<Pick<VerifyReport, 'chain' | 'seals'>> {
  const range = state.wal.range()
  if (range === undefined) {
    const nothing = 0n as Seq
    return {
      chain: { first: nothing, last: nothing, broken: undefined },
      seals: { checked: 0, broken: undefined },
    }
  }
  const last = lastSealed(state, range.last)
  let checked = 0
  let prev: Uint8Array | undefined
  for (let seq = range.first; seq <= last; ) {
    if (checked % SEALS_PER_TURN === SEALS_PER_TURN - 1) {
      await new Promise<void>((resolve) => state.host.defer(resolve))
    }
    const run = readNextRun(state, seq)
    // Released while others had their turn, which says nothing against it.
    if (run === undefined && seq < (state.wal.range()?.first ?? 0n)) {
      seq = state.wal.range()?.first ?? nextSeq(last)
      prev = undefined
      continue
    }
    const isChained = run !== undefined && (prev === undefined || equalBytes(run.prev, prev))
    if (run === undefined || !isChained || !isRightlySealed(state, run)) {
      return {
        chain: { ...range, broken: seq },
        seals: { checked, broken: isChained ? run?.seal.seq : undefined },
      }
    }
    checked += 1
    prev = run.seal.checksum
    seq = nextSeq(run.seal.seq)
  }
  return { chain: { ...range, broken: undefined }, seals: { checked, broken: undefined } }
}

/** Up to the nearest seal, so that none is passed over. */
function readNextRun(state: ShardState, seq: Seq): SealedRun | undefined {
  try {
    return state.wal.readRun(seq, 1)
  } catch (error) {
    // Bytes that cannot be read are what a verification is there to report.
    if (isFailure(error, 'ErrCorrupt')) return undefined
    throw error
  }
}

/** Signed, and by the author whom genesis and hand-overs name for every frame of the run. */
function isRightlySealed({ authority }: ShardState, { firstSeq, seal }: SealedRun): boolean {
  if (authority === undefined) return false
  return checkRight(authority, { ...seal, firstSeq, lastSeq: seal.seq }).ok && verifySeal(seal)
}

function lastSealed(state: ShardState, last: Seq): Seq {
  const sealed = state.newestSeal?.seq ?? (0n as Seq)
  return sealed < last ? sealed : last
}

/** A page that its first read finds damaged makes the roots differ; it does not end the verification. */
function readAsItIs(state: ShardState, pgno: number, version: Version, target: Uint8Array): void {
  try {
    state.pages.read(pgno, version, target, 0)
  } catch (error) {
    if (!isFailure(error, 'ErrCorrupt')) throw error
    target.fill(DAMAGED_BYTE)
  }
}

/** No page of SQLite consists of these. */
const DAMAGED_BYTE = 0xee
