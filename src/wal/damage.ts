/** Damage: the failure for bytes of the log that are not what was written. */

import { ConstelliteError, type Facts, type FailureInit } from '../base/failure.ts'

export function damage(what: string, facts: Facts = {}, cause?: unknown): ConstelliteError {
  return new ConstelliteError(damageInit(what, facts, cause))
}

export function damageInit(what: string, facts: Facts = {}, cause?: unknown): FailureInit {
  return {
    code: 'ErrCorrupt',
    message: `The log is damaged: ${what}.`,
    hint: 'Open it with `repair: true` to go on from what is before the damage, restore the folder from a backup, or follow the shard again under a new name.',
    facts,
    retry: 'after-repair',
    cause,
  }
}
