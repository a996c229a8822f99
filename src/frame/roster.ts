/** Roster: the members whose hash a certificate names (FORMATS §6).
 *  fault u8 (1 crash, 2 byzantine), count u8, members: Ed25519 key 32, ML-DSA-65 key after a presence
 *  u8.  Keeps: members ascend by their Ed25519 key, so one set has one encoding. */

import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { readChoice, readOptional, writeOptional } from './fields.ts'
import { KEY_BYTES } from './layout.ts'

export type RosterMember = {
  readonly publicKey: Uint8Array
  /** ML-DSA-65, 1952 bytes. */
  readonly lastingKey: Uint8Array | undefined
}

export type Roster = {
  readonly fault: 'crash' | 'byzantine'
  readonly members: readonly RosterMember[]
}

export const LASTING_KEY_BYTES = 1952

export function writeRoster(writer: Writer, roster: Roster): void {
  writer.u8(roster.fault === 'crash' ? 1 : 2).u8(roster.members.length)
  for (const { publicKey, lastingKey } of roster.members) {
    writer.bytes(publicKey)
    writeOptional(writer, lastingKey, (key) => writer.bytes(key))
  }
}

/** Throws `DecodeError`. */
export function readRoster(reader: Reader): Roster {
  const fault = readChoice(reader, ['crash', 'byzantine'])
  const count = reader.u8()
  const members: RosterMember[] = []
  for (let index = 0; index < count; index++) {
    const publicKey = reader.bytes(KEY_BYTES)
    const previous = members.at(-1)
    if (previous !== undefined && compareKeys(previous.publicKey, publicKey) >= 0) {
      throw new DecodeError('the members of a roster do not ascend')
    }
    const lastingKey = readOptional(reader, () => reader.bytes(LASTING_KEY_BYTES))
    members.push({ publicKey, lastingKey })
  }
  return { fault, members }
}

function compareKeys(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < KEY_BYTES; index++) {
    const difference = (left[index] as number) - (right[index] as number)
    if (difference !== 0) return difference
  }
  return 0
}
