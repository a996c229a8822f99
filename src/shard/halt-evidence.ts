/** Halt evidence: what a halt leaves in the log, so that a copy whose history is contradicted does not
 *  begin to write again because it was opened again.
 *  Keeps: code, message and proof read back as they were; only what is proved by signatures stays.  A log
 *  that failed, or a full device, is tried again at the next open. */

import { ConstelliteError } from '../base/failure.ts'
import type { HaltEvidence } from '../wal/records.ts'

const WAY_ON =
  'This copy stays halted, also when it is opened again: export what only it has, discard it, and ' +
  'follow the shard’s address under a new name.'

export const FORK_HINT: string = `Two copies wrote with one key (a restored backup, a cloned folder). Decide which history counts. ${WAY_ON}`

export const HAND_OVER_FORK_HINT: string = `The owner key signed both; decide which copy goes on. ${WAY_ON}`

export const SUPERSEDED_HINT: string = `It can no longer write. ${WAY_ON}`

const MESSAGE_LENGTH_MAX = 256

/** Undefined for a halt that a restart may mend. */
export function evidenceOf(failure: ConstelliteError): HaltEvidence | undefined {
  const { code, message, facts } = failure
  if (code !== 'ErrForked' && code !== 'ErrSuperseded') return undefined
  return {
    reason: code,
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    facts: Object.entries(facts).flatMap(([name, value]) =>
      typeof value === 'bigint' || isBytes(value) ? [{ name, value }] : [],
    ),
  }
}

export function failureOfEvidence(halt: HaltEvidence): ConstelliteError {
  return new ConstelliteError({
    code: halt.reason,
    message: halt.message,
    hint: hintOf(halt),
    facts: Object.fromEntries(halt.facts.map(({ name, value }) => [name, value])),
  })
}

function hintOf({ reason, facts }: HaltEvidence): string {
  if (reason === 'ErrSuperseded') return SUPERSEDED_HINT
  return facts.some(({ name }) => name === 'epoch') ? HAND_OVER_FORK_HINT : FORK_HINT
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}
