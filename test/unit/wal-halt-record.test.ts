/** The record of a halt: evidence reads back as it was written, and a changed byte never reads the same. */

import { describe, expect, it } from 'vitest'
import { createReader, DecodeError } from '../../src/bytes/reader.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { type HaltEvidence, readHalt, writeHalt } from '../../src/wal/halt-record.ts'
import * as layout from '../../src/wal/layout.ts'

describe('records', () => {
  it('of a halt refuse every length that is cut short, and no changed byte reads back the same', () => {
    const facts = [
      { name: 'seq', value: 7n },
      { name: 'ours', value: new Uint8Array(248).fill(1) },
      { name: 'theirs', value: new Uint8Array(248).fill(2) },
    ]
    const halt: HaltEvidence = { reason: 'ErrForked', message: 'A fork at 7.', facts }
    const writer = createWriter()
    writeHalt(writer, halt)
    const bytes = writer.finish()
    expect(readHalt(createReader(bytes))).toEqual(halt)
    for (let at = 0; at < bytes.byteLength; at++) {
      expect(() => readHalt(createReader(bytes.subarray(0, at))), `length ${at}`).toThrow()
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      let read: HaltEvidence | undefined
      try {
        read = readHalt(createReader(changed))
      } catch (error) {
        expect(error instanceof DecodeError || error instanceof RangeError).toBe(true)
      }
      expect(read, `byte ${at}`).not.toEqual(halt)
    }
  })

  it('of a halt refuse an unknown reason, an unknown kind and more facts than the limit', () => {
    const read = (...bytes: number[]) => readHalt(createReader(new Uint8Array(bytes)))
    expect(read(1, 0, 0, 0)).toEqual({ reason: 'ErrForked', message: '', facts: [] })
    expect(() => read(0, 0, 0, 0)).toThrow(DecodeError)
    expect(() => read(3, 0, 0, 0)).toThrow(DecodeError)
    expect(() => read(1, 0, 0, 1, 0, 0, 3, 0)).toThrow(DecodeError)
    expect(() => read(1, 0, 0, layout.HALT_FACTS_MAX + 1)).toThrow('too many')
  })
})
