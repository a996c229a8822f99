/** Parts: a message over 1 MiB travels as parts and is joined again (FORMATS §13; table in layout.ts).
 *  Keeps: one message is joined at a time, its parts in order, its size known from the count and limited
 *  before the first byte is kept; nothing that needs no parts may travel in them. */

import { assert } from '../base/assert.ts'
import { DecodeError } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { splitMessage } from './envelope.ts'
import {
  JOINED_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  MESSAGE_TYPE,
  PART_HEADER_BYTES,
  PART_PAYLOAD_BYTES,
} from './layout.ts'

const PARTS_MAX = Math.ceil(JOINED_BYTES_MAX / PART_PAYLOAD_BYTES)
const TYPES_IN_PARTS: readonly number[] = [
  MESSAGE_TYPE.authority,
  MESSAGE_TYPE.run,
  MESSAGE_TYPE.snapshot,
]

/** The message itself when it fits, else its parts under `id`. */
export function splitIntoParts(message: Uint8Array, id: number): readonly Uint8Array[] {
  if (message.byteLength <= MESSAGE_BYTES_MAX) return [message]
  assert(message.byteLength <= JOINED_BYTES_MAX, 'a message is within the joined limit')
  const count = Math.ceil(message.byteLength / PART_PAYLOAD_BYTES)
  return Array.from({ length: count }, (_, index) => {
    const payload = message.subarray(index * PART_PAYLOAD_BYTES, (index + 1) * PART_PAYLOAD_BYTES)
    return createWriter(payload.byteLength + PART_HEADER_BYTES + 5)
      .u8(MESSAGE_TYPE.part)
      .u32(PART_HEADER_BYTES + payload.byteLength)
      .u32(id)
      .u32(index)
      .u32(count)
      .bytes(payload)
      .finish()
  })
}

export type PartJoiner = {
  /** Takes one part; answers the whole message with the last one.  Throws `DecodeError`. */
  add(part: Uint8Array): Uint8Array | undefined
  /** True while parts of a message are missing. */
  readonly isOpen: boolean
  /** Of the parts that wait for the rest. */
  readonly heldBytes: number
}

export function createPartJoiner(): PartJoiner {
  let open: { id: number; count: number; next: number; payloads: Uint8Array[] } | undefined
  return {
    get isOpen() {
      return open !== undefined
    },
    get heldBytes() {
      return (open?.next ?? 0) * PART_PAYLOAD_BYTES
    },
    add(part) {
      const { body } = splitMessage(part)
      const id = body.u32()
      const index = body.u32()
      const count = body.u32()
      if (open === undefined) {
        if (count < 2 || count > PARTS_MAX) throw new DecodeError(`a message of ${count} parts`)
        open = { id, count, next: 0, payloads: [] }
      }
      if (id !== open.id || count !== open.count || index !== open.next) {
        throw new DecodeError(`part ${index} of ${count} in message ${id} is out of turn`)
      }
      const isLast = index === count - 1
      const size = body.remaining
      if (isLast ? size === 0 || size > PART_PAYLOAD_BYTES : size !== PART_PAYLOAD_BYTES) {
        throw new DecodeError(`part ${index} of ${count} has ${size} bytes`)
      }
      open.payloads.push(body.view(size))
      open.next += 1
      if (!isLast) return undefined
      const whole = join(open.payloads)
      open = undefined
      return whole
    },
  }
}

function join(payloads: readonly Uint8Array[]): Uint8Array {
  const last = payloads[payloads.length - 1] as Uint8Array
  const size = (payloads.length - 1) * PART_PAYLOAD_BYTES + last.byteLength
  if (size > JOINED_BYTES_MAX) throw new DecodeError(`a message of ${size} bytes is over the limit`)
  const whole = new Uint8Array(size)
  payloads.forEach((payload, index) => {
    whole.set(payload, index * PART_PAYLOAD_BYTES)
  })
  const type = whole[0] as number
  if (!TYPES_IN_PARTS.includes(type)) throw new DecodeError(`type ${type} never travels in parts`)
  return whole
}
