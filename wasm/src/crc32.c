/* CRC-32 (ISO 3309, ITU-T V.42: polynomial 0xEDB88320 reflected) and CRC-32C (Castagnoli, RFC 3720
 * §12.1: 0x82F63B78), slicing by sixteen (Kounavis and Berry: "A systematic approach to building high
 * performance software-based CRC generators", 2005, §4).
 * Keeps: the checksum of a part, given as the seed, goes on into the next part. */

#include "kernel.h"

/* Table k, entry b: the checksum's change by byte b that has k bytes after it. */
typedef u32 Tables[16][256];

static Tables ieee, castagnoli;

static void fill(Tables tables, u32 polynomial) {
  for (u32 byte = 0; byte < 256; byte++) {
    u32 value = byte;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (polynomial & -(value & 1));
    tables[0][byte] = value;
  }
  for (int table = 1; table < 16; table++) {
    for (u32 byte = 0; byte < 256; byte++) {
      u32 shorter = tables[table - 1][byte];
      tables[table][byte] = (shorter >> 8) ^ tables[0][shorter & 255];
    }
  }
}

EXPORT("crc32_prepare") void crc32_prepare(void) {
  fill(ieee, 0xedb88320);
  fill(castagnoli, 0x82f63b78);
}

INLINE u32 byte_of(u64 word, int index) { return (u32)(word >> (8 * index)) & 255; }

INLINE u32 run(Tables t, const u8 *input, u32 length, u32 seed) {
  u32 crc = ~seed;
  for (; length >= 16; input += 16, length -= 16) {
    u64 low = load64(input), high = load64(input + 8);
    u32 rest = ((t[11][byte_of(low, 4)] ^ t[10][byte_of(low, 5)]) ^
                (t[9][byte_of(low, 6)] ^ t[8][byte_of(low, 7)])) ^
               (((t[7][byte_of(high, 0)] ^ t[6][byte_of(high, 1)]) ^
                 (t[5][byte_of(high, 2)] ^ t[4][byte_of(high, 3)])) ^
                ((t[3][byte_of(high, 4)] ^ t[2][byte_of(high, 5)]) ^
                 (t[1][byte_of(high, 6)] ^ t[0][byte_of(high, 7)])));
    /* Twelve of the sixteen look-ups do not wait for the block before.  Without this the compiler
     * re-associates the exclusive ors, and all sixteen do: 2.7 instead of 4.2 GB/s. */
    OPAQUE(rest);
    u32 first = (u32)low ^ crc;
    crc = ((t[15][first & 255] ^ t[14][byte_of(first, 1)]) ^
           (t[13][byte_of(first, 2)] ^ t[12][byte_of(first, 3)])) ^ rest;
  }
  for (; length > 0; length--) crc = (crc >> 8) ^ t[0][(crc ^ *input++) & 255];
  return ~crc;
}

EXPORT("crc32") u32 crc32(const u8 *input, u32 length, u32 seed) {
  return run(ieee, input, length, seed);
}

EXPORT("crc32c") u32 crc32c(const u8 *input, u32 length, u32 seed) {
  return run(castagnoli, input, length, seed);
}
