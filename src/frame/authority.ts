/** Authority: who may write an ordered shard at which seq, from the genesis and the hand-overs alone.
 *  Keeps: terms follow each other in rising seq and rising epoch; each was verified; two hand-overs of
 *  one epoch are a fork, whoever signed them.
 *  Never: stores, sends, or believes an order in which frames happened to arrive. */

import { fail, type Result, succeed } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { encodeFrame, type Frame } from './frame.ts'
import { GENESIS_SEQ, type Genesis, readGenesis } from './genesis.ts'
import { verifyHandOver } from './hand-over.ts'
import type { MayWrite, RunHeader } from './run.ts'

/** One author's right: from `fromSeq` until the next term begins. */
export type Term = {
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly fromSeq: Seq
  /** The genesis or the hand-over. */
  readonly frame: Frame
}

export type Authority = {
  readonly genesis: Genesis
  /** At least the genesis' own. */
  readonly terms: readonly [Term, ...Term[]]
}

export type Extension = {
  readonly authority: Authority
  /** False when the hand-over was known already. */
  readonly isNew: boolean
  /** Terms that the hand-over cuts off because they began at or after its seq: a follower whose head is
   *  there or beyond has to rewind. */
  readonly cut: readonly Term[]
}

/** Of one shard: the genesis and its hand-overs, in logs, snapshots, run files and messages.  Each hand-over is an
 *  act of the owner's, so this is a take-over every month for twenty years; and each costs whoever reads the list
 *  a signature, so that a stranger's longest list costs about a tenth of a second. */
export const AUTHORITY_FRAMES_MAX = 256

/** The authority of a list that begins with the genesis; the frames' digests and checksums were
 *  recomputed before.  `shard`, when given, is whom the reader believes. */
export function readAuthority(
  frames: readonly Frame[],
  shard?: Uint8Array | undefined,
): Result<Authority> {
  const [first, ...handOvers] = frames
  if (first === undefined) return refuseList('has no genesis')
  if (frames.length > AUTHORITY_FRAMES_MAX) return refuseList('is longer than the limit')
  const genesis = readGenesis(first)
  if (!genesis.ok) return genesis
  if (shard !== undefined && !equalBytes(genesis.value.shard, shard)) {
    return fail({
      code: 'ErrShardMismatch',
      message: 'The genesis is that of another shard.',
      hint: 'Check the address; its shard id says which genesis is meant.',
      facts: { expected: shard, found: genesis.value.shard },
    })
  }
  let authority = startAuthority(genesis.value)
  for (const frame of handOvers) {
    const longer = appendListed(authority, frame)
    if (!longer.ok) return longer
    authority = longer.value
  }
  return succeed(authority)
}

/** The authority with the next hand-over of such a list. */
export function appendListed(authority: Authority, frame: Frame): Result<Authority> {
  const extended = extendAuthority(authority, frame)
  if (!extended.ok) return extended
  if (!extended.value.isNew) return refuseList('names one hand-over twice')
  if (extended.value.cut.length > 0) return refuseList('is not in the order of seq')
  return succeed(extended.value.authority)
}

/** The authority of a shard in its first epoch. */
export function startAuthority(genesis: Genesis): Authority {
  const { author, frame } = genesis
  return { genesis, terms: [{ author, epoch: 0n, fromSeq: GENESIS_SEQ, frame }] }
}

/** Verifies one more hand-over.  ErrForked (facts: both frames) when another one has its epoch;
 *  ErrSuperseded when it is older than the newest. */
export function extendAuthority(authority: Authority, frame: Frame): Result<Extension> {
  const verified = verifyHandOver(authority.genesis, frame)
  if (!verified.ok) return verified
  const { author, epoch, fromSeq } = verified.value
  const same = authority.terms.find((term) => term.epoch === epoch)
  if (same !== undefined) {
    if (equalBytes(same.frame.checksum, frame.checksum)) {
      return succeed({ authority, isNew: false, cut: [] })
    }
    return refuseFork(same.frame, frame)
  }
  const [start, ...later] = authority.terms
  if (epoch < currentTerm(authority).epoch) return refuseOld(authority, frame)
  // The genesis' term begins at seq 1 and no hand-over does, so it is never cut.
  const kept = later.filter((term) => term.fromSeq < fromSeq)
  const cut = later.filter((term) => term.fromSeq >= fromSeq)
  if (kept.length + 2 > AUTHORITY_FRAMES_MAX) return refuseMore()
  const term: Term = { author, epoch, fromSeq, frame }
  const extended: Authority = { genesis: authority.genesis, terms: [start, ...kept, term] }
  return succeed({ authority: extended, isNew: true, cut })
}

