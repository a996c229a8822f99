/** The bytes of a request entry: table, constants and codec agree; what is malformed is refused. */

import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { createReader, DecodeError } from '../../src/bytes/reader.ts'
import { formatHex } from '../../src/bytes/text.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import * as layout from '../../src/wal/layout.ts'
import { encodeRecord } from '../../src/wal/records.ts'
import { type RequestEntry, readRequest, writeRequest } from '../../src/wal/request-entry.ts'
import { createRequestId, requestSeconds } from '../../src/wal/request-id.ts'
import { at, expectUnbroken, tableOf } from './wal-tables.ts'

const ANSWERED: RequestEntry = {
  id: createRequestId(new Uint8Array(8).fill(7), 1_790_000_000, 0xa_bcde),
  seq: toSeq(0x0102),
  outcome: { type: 'answered', changes: 3, lastInsertRowid: -2 },
}

describe('a request entry', () => {
  const encode = (entry: RequestEntry): Uint8Array => {
    const writer = createWriter()
    writeRequest(writer, entry)
    return writer.finish()
  }

  it('has its fields where the table says', () => {
    const rows = tableOf('layout.ts', 'Request entry;')
    expectUnbroken(rows, layout.REQUEST_ENTRY_BYTES_MAX)
    const bytes = encode(ANSWERED)
    const view = new DataView(bytes.buffer)
    expect(bytes.byteLength).toBe(layout.REQUEST_ENTRY_BYTES_MAX)
    expect(bytes[at(rows, 'tag')]).toBe(7)
    expect(view.getBigUint64(at(rows, 'time'))).toBe((1_790_000_000n << 20n) | 0xa_bcden)
    expect(view.getBigUint64(at(rows, 'seq'))).toBe(0x0102n)
    expect(bytes[at(rows, 'kind')]).toBe(layout.REQUEST_ANSWERED)
    expect(view.getBigUint64(at(rows, 'changes'))).toBe(3n)
    expect(view.getBigInt64(at(rows, 'lastInsertRowid'))).toBe(-2n)
    expect(requestSeconds(ANSWERED.id)).toBe(1_790_000_000)
  })

  it('is these bytes', () => {
    const id = '07070707070707070006ab13b80abcde'
    expect(formatHex(encode(ANSWERED))).toBe(
      `${id}0000000000000102020000000000000003fffffffffffffffe`,
    )
    const kinds = [
      ['begun', '00'],
      ['done', '01'],
      ['forgotten', '03'],
    ] as const
    for (const [type, kind] of kinds) {
      const bytes = encode({ ...ANSWERED, outcome: { type } })
      expect(formatHex(bytes), type).toBe(`${id}0000000000000102${kind}`)
    }
  })

  it('takes no more than the room that is kept for its record', () => {
    const { bytes } = encodeRecord({ type: 'requests', requests: [ANSWERED] }, undefined)
    expect(bytes.byteLength).toBe(layout.REQUEST_RECORD_BYTES_MAX)
  })

  it('of an unknown kind, of too many changes, or cut short is refused', () => {
    const bytes = encode(ANSWERED)
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(() => readRequest(createReader(bytes.subarray(0, length))), `${length}`).toThrow()
    }
    const kind = bytes.slice()
    kind[24] = 4
    expect(() => readRequest(createReader(kind))).toThrow(DecodeError)
    const changes = bytes.slice()
    changes[25] = 1
    expect(() => readRequest(createReader(changes))).toThrow(DecodeError)
  })
})
