/** Halts: a copy stops only for what the model knows of: a fork of a doubled key, with both seals as
 *  evidence that anybody can check; a hand-over; a device that was made to fail; a root that does not fit, once a byte rotted.  Refusals likewise.
 *  Whatever else a copy gives up for is a finding. */

import type { ConstelliteError, FailureCode } from '../../src/base/failure.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { decodeSeal, type Seal, verifySeal } from '../../src/frame/seal.ts'
import type { Coverage } from './coverage.ts'
import type { CopyFacts, Observer, Report } from './observer.ts'

const OF_A_DEVICE: ReadonlySet<FailureCode> = new Set(['ErrPoisoned', 'ErrStorage', 'ErrQuota'])
/** A log at its cap, a copy that follows or was closed meanwhile. */
const OF_A_COMMIT: ReadonlySet<FailureCode> = new Set(['ErrWalFull', 'ErrReadOnly', 'ErrClosed'])

export function createHaltsCheck(report: Report, coverage: Coverage): Observer {
  const judge = (copy: CopyFacts, failure: ConstelliteError): string | undefined => {
    const { facts } = copy
    const { code } = failure
    if (code === 'ErrForked') return problemOfFork(copy, failure)
    if (code === 'ErrSuperseded') return facts.handOvers > 0 ? undefined : 'nothing was handed over'
    // A restored backup that cannot tell what it lacks refuses to write.
    if (code === 'ErrGap') return facts.isDoubled ? undefined : 'no backup was restored'
    if (code === 'ErrDiverged') return problemOfRot(facts.ledger.rottenSeq, failure)
    // What it replays from its log is not what it sealed.
    if (code === 'ErrCorrupt' && copy.role === 'writer') return problemOfRot(facts.ledger.rottenSeq)
    if (OF_A_DEVICE.has(code)) return copy.isDeviceFaulty ? undefined : 'its device is sound'
    return 'the model knows no reason'
  }
  const halted = (copy: CopyFacts, failure: ConstelliteError, verb: string): void => {
    coverage.count(`${verb} ${failure.code}`)
    const problem = judge(copy, failure)
    if (problem === undefined) return
    report(`halts ${failure.code}`, `${copy.name} ${verb} with ${wordOf(failure)}, but ${problem}.`)
  }
  return {
    halted: (copy, failure) => halted(copy, failure, 'halted'),
    openFailed: (copy, failure) => halted(copy, failure, 'did not open'),
    opened(copy, shard) {
      if (shard.halted !== undefined) halted(copy, shard.halted, 'opened halted')
    },
    refused(copy, failure) {
      coverage.count(`refused ${failure.code}`)
      if (OF_A_COMMIT.has(failure.code)) return
      const problem = judge(copy, failure)
      if (problem === undefined) return
      report(
        `halts ${failure.code}`,
        `${copy.name} refused with ${wordOf(failure)}, but ${problem}.`,
      )
    },
  }
}

/** Why this is no state that was sealed under rot, if it is none. */
function problemOfRot(
  rottenSeq: bigint | undefined,
  failure?: ConstelliteError,
): string | undefined {
  if (rottenSeq === undefined) return 'nothing rotted'
  const seq = failure?.facts['seq']
  const isBefore = typeof seq === 'bigint' && seq < rottenSeq
  return isBefore ? `the first byte rotted at ${rottenSeq}` : undefined
}

function wordOf(failure: ConstelliteError): string {
  const { cause } = failure
  const because = cause instanceof Error ? ` (${cause.message})` : ''
  return `${failure.code}: ${failure.message}${because}`
}

/** Why this is no proved fork of a doubled key, if it is none. */
function problemOfFork({ facts, role }: CopyFacts, failure: ConstelliteError): string | undefined {
  const { ours, theirs, epoch } = failure.facts
  // Two hand-overs of one epoch carry their signatures in themselves.
  if (epoch !== undefined && facts.handOvers > 1) return undefined
  if (!facts.ledger.isForked && facts.handOvers === 0) return 'its key never wrote twice'
  const seals = [ours, theirs].map(sealOf)
  const [one, other] = seals
  if (other === undefined) return 'it does not have the seal of the other branch'
  if (!verifySeal(other)) return 'the seal of the other branch does not verify'
  // A writer may not have sealed its own newest frames yet; a follower holds only sealed ones.
  if (one === undefined) return role === 'writer' ? undefined : 'it does not have both seals'
  if (!verifySeal(one)) return 'the seal of its own branch does not verify'
  if (!equalBytes(one.shard, other.shard)) return 'its seals are of two shards'
  return equalBytes(one.checksum, other.checksum) ? 'its seals are the same' : undefined
}

function sealOf(bytes: unknown): Seal | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined
  const decoded = decodeSeal(bytes)
  return decoded.ok ? decoded.value : undefined
}
