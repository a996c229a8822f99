/* BLAKE3's compression function, one block at a time and four (the paper's §2.2; part of blake3.c).
 * Keeps: four chunks, parents or messages go through the four lanes of one vector; a single block goes
 * through plain integers, because its rows in vectors cost more in shuffles than they save (558 against
 * 1223 MB/s in V8).  Plain integers are at what the processor can do: neither loading words of the message
 * again in each round nor one loop over a chunk's blocks is faster. */

#ifndef BLAKE3_COMPRESS_H
#define BLAKE3_COMPRESS_H

#include "kernel.h"

enum {
  BLOCK_BYTES = 64,
  VALUE_BYTES = 32, /* of a chaining value */
};

/* §2.2, table 3. */
enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

/* §2.2, table 1. */
static const u32 IV[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* §2.2, table 2: the permutation of message words, carried through the seven rounds. */
static const u8 SCHEDULE[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

/* §2.2: columns, then diagonals.  `MIX` is one of the two G functions below. */
#define ROUNDS(MIX, v, m)                                                          \
  UNROLL for (int round = 0; round < 7; round++) {                                 \
    const u8 *word = SCHEDULE[round];                                              \
    MIX(&v[0], &v[4], &v[8], &v[12], m[word[0]], m[word[1]]);                      \
    MIX(&v[1], &v[5], &v[9], &v[13], m[word[2]], m[word[3]]);                      \
    MIX(&v[2], &v[6], &v[10], &v[14], m[word[4]], m[word[5]]);                     \
    MIX(&v[3], &v[7], &v[11], &v[15], m[word[6]], m[word[7]]);                     \
    MIX(&v[0], &v[5], &v[10], &v[15], m[word[8]], m[word[9]]);                     \
    MIX(&v[1], &v[6], &v[11], &v[12], m[word[10]], m[word[11]]);                   \
    MIX(&v[2], &v[7], &v[8], &v[13], m[word[12]], m[word[13]]);                    \
    MIX(&v[3], &v[4], &v[9], &v[14], m[word[14]], m[word[15]]);                    \
  }

INLINE u32 rotate_right(u32 x, int distance) { return (x >> distance) | (x << (32 - distance)); }

INLINE void mix_one(u32 *a, u32 *b, u32 *c, u32 *d, u32 x, u32 y) {
  *a = *a + *b + x;
  *d = rotate_right(*d ^ *a, 16);
  *c = *c + *d;
  *b = rotate_right(*b ^ *c, 12);
  *a = *a + *b + y;
  *d = rotate_right(*d ^ *a, 8);
  *c = *c + *d;
  *b = rotate_right(*b ^ *c, 7);
}

INLINE void mix_four(Vector *a, Vector *b, Vector *c, Vector *d, Vector x, Vector y) {
  *a = wasm_i32x4_add(wasm_i32x4_add(*a, *b), x);
  *d = rotate_right_16(wasm_v128_xor(*d, *a));
  *c = wasm_i32x4_add(*c, *d);
  *b = rotate_right_12(wasm_v128_xor(*b, *c));
  *a = wasm_i32x4_add(wasm_i32x4_add(*a, *b), y);
  *d = rotate_right_8(wasm_v128_xor(*d, *a));
  *c = wasm_i32x4_add(*c, *d);
  *b = rotate_right_7(wasm_v128_xor(*b, *c));
}

/* §2.2: the compression function.  The first half of its output replaces `value`; the second, which
 * only extended output needs, goes to `rest` unless that is null. */
NEVER_INLINE static void compress(u32 value[8], const u8 *block, u32 length, u64 counter, u32 flags,
                                  u8 *rest) {
  u32 m[16], v[16];
  UNROLL for (int i = 0; i < 16; i++) m[i] = load32(block + 4 * i);
  UNROLL for (int i = 0; i < 8; i++) v[i] = value[i];
  UNROLL for (int i = 0; i < 4; i++) v[8 + i] = IV[i];
  v[12] = (u32)counter;
  v[13] = (u32)(counter >> 32);
  v[14] = length;
  v[15] = flags;
  ROUNDS(mix_one, v, m)
  if (rest) UNROLL for (int i = 0; i < 8; i++) store32(rest + 4 * i, v[8 + i] ^ value[i]);
  UNROLL for (int i = 0; i < 8; i++) value[i] = v[i] ^ v[8 + i];
}

/* Four inputs of equally many blocks, one a lane; four chaining values, one after the other. */
typedef struct {
  const u8 *input[4];
  u32 blocks;
  Vector counter;
  u32 flags, first, last; /* of every block, and what the first and the last have besides */
} Lanes;

NEVER_INLINE static void compress_four(const Lanes *lanes, const u32 *key, u8 *out) {
  Vector h[8];
  UNROLL for (int i = 0; i < 8; i++) h[i] = wasm_i32x4_splat(key[i]);
  const u8 *a = lanes->input[0], *b = lanes->input[1], *c = lanes->input[2], *d = lanes->input[3];
  u32 flags = lanes->flags | lanes->first;
  for (u32 left = lanes->blocks; left > 0; left--) {
    if (left == 1) flags |= lanes->last;
    Vector m[16], v[16];
    UNROLL for (int i = 0; i < 16; i += 4) {
      m[i] = wasm_v128_load(a + 4 * i);
      m[i + 1] = wasm_v128_load(b + 4 * i);
      m[i + 2] = wasm_v128_load(c + 4 * i);
      m[i + 3] = wasm_v128_load(d + 4 * i);
      transpose(&m[i], &m[i + 1], &m[i + 2], &m[i + 3]);
    }
    UNROLL for (int i = 0; i < 8; i++) v[i] = h[i];
    UNROLL for (int i = 0; i < 4; i++) v[8 + i] = wasm_i32x4_splat(IV[i]);
    v[12] = lanes->counter;
    /* Lanes number chunks below 2^32, which is 4 TiB of input. */
    v[13] = wasm_i32x4_splat(0);
    v[14] = wasm_i32x4_splat(BLOCK_BYTES);
    v[15] = wasm_i32x4_splat(flags);
    ROUNDS(mix_four, v, m)
    UNROLL for (int i = 0; i < 8; i++) h[i] = wasm_v128_xor(v[i], v[8 + i]);
    flags = lanes->flags;
    a += BLOCK_BYTES, b += BLOCK_BYTES, c += BLOCK_BYTES, d += BLOCK_BYTES;
  }
  transpose(&h[0], &h[1], &h[2], &h[3]);
  transpose(&h[4], &h[5], &h[6], &h[7]);
  UNROLL for (int i = 0; i < 4; i++) {
    wasm_v128_store(out + VALUE_BYTES * i, h[i]);
    wasm_v128_store(out + VALUE_BYTES * i + 16, h[4 + i]);
  }
}

#endif
