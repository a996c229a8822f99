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
import { findForgedSeal, type Seal, verifySeal } from '../frame/seal.ts'
import { rebuildPageTree } from '../pages/rebuild.ts'
import type { Version } from '../pages/store.ts'
import { flushShard } from './flush.ts'
import { sealDurableHead } from './seal-head.ts'
import type { VerifyReport } from './shard.ts'
import type { ShardState } from './state.ts'

/** Each costs a signature to check, and as many frames to read as it covers.  Those of a turn are checked as
 *  one batch, in half the time of one by one. */
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
    const turn = readTurn(state, { from: seq, last, prev })
    // Before the place where the chain breaks a seal may be forged: the first of both is named.
    const forged = findForgedSeal(turn.seals)
    const seals = { checked: checked + (forged ?? turn.seals.length), broken: undefined }
    if (forged !== undefined) {
      // The answer is an index into the seals.
      const { seq: broken } = turn.seals[forged] as Seal
      const first = turn.starts[forged] as Seq
      return { chain: { ...range, broken: first }, seals: { ...seals, broken } }
    }
    if (turn.broken !== undefined) {
      const { at, seal } = turn.broken
      return { chain: { ...range, broken: at }, seals: { ...seals, broken: seal } }
    }
    checked = seals.checked
    prev = turn.seals.at(-1)?.checksum
    seq = turn.next
    if (seq > last) break
    await new Promise<void>((resolve) => state.host.defer(resolve))
    const firstKept = state.wal.range()?.first ?? nextSeq(last)
    // Released while others had their turn, which says nothing against it.
    if (seq < firstKept) {
      seq = firstKept
      prev = undefined
    }
  }
  return { chain: { ...range, broken: undefined }, seals: { checked, broken: undefined } }
}

type Turn = {
  /** Of runs that follow one another, sealed by whom the chain names; their signatures are not checked. */
  readonly seals: readonly Seal[]
  /** The first seq of each of these runs. */
  readonly starts: readonly Seq[]
  readonly next: Seq
  /** Where the chain breaks, and the seal there when it is of a stranger. */
  readonly broken: { readonly at: Seq; readonly seal: Seq | undefined } | undefined
}

/** Reads the runs of one turn, without giving way to others. */
function readTurn(
  state: ShardState,
  start: { readonly from: Seq; readonly last: Seq; readonly prev: Uint8Array | undefined },
): Turn {
  const seals: Seal[] = []
  const starts: Seq[] = []
  let { from: next, prev } = start
  while (next <= start.last && seals.length < SEALS_PER_TURN) {
    const run = readNextRun(state, next)
    const isChained = run !== undefined && (prev === undefined || equalBytes(run.prev, prev))
    if (!isChained || !isRightful(state, run)) {
      return {
        seals,
        starts,
        next,
        broken: { at: next, seal: isChained ? run.seal.seq : undefined },
      }
    }
    seals.push(run.seal)
    starts.push(next)
    prev = run.seal.checksum
    next = nextSeq(run.seal.seq)
  }
  return { seals, starts, next, broken: undefined }
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

/** Sealed by the author whom genesis and hand-overs name for every frame of the run. */
function isRightful({ authority }: ShardState, { firstSeq, seal }: SealedRun): boolean {
  if (authority === undefined) return false
  return checkRight(authority, { ...seal, firstSeq, lastSeq: seal.seq }).ok
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