/** The term in force at the newest seq. */
export function currentTerm(authority: Authority): Term {
  return authority.terms.at(-1) ?? authority.terms[0]
}

/** The term to which `seq` belongs. */
export function termAt(authority: Authority, seq: Seq): Term {
  return authority.terms.filter((term) => term.fromSeq <= seq).at(-1) ?? authority.terms[0]
}

/** Genesis and hand-overs, oldest first. */
export function authorityFrames(authority: Authority): readonly Frame[] {
  return authority.terms.map((term) => term.frame)
}

/** Answers whether `author` writes every seq from `firstSeq` to `lastSeq` in `epoch`. */
export function checkRight(
  authority: Authority,
  claim: Pick<RunHeader, 'shard' | 'author' | 'epoch' | 'firstSeq' | 'lastSeq'>,
): Result<void> {
  if (!equalBytes(claim.shard, authority.genesis.shard)) {
    return fail({
      code: 'ErrShardMismatch',
      message: 'A run of another shard arrived.',
      hint: 'Whoever sent it mixes shards up; nothing of it was taken.',
      facts: { expected: authority.genesis.shard, found: claim.shard },
    })
  }
  const term = termAt(authority, claim.firstSeq)
  const isOneTerm = termAt(authority, claim.lastSeq) === term
  if (isOneTerm && term.epoch === claim.epoch && equalBytes(term.author, claim.author)) {
    return succeed(undefined)
  }
  return refuseAuthor(authority, claim)
}

/** The right of a run for `decodeRun`: by the terms that are known, or by the hand-over that the run
 *  itself begins with. */
export function mayWrite(authority: Authority): MayWrite {
  return (header, opening) => {
    const right = checkRight(authority, header)
    if (right.ok || right.failure.code === 'ErrShardMismatch') return right
    const frame = header.epoch > currentTerm(authority).epoch ? opening() : undefined
    if (frame === undefined) return right
    const extended = extendAuthority(authority, frame)
    return extended.ok ? checkRight(extended.value.authority, header) : extended
  }
}

function refuseAuthor(
  authority: Authority,
  claim: Pick<RunHeader, 'author' | 'epoch' | 'firstSeq' | 'lastSeq'>,
): Result<never> {
  const { author, epoch, firstSeq, lastSeq } = claim
  const facts = { author, epoch, firstSeq, lastSeq, named: termAt(authority, firstSeq).author }
  const wasNamed = authority.terms.some(
    (term) => term.epoch === epoch && equalBytes(term.author, author) && term.fromSeq <= firstSeq,
  )
  if (wasNamed) {
    return fail({
      code: 'ErrSuperseded',
      message: `A hand-over made another copy the writer before seq ${lastSeq}.`,
      hint: 'The frames of the earlier writer beyond the hand-over are not part of the shard.',
      facts,
    })
  }
  return fail({
    code: 'ErrAuthor',
    message: `The author of the frames ${firstSeq} to ${lastSeq} is not the one the chain names.`,
    hint: 'They are forged, or a hand-over is missing; ask another peer.',
    facts,
  })
}

function refuseFork(known: Frame, other: Frame): Result<never> {
  return fail({
    code: 'ErrForked',
    message: `Two hand-overs claim epoch ${other.epoch}.`,
    hint: 'The owner key signed both; decide which copy goes on and sign a newer hand-over for it.',
    facts: { epoch: other.epoch, first: encodeFrame(known), second: encodeFrame(other) },
  })
}

function refuseOld(authority: Authority, frame: Frame): Result<never> {
  return fail({
    code: 'ErrSuperseded',
    message: `A hand-over to epoch ${frame.epoch} came after a newer one.`,
    hint: 'Another copy took over since; follow the shard’s address to go on from there.',
    facts: { epoch: frame.epoch, newest: currentTerm(authority).epoch },
  })
}

function refuseMore(): Result<never> {
  return fail({
    code: 'ErrTooLarge',
    message: `A shard has at most ${AUTHORITY_FRAMES_MAX - 1} hand-overs.`,
    hint: 'Export the database and import it into a new one, which begins without any.',
  })
}

function refuseList(what: string): Result<never> {
  return fail({
    code: 'ErrDecode',
    message: `The list of the shard's authors ${what}.`,
    hint: 'Ask another peer for it.',
  })
}
