/** Uplink: what a relay takes of one shard: its authority, sealed runs, a snapshot; and its receipts.
 *  Keeps: the author's right, the seal and the chain are checked before anything is staged; a receipt
 *  leaves only after the flush that covers it, one for all that was stored meanwhile; of two valid frames
 *  at one seq the first is kept and both are evidence. */

import { ConstelliteError, failureOf, isFailure, orThrow } from '../base/failure.ts'
import { currentTerm } from '../frame/authority.ts'
import { createReceipt } from '../frame/receipt.ts'
import { decodeRun, type RunHeader, type SealedRun } from '../frame/run.ts'
import type { Seal } from '../frame/seal.ts'
import { createSnapshotInlet } from '../replication/snapshot-inlet.ts'
import { rightUnder } from '../shard/authority.ts'
import type { Envelope } from '../transport/envelope.ts'
import { candidateOf, keepCandidate, readInSlices } from './candidate.ts'
import type { Lease } from './catalog.ts'
import {
  assertAllowed,
  leaseToWrite,
  refuse,
  type Session,
  type Subject,
  sendHeads,
  storedOf,
  strangerFailure,
} from './subject.ts'

type EnvelopeOf<T extends Envelope['type']> = Extract<Envelope, { type: T }>

/** Whom to believe about a shard that is not stored yet. */
export async function takeAuthority(
  session: Session,
  subject: Subject,
  envelope: EnvelopeOf<'authority'>,
): Promise<void> {
  assertWriter(session)
  // What is stored knows more than its author's first words.
  if ((await storedOf(session, subject)) !== undefined) return
  // Whether it may bring what the authority names is judged with each upload.
  assertAllowed(session, subject, session.peer.publicKey)
  const authority = await readInSlices(session.context.host, envelope.frames, subject.shard)
  keepCandidate(session, subject, authority)
  subject.needsAuthority = false
}

export async function takeRun(
  session: Session,
  subject: Subject,
  { header, bytes }: { readonly header: RunHeader; readonly bytes: Uint8Array },
): Promise<void> {
  const { counters } = session.context
  assertWriter(session)
  assertAllowed(session, subject, header.author)
  // The run goes on where the snapshot before it ends.
  await subject.upload?.done
  const known = (await storedOf(session, subject))?.authority ?? candidateOf(session, subject)
  if (known === undefined) throw strangerFailure()
  // Before the lease: a run that does not verify makes no folder.  The author is that of its term.
  const run = orThrow(decodeRun(bytes, rightUnder(known)))
  const lease = await leaseToWrite(session, subject)
  const { stored } = lease
  lease.checkRoom(bytes.byteLength)
  const standing = await stored.store(run)
  switch (standing.type) {
    case 'append':
      counters.count('runsStored')
      counters.count('framesStored', run.frames.length - standing.skip)
      counters.count('bytesStored', bytes.byteLength)
      if (run.seal.epoch > currentTerm(known).epoch) {
        await stored.flush()
        const { forks } = session.context.catalog
        forks.tell(subject.key, { run: bytes, sender: session, for: 'writers' })
      }
      acknowledgeLater(session, subject, lease)
      return
    case 'repeat':
      counters.count('runsRepeated')
      acknowledgeLater(session, subject, lease)
      return
    case 'fork':
      return takeFork({ session, subject, lease }, run, bytes)
    case 'gap':
      await refuse(session, gapFailure(run))
      return sendHeads(session, subject, stored)
    case 'unknown':
      await refuse(session, oldFailure(run))
      return sendHeads(session, subject, stored)
  }
}

/** Flushes, then answers one receipt for everything stored until then. */
function acknowledgeLater(session: Session, subject: Subject, lease: Lease): void {
  subject.isAcknowledgeDue = true
  if (subject.isAcknowledging) return
  subject.isAcknowledging = true
  session.activity.enter()
  const run = async (): Promise<void> => {
    try {
      while (subject.isAcknowledgeDue && !session.isEnded) {
        subject.isAcknowledgeDue = false
        await lease.stored.flush()
        await sendReceipt(session, lease.stored.head?.seal, false)
      }
    } catch (error) {
      session.peer.close(failureOf(error))
    } finally {
      subject.isAcknowledging = false
      session.activity.leave()
    }
  }
  void run()
}

