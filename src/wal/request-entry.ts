/** Request entry: what the log says of one request of a client (layout.ts, type 8).
 *  Keeps: an entry reads back equal; an unknown outcome is refused.
 *  Never: decides how long it is kept; shard/requests.ts does. */

import { assert } from '../base/assert.ts'
import type { Seq } from '../base/ids.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import {
  REQUEST_ANSWERED,
  REQUEST_BEGUN,
  REQUEST_DONE,
  REQUEST_FORGOTTEN,
  REQUEST_ID_BYTES,
} from './layout.ts'

export type RequestOutcome =
  /** Part of its work is here, up to the entry's seq; nothing says whether the rest was to come. */
  | { readonly type: 'begun' }
  /** All of its work is here; what it answered is not kept. */
  | { readonly type: 'done' }
  | {
      readonly type: 'answered'
      readonly changes: number
      /** A bigint only beyond 2^53. */
      readonly lastInsertRowid: number | bigint
    }
  /** Nothing is known of requests as old as this id and older, unless an entry names them. */
  | { readonly type: 'forgotten' }

export type RequestEntry = {
  readonly id: Uint8Array
  /** The newest frame of its work; 0 for what is forgotten. */
  readonly seq: Seq
  readonly outcome: RequestOutcome
}

const KINDS = {
  begun: REQUEST_BEGUN,
  done: REQUEST_DONE,
  answered: REQUEST_ANSWERED,
  forgotten: REQUEST_FORGOTTEN,
} as const

export function writeRequest(writer: Writer, { id, seq, outcome }: RequestEntry): void {
  assert(id.byteLength === REQUEST_ID_BYTES, 'a request id has its fixed size')
  writer.bytes(id).u64(seq).u8(KINDS[outcome.type])
  if (outcome.type !== 'answered') return
  writer.u64(BigInt(outcome.changes)).u64(BigInt.asUintN(64, BigInt(outcome.lastInsertRowid)))
}

export function readRequest(reader: Reader): RequestEntry {
  const id = reader.bytes(REQUEST_ID_BYTES)
  // The reader answers a plain u64; this field is a Seq by the layout.
  const seq = reader.u64() as Seq
  return { id, seq, outcome: readOutcome(reader) }
}

function readOutcome(reader: Reader): RequestOutcome {
  const kind = reader.u8()
  switch (kind) {
    case REQUEST_BEGUN:
      return { type: 'begun' }
    case REQUEST_DONE:
      return { type: 'done' }
    case REQUEST_ANSWERED: {
      const changes = Number(reader.u64())
      if (!Number.isSafeInteger(changes)) throw new DecodeError('a count of changes is over 2^53')
      return { type: 'answered', changes, lastInsertRowid: shortened(reader.u64()) }
    }
    case REQUEST_FORGOTTEN:
      return { type: 'forgotten' }
    default:
      throw new DecodeError(`outcome ${kind} of a request is unknown`)
  }
}

/** As SQLite's answer has it: a number where that is exact. */
function shortened(unsigned: bigint): number | bigint {
  const rowid = BigInt.asIntN(64, unsigned)
  const asNumber = Number(rowid)
  return Number.isSafeInteger(asNumber) ? asNumber : rowid
}
