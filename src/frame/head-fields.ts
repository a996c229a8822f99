/** Head fields: the shard, author and position that a seal and a receipt begin with, both signed
 *  (FORMATS §5 and §12).  Layout: tables in layout.ts. */

import type { Seq } from '../base/ids.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { CHECKSUM_BYTES, KEY_BYTES } from './layout.ts'

export type HeadFields = {
  readonly shard: Uint8Array
  readonly author: Uint8Array
  readonly epoch: bigint
  readonly seq: Seq
  readonly checksum: Uint8Array
}

/** Answers the writer, for what follows. */
export function writeHeadFields(writer: Writer, fields: HeadFields): Writer {
  const { shard, author, epoch, seq, checksum } = fields
  return writer.bytes(shard).bytes(author).u64(epoch).u64(seq).bytes(checksum)
}

/** Throws `DecodeError`. */
export function readHeadFields(reader: Reader): HeadFields {
  const fields: HeadFields = {
    shard: reader.bytes(CHECKSUM_BYTES),
    author: reader.bytes(KEY_BYTES),
    epoch: reader.u64(),
    // The reader answers a plain u64; this field is a Seq by the layout.
    seq: reader.u64() as Seq,
    checksum: reader.bytes(CHECKSUM_BYTES),
  }
  if (fields.seq < 1n) throw new DecodeError('a seq is below 1')
  return fields
}
