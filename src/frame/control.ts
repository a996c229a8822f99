/** Codec of control operations (FORMATS §8).  One operation a frame, one section: op u8, then the fields
 *  in the order of their types in operations.ts; an optional one after a presence u8, text as str16,
 *  bytes of free length after a u16 length.
 *  Keeps: one encoding per operation.  Never: verifies signatures or rights; see genesis.ts,
 *  hand-over.ts, authority.ts. */

import { assert } from '../base/assert.ts'
import { fail, type Result } from '../base/failure.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import { readChoice, readFree, readOptional, readSeq, writeOptional } from './fields.ts'
import { type Frame, wholeSections } from './frame.ts'
import {
  CHECKSUM_BYTES,
  DOMAINS,
  domainBytes,
  FRAME_SECTIONS_MAX,
  KEY_BYTES,
  SIGNATURE_BYTES,
} from './layout.ts'
import {
  type CloseOperation,
  type ControlOperation,
  ENCRYPTION_KEY_BYTES_MAX,
  GENESIS_RANDOM_BYTES,
  type GrantFields,
  type HandOverOperation,
  NAME_BYTES_MAX,
  PAGE_SIZE_LOG2_MAX,
  PAGE_SIZE_LOG2_MIN,
  REASON_BYTES_MAX,
  SCOPE_BYTES_MAX,
  WRAPPED_BYTES_MAX,
  WRAPPED_KEYS_MAX,
} from './operations.ts'
import { readRoster, writeRoster } from './roster.ts'

type OperationOf<Op extends ControlOperation['op']> = Extract<ControlOperation, { readonly op: Op }>

type Codec<Op extends ControlOperation['op']> = {
  readonly number: number
  write(writer: Writer, operation: OperationOf<Op>): void
  read(reader: Reader): OperationOf<Op>
}

const CODECS: { readonly [Op in ControlOperation['op']]: Codec<Op> } = {
  genesis: {
    number: 1,
    write(writer, { name, mode, owner, recoveryHash, writers, roster, decider, random }) {
      writer
        .str16(name)
        .u8(mode === 'ordered' ? 1 : 2)
        .bytes(owner)
      writeOptional(writer, recoveryHash, (hash) => writer.bytes(hash))
      writer.u8(writers === 'hand-overs' ? 1 : 2)
      writeOptional(writer, roster, (value) => writeRoster(writer, value))
      writeOptional(writer, decider, (shard) => writer.bytes(shard))
      writer.bytes(random)
    },
    read: (reader) => ({
      op: 'genesis',
      name: reader.str16(NAME_BYTES_MAX),
      mode: readChoice(reader, ['ordered', 'causal']),
      owner: reader.bytes(KEY_BYTES),
      recoveryHash: readOptional(reader, () => reader.bytes(CHECKSUM_BYTES)),
      writers: readChoice(reader, ['hand-overs', 'grants']),
      roster: readOptional(reader, () => readRoster(reader)),
      decider: readOptional(reader, () => reader.bytes(CHECKSUM_BYTES)),
      random: reader.bytes(GENESIS_RANDOM_BYTES),
    }),
  },
  'hand-over': {
    number: 2,
    write(writer, operation) {
      writeHandOverFields(writer, operation)
      writer.bytes(operation.signature)
    },
    read: (reader) => ({
      op: 'hand-over',
      epoch: reader.u64(),
      author: reader.bytes(KEY_BYTES),
      fromSeq: readSeq(reader),
      prev: reader.bytes(CHECKSUM_BYTES),
      signer: reader.bytes(KEY_BYTES),
      signature: reader.bytes(SIGNATURE_BYTES),
    }),
  },
  enrol: {
    number: 3,
    write(writer, { author, grant, encryptionKey }) {
      writer.bytes(author)
      writeGrant(writer, grant)
      writeOptional(writer, encryptionKey, (key) => writer.u16(key.byteLength).bytes(key))
    },
    read: (reader) => ({
      op: 'enrol',
      author: reader.bytes(KEY_BYTES),
      grant: readGrant(reader),
      encryptionKey: readOptional(reader, () => readFree(reader, ENCRYPTION_KEY_BYTES_MAX)),
    }),
  },
  grant: {
    number: 4,
    write: writeGrant,
    read: (reader) => ({ op: 'grant', ...readGrant(reader) }),
  },
  close: {
    number: 5,
    write(writer, operation) {
      writeCloseFields(writer, operation)
      writer.bytes(operation.signature)
    },
    read: (reader) => ({
      op: 'close',
      author: reader.bytes(KEY_BYTES),
      seq: readSeq(reader),
      checksum: reader.bytes(CHECKSUM_BYTES),
      reason: reader.str16(REASON_BYTES_MAX),
      signer: reader.bytes(KEY_BYTES),
      signature: reader.bytes(SIGNATURE_BYTES),
    }),
  },
  rekey: {
    number: 6,
    write(writer, { generation, keys }) {
      writer.u64(generation).varint(keys.length)
      for (const { recipient, wrapped } of keys) {
        writer.bytes(recipient).u16(wrapped.byteLength).bytes(wrapped)
      }
    },
    read(reader) {
      const generation = reader.u64()
      const keys = Array.from({ length: reader.varint(WRAPPED_KEYS_MAX) }, () => ({
        recipient: reader.bytes(KEY_BYTES),
        wrapped: readFree(reader, WRAPPED_BYTES_MAX),
      }))
      return { op: 'rekey', generation, keys }
    },
  },
  erase: {
    number: 7,
    write: (writer, { checksum, section }) => writer.bytes(checksum).varint(section),
    read: (reader) => ({
      op: 'erase',
      checksum: reader.bytes(CHECKSUM_BYTES),
      section: reader.varint(FRAME_SECTIONS_MAX - 1),
    }),
  },
  import: {
    number: 8,
    write: (writer, { pageSize, pageCount, root }) =>
      writer.u8(Math.log2(pageSize)).u32(pageCount).bytes(root),
    read: (reader) => ({
      op: 'import',
      pageSize: readPageSize(reader),
      pageCount: reader.u32(),
      root: reader.bytes(CHECKSUM_BYTES),
    }),
  },
  roster: {
    number: 9,
    write: (writer, { roster }) => writeRoster(writer, roster),
    read: (reader) => ({ op: 'roster', roster: readRoster(reader) }),
  },
}

