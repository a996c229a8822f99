/** Halt evidence: what a halt leaves in the log, so that a copy whose history is contradicted does not
 *  begin to write again because it was opened again.
 *  Keeps: code, message and proof read back as they were; only what is proved by signatures stays.  A log
 *  that failed, or a full device, is tried again at the next open.
 *  Never: lets a log choose any other file than one for what was written beyond a hand-over (kept.ts). */

import { ConstelliteError, type Fact } from '../base/failure.ts'
import type { HaltEvidence } from '../wal/records.ts'

const WAY_ON =
  'This copy stays halted, also when it is opened again: export what only it has, discard it, and ' +
  'follow the shard’s address under a new name.'

export const FORK_HINT: string = `Two copies wrote with one key (a restored backup, a cloned folder). Decide which history counts. ${WAY_ON}`

export const HAND_OVER_FORK_HINT: string = `The owner key signed both; decide which copy goes on. ${WAY_ON}`

/** `file`: where what it wrote beyond the hand-over is kept. */
export function supersededHint(file: string | undefined): string {
  const kept =
    file === undefined
      ? ''
      : ` What it wrote beyond is kept in its folder: export({ file: '${file}' }).`
  return `It can no longer write.${kept} Open it with sync: follow(address) to go on as a follower.`
}

const MESSAGE_LENGTH_MAX = 256

/** The one fact that is a text; it is kept as its bytes. */
const FILE = 'file'

/** Of the head's checksum, in the name of a kept file. */
export const KEPT_HEAD_BYTES = 4

export function isKeptName(name: string): boolean {
  return /^superseded-\d+-[0-9a-f]{8}\.(runs|snapshot)$/.test(name)
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** Undefined for a halt that a restart may mend. */
export function evidenceOf(failure: ConstelliteError): HaltEvidence | undefined {
  const { code, message, facts } = failure
  if (code !== 'ErrForked' && code !== 'ErrSuperseded') return undefined
  return {
    reason: code,
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    facts: Object.entries(facts).flatMap(([name, value]) =>
      typeof value === 'bigint' || isBytes(value)
        ? [{ name, value }]
        : typeof value === 'string' && name === FILE
          ? [{ name, value: new TextEncoder().encode(value) }]
          : [],
    ),
  }
}

export function failureOfEvidence(halt: HaltEvidence): ConstelliteError {
  const facts = new Map<string, Fact>(halt.facts.map(({ name, value }) => [name, value]))
  const bytes = facts.get(FILE)
  const file = isBytes(bytes) && isKeptName(textOf(bytes)) ? textOf(bytes) : undefined
  facts.delete(FILE)
  if (file !== undefined) facts.set(FILE, file)
  return new ConstelliteError({
    code: halt.reason,
    message: halt.message,
    hint: file === undefined ? hintOf(halt) : supersededHint(file),
    facts: Object.fromEntries(facts),
  })
}

function hintOf({ reason, facts }: HaltEvidence): string {
  if (reason === 'ErrSuperseded') return supersededHint(undefined)
  return facts.some(({ name }) => name === 'epoch') ? HAND_OVER_FORK_HINT : FORK_HINT
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}
