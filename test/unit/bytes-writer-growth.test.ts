/** A writer that has to grow in the middle of any field still writes that field: every verb, at every
 *  distance from the end of the buffer. */
import { expect, it } from 'vitest'
import { createWriter, type Writer } from '../../src/bytes/writer.ts'

const FIELDS: readonly ((writer: Writer) => Writer)[] = [
  (writer) => writer.u8(7),
  (writer) => writer.u16(0x0708),
  (writer) => writer.u32(0x0708_0900),
  (writer) => writer.u64(0x0102_0304_0506_0708n),
  (writer) => writer.varint(2 ** 52),
  (writer) => writer.varint64(2n ** 63n),
  (writer) => writer.bytes(Uint8Array.of(1, 2, 3)),
  (writer) => writer.str16('grün'),
]

it('grows in every verb without losing the field', () => {
  for (const field of FIELDS) {
    for (let filled = 0; filled <= 16; filled++) {
      const roomy = field(createWriter(256).bytes(new Uint8Array(filled))).finish()
      const tight = field(createWriter(16).bytes(new Uint8Array(filled))).finish()
      expect(tight).toEqual(roomy)
    }
  }
})
