/** Halt record: why a copy stopped for good, with the evidence, so that it stays stopped when it is opened
 *  again.  Keeps: the facts that prove it, seals, frames and positions, byte for byte.
 *  Never: holds a hint; what to do is said by whoever reads it.
 *
 *  | field   | bytes                                                                          |
 *  | reason  | u8: 1 ErrForked, 2 ErrSuperseded                                               |
 *  | message | str16                                                                          |
 *  | facts   | count u8, (name str16, kind u8: 1 u64 follows, 2 length varint and bytes)...   | */

import { assert } from '../base/assert.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import {
  HALT_FACT_BYTES_MAX,
  HALT_FACT_NAME_BYTES_MAX,
  HALT_FACTS_MAX,
  HALT_MESSAGE_BYTES_MAX,
} from './layout.ts'

export type HaltReason = 'ErrForked' | 'ErrSuperseded'

export type HaltFact = { readonly name: string; readonly value: bigint | Uint8Array }

export type HaltEvidence = {
  readonly reason: HaltReason
  readonly message: string
  readonly facts: readonly HaltFact[]
}

const REASONS: readonly HaltReason[] = ['ErrForked', 'ErrSuperseded']
const KIND_NUMBER = 1
const KIND_BYTES = 2

export function writeHalt(writer: Writer, { reason, message, facts }: HaltEvidence): void {
  assert(facts.length <= HALT_FACTS_MAX, 'the facts of a halt are few')
  writer.u8(REASONS.indexOf(reason) + 1)
  writer.str16(message).u8(facts.length)
  for (const { name, value } of facts) {
    writer.str16(name)
    if (typeof value === 'bigint') writer.u8(KIND_NUMBER).u64(value)
    else {
      assert(value.byteLength <= HALT_FACT_BYTES_MAX, 'evidence is a seal or a frame')
      writer.u8(KIND_BYTES).varint(value.byteLength).bytes(value)
    }
  }
}

/** Throws `DecodeError`. */
export function readHalt(reader: Reader): HaltEvidence {
  const reason = REASONS[reader.u8() - 1]
  if (reason === undefined) throw new DecodeError('the reason of a halt is unknown')
  const message = reader.str16(HALT_MESSAGE_BYTES_MAX)
  const count = reader.u8()
  if (count > HALT_FACTS_MAX) throw new DecodeError('a halt has too many facts')
  const facts: HaltFact[] = []
  while (facts.length < count) {
    const name = reader.str16(HALT_FACT_NAME_BYTES_MAX)
    facts.push({ name, value: readValue(reader) })
  }
  return { reason, message, facts }
}

function readValue(reader: Reader): bigint | Uint8Array {
  const kind = reader.u8()
  if (kind === KIND_NUMBER) return reader.u64()
  if (kind !== KIND_BYTES) throw new DecodeError('the kind of a fact is unknown')
  return reader.bytes(reader.varint(HALT_FACT_BYTES_MAX))
}