/** The one section of a control frame. */
export function encodeControl(operation: ControlOperation): Uint8Array {
  const writer = createWriter()
  writeOperation(writer, operation.op, operation)
  const bytes = writer.finish()
  assert(decodeControl(bytes).ok, `a ${operation.op} operation keeps its limits`)
  return bytes
}

export function decodeControl(bytes: Uint8Array): Result<ControlOperation> {
  return decoding('control operation', () => {
    const reader = createReader(bytes)
    const number = reader.u8()
    const codec = Object.values(CODECS).find((candidate) => candidate.number === number)
    if (codec === undefined) throw new DecodeError(`operation ${number} is unknown`)
    const operation = codec.read(reader)
    reader.end()
    return operation
  })
}

/** The operation of a control frame that has its payload. */
export function controlOf(frame: Frame): Result<ControlOperation> {
  const [section, ...rest] = wholeSections(frame) ?? []
  if (frame.kind === 'control' && section !== undefined && rest.length === 0) {
    return decodeControl(section)
  }
  return fail({
    code: 'ErrDecode',
    message: `Frame ${frame.seq} is not a control frame with its one section.`,
    hint: 'Ask another peer: this one’s history is damaged or made up.',
    facts: { seq: frame.seq, kind: frame.kind },
  })
}

/** The exact bytes that the signer of a hand-over signs. */
export function handOverPreimage(
  shard: Uint8Array,
  fields: Omit<HandOverOperation, 'op' | 'signature'>,
): Uint8Array {
  const writer = createWriter().bytes(domainBytes(DOMAINS.handOver)).bytes(shard)
  writeHandOverFields(writer, fields)
  return writer.finish()
}

/** The exact bytes that the signer of a grant signs. */
export function grantPreimage(
  shard: Uint8Array,
  fields: Omit<GrantFields, 'signature'>,
): Uint8Array {
  const writer = createWriter().bytes(domainBytes(DOMAINS.grant)).bytes(shard)
  writeGrantFields(writer, fields)
  return writer.finish()
}

/** The exact bytes that the signer of a close signs. */
export function closePreimage(
  shard: Uint8Array,
  fields: Omit<CloseOperation, 'op' | 'signature'>,
): Uint8Array {
  const writer = createWriter().bytes(domainBytes(DOMAINS.close)).bytes(shard)
  writeCloseFields(writer, fields)
  return writer.finish()
}

function writeOperation<Op extends ControlOperation['op']>(
  writer: Writer,
  op: Op,
  operation: OperationOf<Op>,
): void {
  const codec: Codec<Op> = CODECS[op]
  writer.u8(codec.number)
  codec.write(writer, operation)
}

function writeHandOverFields(
  writer: Writer,
  fields: Omit<HandOverOperation, 'op' | 'signature'>,
): void {
  const { epoch, author, fromSeq, prev, signer } = fields
  writer.u64(epoch).bytes(author).u64(fromSeq).bytes(prev).bytes(signer)
}

function writeGrantFields(writer: Writer, fields: Omit<GrantFields, 'signature'>): void {
  const { key, role, scope, expiry, signer } = fields
  writer
    .bytes(key)
    .u8(role === 'reader' ? 1 : 2)
    .str16(scope)
  writeOptional(writer, expiry, (ms) => writer.u64(ms))
  writer.bytes(signer)
}

function writeGrant(writer: Writer, grant: GrantFields): void {
  writeGrantFields(writer, grant)
  writer.bytes(grant.signature)
}

function readGrant(reader: Reader): GrantFields {
  return {
    key: reader.bytes(KEY_BYTES),
    role: readChoice(reader, ['reader', 'writer']),
    scope: reader.str16(SCOPE_BYTES_MAX),
    expiry: readOptional(reader, () => reader.u64()),
    signer: reader.bytes(KEY_BYTES),
    signature: reader.bytes(SIGNATURE_BYTES),
  }
}

function writeCloseFields(writer: Writer, fields: Omit<CloseOperation, 'op' | 'signature'>): void {
  const { author, seq, checksum, reason, signer } = fields
  writer.bytes(author).u64(seq).bytes(checksum).str16(reason).bytes(signer)
}

function readPageSize(reader: Reader): number {
  const log2 = reader.u8()
  if (log2 < PAGE_SIZE_LOG2_MIN || log2 > PAGE_SIZE_LOG2_MAX) {
    throw new DecodeError(`a page size of 2^${log2} is none of SQLite's`)
  }
  return 2 ** log2
}
