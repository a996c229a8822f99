/** Request id: what a client calls one request by (layout.ts): its own tag, then a time.
 *  Keeps: two ids of one client differ, and an id says how old it is without any clock. */

import { assert } from '../base/assert.ts'
import { REQUEST_COUNTER_BITS, REQUEST_ID_BYTES, REQUEST_TAG_BYTES } from './layout.ts'

/** `counter` tells the requests of one second apart. */
export function createRequestId(tag: Uint8Array, seconds: number, counter: number): Uint8Array {
  assert(tag.byteLength === REQUEST_TAG_BYTES, 'the tag of a client has its fixed size')
  assert(counter >= 0 && counter < 2 ** REQUEST_COUNTER_BITS, 'the counter of an id fits its bits')
  const id = new Uint8Array(REQUEST_ID_BYTES)
  id.set(tag)
  const time = (BigInt(seconds) << BigInt(REQUEST_COUNTER_BITS)) | BigInt(counter)
  new DataView(id.buffer).setBigUint64(REQUEST_TAG_BYTES, time)
  return id
}

/** When its client made this id, in seconds since the Unix epoch. */
export function requestSeconds(id: Uint8Array): number {
  assert(id.byteLength === REQUEST_ID_BYTES, 'a request id has its fixed size')
  const view = new DataView(id.buffer, id.byteOffset + REQUEST_TAG_BYTES, 8)
  // 44 bits, as a number because each write with a request passes here.
  const high = view.getUint32(0) * 2 ** (32 - REQUEST_COUNTER_BITS)
  return high + (view.getUint32(4) >>> REQUEST_COUNTER_BITS)
}
