/** Take over: a copy that follows becomes the writer, where it stands.
 *  Keeps: unless it may be lossy, it waits until it is in step with a relay, so that nothing that a relay has
 *  is cut off; its sync is ended before and begun anew after, in whatever role the copy then has; the seed is
 *  wiped as soon as the hand-over is signed, or is not.  Never: stores or logs the key. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { createMutex } from '../base/mutex.ts'
import { wipe } from '../crypto/secret.ts'
import type { Signer } from '../crypto/signer.ts'
import { signerFromSeed } from '../crypto/signer-kernel.ts'
import { readGenesis } from '../frame/genesis.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import { refuseOther } from '../shard/take-over.ts'
import type { CoreTakeOver } from './core.ts'
import type { Executor } from './executor.ts'
import type { TakeOverReport } from './types.ts'

/** How long it waits to be in step with a relay. */
export const IN_STEP_MAX_MS = 10_000

export type TakeOverParts = {
  readonly host: Host
  readonly shard: Pick<Shard, 'role' | 'halted' | 'head' | 'authority' | 'takeOver'>
  readonly executor: Pick<Executor, 'alone'>
  /** The owner key that is kept beside this copy, or was given when it was opened. */
  readonly owner: Signer | undefined
  sync(): Sync | undefined
  /** Begins the sync again, for the role that the shard has now. */
  restartSync(): void
  /** What SQLite keeps of a database that it may not write goes. */
  reopen(): void
}

export function createTakeOver(
  parts: TakeOverParts,
): (options: CoreTakeOver) => Promise<TakeOverReport> {
  // One at a time: the second finds that this copy is the writer.
  const mutex = createMutex()
  return ({ key, isLossy }) => {
    const seed = key?.slice()
    return mutex
      .run(() => {
        const owner = seed === undefined ? parts.owner : signerFromSeed(seed, 'borrowed')
        return take(parts, checkKey(parts, owner), isLossy)
      })
      .finally(() => seed !== undefined && wipe(seed))
  }
}

async function take(
  parts: TakeOverParts,
  owner: Signer,
  isLossy: boolean,
): Promise<TakeOverReport> {
  const { shard, executor } = parts
  const sync = parts.sync()
  if (shard.halted !== undefined) throw shard.halted
  const isFollower = shard.role === 'follower'
  if (isFollower && !isLossy) await inStep(parts, sync)
  let cutOff = 0
  try {
    if (isFollower) await sync?.stop()
    cutOff = sync?.status.pending ?? 0
    // Something may have come between the wait and the end of the sync.
    if (isFollower && !isLossy && cutOff > 0) throw behind(cutOff)
    await executor.alone(async () => {
      await shard.takeOver(owner)
      parts.reopen()
    })
  } finally {
    if (isFollower) parts.restartSync()
  }
  return { seq: shard.head.seq, cutOff }
}

function checkKey({ shard }: TakeOverParts, owner: Signer | undefined): Signer {
  if (owner === undefined) throw noKey()
  // Before it waits for a relay; without a genesis there is nothing to take over, which the shard says.
  const [first] = shard.authority
  if (first !== undefined) refuseOther(orThrow(readGenesis(first)), owner.publicKey)
  return owner
}

/** Resolves when a relay has nothing that this copy lacks; rejects when it does not come to that. */
function inStep({ host }: TakeOverParts, sync: Sync | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (sync === undefined) return reject(behind(0))
    const look = (): void => {
      const { state, pending, failure } = sync.status
      if (state === 'halted' && failure !== undefined) settle(() => reject(failure))
      else if (state === 'live' && pending === 0) settle(resolve)
    }
    const settle = (finish: () => void): void => {
      timer.cancel()
      stop()
      finish()
    }
    const timer = host.setTimer(IN_STEP_MAX_MS, () => {
      const { pending, failure } = sync.status
      settle(() => reject(behind(pending, failure)))
    })
    const stop = sync.onStatus(look)
    look()
  })
}

function noKey(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrIdentity',
    message: 'This copy has no owner key of its own.',
    hint: 'Give the seed with which the database was made: takeOver({ key: seed }).',
  })
}

function behind(pending: number, cause?: ConstelliteError): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrGap',
    message: `This copy is not in step with a relay (${pending} frames are known to be missing): taking over would cut off what it lacks.`,
    hint: 'Try again when `status.sync` is live with nothing pending, or accept the loss: takeOver({ key, lossy: true }).',
    retry: 'later',
    facts: { pending },
    cause,
  })
}
