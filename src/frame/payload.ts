/** Payload block: the sections of a frame, whole or in part, and their digest (FORMATS §4).
 *  Keeps: the digest is the same whichever sections are present, so that the chain verifies without
 *  them.  Never: compresses or encrypts; sections arrive as they are hashed. */

import { assert } from '../base/assert.ts'
import { createReader, DecodeError, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import { hashOf } from '../crypto/hash.ts'
import {
  CHECKSUM_BYTES,
  DOMAINS,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_SECTIONS_MAX,
  SALT_BYTES,
} from './layout.ts'

export const FORM_STUB = 0
export const FORM_WHOLE = 1
export const FORM_PART = 2

export type Section = { readonly bytes: Uint8Array } | { readonly digest: Uint8Array }

export type Payload = {
  readonly salt: Uint8Array | undefined
  readonly sections: readonly Section[]
}

const NOTHING = new Uint8Array(0)
const MARK_ABSENT = 0
const MARK_PRESENT = 1

/** Which form a copy with this payload is encoded in. */
export function formOf(sections: readonly Section[] | undefined): 0 | 1 | 2 {
  if (sections === undefined) return FORM_STUB
  return sections.every((section) => 'bytes' in section) ? FORM_WHOLE : FORM_PART
}

/** H(payload; section digests in order). */
export function payloadDigestOf(payload: Payload): Uint8Array {
  return hashOf(
    DOMAINS.payload,
    ...payload.sections.map((section, index) => sectionDigestOf(section, index, payload.salt)),
  )
}

export function sectionDigestOf(
  section: Section,
  index: number,
  salt: Uint8Array | undefined,
): Uint8Array {
  if ('digest' in section) return section.digest
  const place = createWriter(2).varint(index).view()
  return hashOf(DOMAINS.section, salt ?? NOTHING, place, section.bytes)
}

/** Size of the block in form 1, counting an absent section as empty: exact for whole payloads, the
 *  least possible for others. */
export function payloadBytesOf(payload: Payload): number {
  let size = varintBytes(payload.sections.length) + (payload.salt?.byteLength ?? 0)
  for (const section of payload.sections) {
    const length = 'bytes' in section ? section.bytes.byteLength : 0
    size += varintBytes(length) + length
  }
  return size
}

export function writePayload(writer: Writer, payload: Payload): void {
  const isPart = formOf(payload.sections) === FORM_PART
  if (payload.salt !== undefined) writer.bytes(payload.salt)
  writer.varint(payload.sections.length)
  for (const section of payload.sections) {
    if ('digest' in section) {
      writer.u8(MARK_ABSENT).bytes(section.digest)
      continue
    }
    if (isPart) writer.u8(MARK_PRESENT)
    writer.varint(section.bytes.byteLength).bytes(section.bytes)
  }
}

/** Reads a block in form 1 or 2; throws `DecodeError`.  Sections are copies. */
export function readPayload(
  reader: Reader,
  expected: { readonly form: number; readonly isSalted: boolean; readonly payloadBytes: number },
): Payload {
  const { form, isSalted, payloadBytes } = expected
  if (form !== FORM_WHOLE && form !== FORM_PART) throw new DecodeError(`form ${form} is unknown`)
  const block = form === FORM_WHOLE ? createReader(reader.view(payloadBytes)) : reader
  const salt = isSalted ? block.bytes(SALT_BYTES) : undefined
  const count = block.varint(FRAME_SECTIONS_MAX)
  if (count === 0) throw new DecodeError('a payload has no section')
  const sections: Section[] = []
  for (let index = 0; index < count; index++) {
    sections.push(readSection(block, form === FORM_PART, payloadBytes))
  }
  const payload = { salt, sections }
  if (form === FORM_WHOLE) block.end()
  else checkPart(payload, payloadBytes)
  return payload
}

function readSection(block: Reader, isPart: boolean, payloadBytes: number): Section {
  const mark = isPart ? block.u8() : MARK_PRESENT
  if (mark === MARK_ABSENT) return { digest: block.bytes(CHECKSUM_BYTES) }
  if (mark !== MARK_PRESENT) throw new DecodeError(`section mark ${mark} is unknown`)
  return { bytes: block.bytes(block.varint(payloadBytes)) }
}

function checkPart(payload: Payload, payloadBytes: number): void {
  // One encoding per copy: with every section present it would be form 1.
  if (formOf(payload.sections) !== FORM_PART) throw new DecodeError('a partial payload is whole')
  if (payloadBytesOf(payload) > payloadBytes) {
    throw new DecodeError(`a partial payload is larger than its ${payloadBytes} bytes`)
  }
}

/** Asserts what `readPayload` would refuse. */
export function assertPayload(payload: Payload): void {
  const { salt, sections } = payload
  assert(sections.length > 0, 'a frame has a section')
  assert(sections.length <= FRAME_SECTIONS_MAX, 'a frame has no more sections than the limit')
  assert(salt === undefined || salt.byteLength === SALT_BYTES, 'a salt has 16 bytes')
  assert(payloadBytesOf(payload) <= FRAME_PAYLOAD_BYTES_MAX, 'a payload fits a frame')
}

function varintBytes(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size += 1
  return size
}
