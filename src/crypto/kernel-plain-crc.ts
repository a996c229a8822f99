/** Checksums in plain JavaScript: CRC-32C (Castagnoli polynomial, reflected 0x82F63B78; RFC 3720 §12.1) by
 *  slicing by eight, and CRC-32 (0xEDB88320).  Keeps: the results of wasm/src/crc32.c. */

const TABLES: Uint32Array[] = []

function tables(): Uint32Array[] {
  if (TABLES.length > 0) return TABLES
  const first = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
    first[byte] = value
  }
  TABLES.push(first)
  for (let slice = 1; slice < 8; slice++) {
    const previous = TABLES[slice - 1] as Uint32Array
    TABLES.push(previous.map((value) => (value >>> 8) ^ (first[value & 0xff] as number)))
  }
  return TABLES
}

/** The checksum of `bytes`, going on from `seed`, the checksum of what stands before them. */
export function plainCrc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables() as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ]
  let crc = ~seed
  let at = 0
  for (const end = bytes.length - 7; at < end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

/** One bit at a time: nothing in the package needs this checksum where the kernel does not run. */
export function plainCrc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  return ~crc >>> 0
}
