/* CRC-32 (ISO 3309, ITU-T V.42: polynomial 0xEDB88320 reflected) and CRC-32C (Castagnoli, RFC 3720
 * §12.1: 0x82F63B78).  Short input and ends: slicing by sixteen (Kounavis and Berry: "A systematic
 * approach to building high performance software-based CRC generators", 2005, §4).  Long input: folding
 * by 64 bytes (Gopal et al.: "Fast CRC computation for generic polynomials using PCLMULQDQ", 2009, §2),
 * where look-ups of half bytes in a vector stand in for the carry-less multiplication that WASM has not.
 * Keeps: the checksum of a part, given as the seed, goes on into the next part. */

#include "kernel.h"

enum {
  BLOCK_BYTES = 64,
  FOLDED_BYTES_MIN = 256, /* below, what folding costs at its end is not earned back */
};

typedef struct {
  /* Table k, entry b: the checksum's change by byte b that has k bytes after it. */
  u32 slices[16][256];
  /* What 64 bytes of zeros behind a word make of it, by byte of the word and half of that byte: byte
   * `out` of the result for each value of the half. */
  u8 folds[4][2][4][16];
} Tables;

static Tables ieee, castagnoli;

/* ---- Tables ---- */

INLINE u32 shift_out(const Tables *t, u32 crc) { return (crc >> 8) ^ t->slices[0][crc & 255]; }

static void fill(Tables *t, u32 polynomial) {
  for (u32 byte = 0; byte < 256; byte++) {
    u32 value = byte;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (polynomial & -(value & 1));
    t->slices[0][byte] = value;
  }
  for (int slice = 1; slice < 16; slice++) {
    for (u32 byte = 0; byte < 256; byte++) t->slices[slice][byte] = shift_out(t, t->slices[slice - 1][byte]);
  }
  /* A checksum is linear: the entry of a half is the sum of those of its bits. */
  for (u32 bit = 0; bit < 32; bit++) {
    u32 folded = 1u << bit, place = 1u << (bit & 3);
    for (int byte = 0; byte < BLOCK_BYTES; byte++) folded = shift_out(t, folded);
    for (u32 out = 0; out < 4; out++) {
      u8 *entry = t->folds[bit / 8][bit / 4 & 1][out];
      for (u32 low = 0; low < place; low++) entry[place + low] = entry[low] ^ (u8)(folded >> 8 * out);
    }
  }
}

EXPORT("crc32_prepare") void crc32_prepare(void) {
  fill(&ieee, 0xedb88320);
  fill(&castagnoli, 0x82f63b78);
}

/* ---- Slicing ---- */

/* The changes by four bytes that have `after` words behind them in their sixteen.  Each byte is loaded by
 * itself: loads are cheaper than cutting words (4.0 against 3.2 GB/s). */
INLINE u32 change_of(const Tables *t, const u8 *bytes, int after) {
  const u32(*s)[256] = t->slices + 4 * after;
  return (s[3][bytes[0]] ^ s[2][bytes[1]]) ^ (s[1][bytes[2]] ^ s[0][bytes[3]]);
}

/* Opaque, so that shift and scaling stay two steps, which some engines fold into the address. */
INLINE u32 byte_of(u32 word, int index) {
  u32 byte = (word >> (8 * index)) & 255;
  __asm__("" : "+r"(byte));
  return byte;
}

NEVER_INLINE static u32 slice(const Tables *t, const u8 *input, u32 length, u32 crc) {
  for (; length >= 16; input += 16, length -= 16) {
    u32 rest = change_of(t, input + 4, 2) ^ (change_of(t, input + 8, 1) ^ change_of(t, input + 12, 0));
    /* Twelve of the sixteen look-ups do not wait for the block before.  Without this the compiler
     * re-associates the exclusive ors, and all sixteen do. */
    OPAQUE(rest);
    crc ^= load32(input);
    crc = (t->slices[15][byte_of(crc, 0)] ^ t->slices[14][byte_of(crc, 1)]) ^
          (t->slices[13][byte_of(crc, 2)] ^ t->slices[12][byte_of(crc, 3)]) ^ rest;
  }
  for (; length > 0; length--) crc = (crc >> 8) ^ t->slices[0][(crc ^ *input++) & 255];
  return crc;
}

/* ---- Folding ---- */

/* Sixteen words of four bytes as four vectors: all first bytes, all second bytes, and so on. */
typedef struct {
  Vector bytes[4];
} Words;

/* Within each vector: four words of four bytes become four quarters of one place each.  Its own inverse. */
INLINE Vector turn(Vector x) {
  return wasm_i8x16_shuffle(x, x, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

INLINE Words load_words(const u8 *from, u32 crc) {
  Words w;
  UNROLL for (int i = 0; i < 4; i++) w.bytes[i] = wasm_v128_load(from + 16 * i);
  w.bytes[0] = wasm_v128_xor(w.bytes[0], wasm_i32x4_make(crc, 0, 0, 0));
  UNROLL for (int i = 0; i < 4; i++) w.bytes[i] = turn(w.bytes[i]);
  transpose(&w.bytes[0], &w.bytes[1], &w.bytes[2], &w.bytes[3]);
  return w;
}

INLINE void store_words(u8 *to, Words w) {
  transpose(&w.bytes[0], &w.bytes[1], &w.bytes[2], &w.bytes[3]);
  UNROLL for (int i = 0; i < 4; i++) wasm_v128_store(to + 16 * i, turn(w.bytes[i]));
}

/* Adds to each word of `next` what the word 64 bytes before it comes to there. */
INLINE Words fold(const Tables *t, Words words, Words next) {
  UNROLL for (int byte = 0; byte < 4; byte++) {
    Vector low = wasm_v128_and(words.bytes[byte], wasm_i8x16_splat(15));
    Vector high = wasm_u8x16_shr(words.bytes[byte], 4);
    UNROLL for (int out = 0; out < 4; out++) {
      Vector lows = wasm_i8x16_swizzle(wasm_v128_load(t->folds[byte][0][out]), low);
      Vector highs = wasm_i8x16_swizzle(wasm_v128_load(t->folds[byte][1][out]), high);
      next.bytes[out] = wasm_v128_xor(wasm_v128_xor(next.bytes[out], lows), highs);
    }
  }
  return next;
}

/* Whole blocks; the last one, into which all before it are folded, has the checksum of them all. */
NEVER_INLINE static u32 fold_blocks(const Tables *t, const u8 *input, u32 blocks, u32 crc) {
  Words words = load_words(input, crc);
  while (--blocks > 0) words = fold(t, words, load_words(input += BLOCK_BYTES, 0));
  u8 last[BLOCK_BYTES];
  store_words(last, words);
  return slice(t, last, BLOCK_BYTES, 0);
}

/* ---- Both ---- */

static u32 checksum(const Tables *t, const u8 *input, u32 length, u32 seed) {
  u32 crc = ~seed, whole = length >= FOLDED_BYTES_MIN ? length & -BLOCK_BYTES : 0;
  if (whole > 0) crc = fold_blocks(t, input, whole / BLOCK_BYTES, crc);
  return ~slice(t, input + whole, length - whole, crc);
}

EXPORT("crc32") u32 crc32(const u8 *input, u32 length, u32 seed) {
  return checksum(&ieee, input, length, seed);
}

EXPORT("crc32c") u32 crc32c(const u8 *input, u32 length, u32 seed) {
  return checksum(&castagnoli, input, length, seed);
}