async function sendReceipt(
  session: Session,
  seal: Seal | undefined,
  isFork: boolean,
): Promise<void> {
  if (seal === undefined) return
  const { shard, author, epoch, seq, checksum } = seal
  const receipt = await createReceipt(session.context.signer, {
    shard,
    author,
    epoch,
    seq,
    checksum,
    hlc: session.context.tick(),
    flags: { durable: !isFork, archived: false, fork: isFork },
  })
  session.context.counters.count('receiptsSent')
  await session.peer.send({ type: 'receipt', receipt })
}

async function takeFork(
  from: { readonly session: Session; readonly subject: Subject; readonly lease: Lease },
  run: SealedRun,
  bytes: Uint8Array,
): Promise<void> {
  const { session, subject, lease } = from
  const isNew = await lease.stored.keepEvidence(run, bytes)
  if (!isNew) return tellFork(session, run.seal)
  const { forks } = session.context.catalog
  forks.tell(subject.key, { run: bytes, sender: session, for: 'everybody' })
  await tellFork(session, run.seal)
}

/** The evidence is flushed. */
async function tellFork(session: Session, seal: Seal): Promise<void> {
  session.context.counters.count('forks')
  await sendReceipt(session, seal, true)
  await refuse(
    session,
    new ConstelliteError({
      code: 'ErrForked',
      message: `Two valid frames of one author exclude each other at or before seq ${seal.seq}.`,
      hint: 'The relay keeps the first; ask it for its frames to see where they part.',
      facts: { seq: seal.seq },
    }),
  )
}

export async function takeSnapshotPart(
  session: Session,
  subject: Subject,
  part: EnvelopeOf<'snapshot'>,
): Promise<void> {
  assertWriter(session)
  if (part.index === 0) {
    await subject.upload?.done
    subject.upload = await beginUpload(session, subject)
  }
  const { upload } = subject
  // The rest of an upload that was refused.
  if (upload === undefined || upload.hasLast) return
  upload.hasLast = part.last
  // A refused install takes nothing more; whoever waits for it must not wait for ever.
  await Promise.race([upload.inlet.push(part), upload.done])
}

/** After these the connection goes on: a writer that was superseded asks who did it. */
const REFUSED_UPLOADS = ['ErrRelayFull', 'ErrProtocol', 'ErrSuperseded'] as const

async function beginUpload(
  session: Session,
  subject: Subject,
): Promise<NonNullable<Subject['upload']>> {
  const known = (await storedOf(session, subject))?.authority ?? candidateOf(session, subject)
  const author = known === undefined ? session.peer.publicKey : currentTerm(known).author
  assertAllowed(session, subject, author)
  const lease = await leaseToWrite(session, subject)
  const inlet = createSnapshotInlet()
  session.activity.enter()
  const install = async (): Promise<void> => {
    let reserved = 0
    try {
      const installed = await lease.stored.install(inlet.parts, {
        sizeBytesMax: session.context.limits.shardBytesMax,
        reserve(sizeBytes) {
          lease.reserve(sizeBytes)
          reserved += sizeBytes
        },
      })
      if (installed.type === 'fork') return await tellFork(session, installed.seal)
      session.context.counters.count('snapshotsStored')
      await sendReceipt(session, lease.stored.head?.seal, false)
    } catch (error) {
      if (session.isEnded) return
      const failure = failureOf(error)
      if (REFUSED_UPLOADS.some((code) => isFailure(failure, code))) {
        await refuse(session, failure).catch(() => undefined)
      } else session.peer.close(failure)
    } finally {
      lease.unreserve(reserved)
      subject.upload = undefined
      session.activity.leave()
    }
  }
  return { inlet, done: install(), hasLast: false }
}

function assertWriter(session: Session): void {
  if (session.peer.role === 'writer') return
  throw new ConstelliteError({
    code: 'ErrProtocol',
    message: 'Only a writer sends frames to a relay.',
    hint: 'Connect as a writer to send frames.',
  })
}

function gapFailure(run: SealedRun): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrGap',
    message: `Frames before seq ${run.firstSeq} are missing at the relay.`,
    hint: 'Send the frames before it first, or a snapshot.',
    facts: { firstSeq: run.firstSeq },
    retry: 'later',
  })
}

function oldFailure(run: SealedRun): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: `The relay no longer keeps the frames ${run.firstSeq} to ${run.seal.seq}.`,
    hint: 'Send from the relay’s head on.',
    facts: { firstSeq: run.firstSeq, lastSeq: run.seal.seq },
    retry: 'later',
  })
}
