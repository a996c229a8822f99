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

/* Opaque, so that shift and scaling stay two steps: engines fold the scaling into the address, which is
 * one instruction less for each byte. */
INLINE u32 byte_of(u32 word, int index) {
  u32 byte = (word >> (8 * index)) & 255;
  __asm__("" : "+r"(byte));
  return byte;
}

/* The changes by the four bytes of a word that has `after` words behind it in its sixteen bytes. */
INLINE u32 look_up(Tables t, u32 word, int after) {
  return (t[4 * after + 3][byte_of(word, 0)] ^ t[4 * after + 2][byte_of(word, 1)]) ^
         (t[4 * after + 1][byte_of(word, 2)] ^ t[4 * after][byte_of(word, 3)]);
}

INLINE u32 run(Tables t, const u8 *input, u32 length, u32 seed) {
  u32 crc = ~seed;
  for (; length >= 16; input += 16, length -= 16) {
    u32 rest = look_up(t, load32(input + 4), 2) ^
               (look_up(t, load32(input + 8), 1) ^ look_up(t, load32(input + 12), 0));
    /* Twelve of the sixteen look-ups do not wait for the block before.  Without this the compiler
     * re-associates the exclusive ors, and all sixteen do: a third slower. */
    OPAQUE(rest);
    crc = look_up(t, load32(input) ^ crc, 3) ^ rest;
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
