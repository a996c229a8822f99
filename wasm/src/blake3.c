/* BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn: "BLAKE3: one function, fast everywhere", 2020;
 * section numbers below are of that paper).  Hash, keyed hash and derive-key differ only in the key
 * words and one flag, so each entry takes both.
 * Keeps: every mode gives the bytes of the official vectors; four chunks, parents or messages go
 * through the four lanes of one vector; a single chunk goes through plain integers, because its rows
 * in vectors cost more in shuffles than they save (558 against 1223 MB/s in V8). */

#include "kernel.h"

enum {
  BLOCK_BYTES = 64,
  CHUNK_BYTES = 1024,
  CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES,
  VALUE_BYTES = 32, /* of a chaining value */
  GROUP_CHUNKS = 64, /* hashed together when the input is longer */
  DEPTH_MAX = 54, /* of the tree: 2^64 bytes */
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

/* What one call of the compression function knows beside its block. */
typedef struct {
  const u32 *key; /* eight words */
  u32 flags; /* of the mode: KEYED_HASH, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL, or none */
} Mode;

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

/* The last compression of a chunk or a tree, which is not run yet: as the root it may have to be run
 * for more than 32 bytes. */
typedef struct {
  u32 value[8];
  u8 block[BLOCK_BYTES];
  u32 length;
  u64 counter;
  u32 flags;
} Pending;

/* §2.4: a chunk of at most 1024 bytes, up to its last block. */
static void begin_chunk(Pending *pending, const u8 *input, u32 length, u64 counter, Mode mode) {
  UNROLL for (int i = 0; i < 8; i++) pending->value[i] = mode.key[i];
  u32 flags = mode.flags | CHUNK_START;
  for (; length > BLOCK_BYTES; input += BLOCK_BYTES, length -= BLOCK_BYTES) {
    compress(pending->value, input, BLOCK_BYTES, counter, flags, 0);
    flags = mode.flags;
  }
  UNROLL for (int i = 0; i < 8; i++) store64(pending->block + 8 * i, 0);
  if (length == BLOCK_BYTES) copy32(pending->block, input), copy32(pending->block + 32, input + 32);
  else for (u32 i = 0; i < length; i++) pending->block[i] = input[i];
  pending->length = length;
  pending->counter = counter;
  pending->flags = flags | CHUNK_END;
}

/* §2.5: a parent of two chaining values that lie side by side. */
static void begin_parent(Pending *pending, const u8 *children, Mode mode) {
  UNROLL for (int i = 0; i < 8; i++) pending->value[i] = mode.key[i];
  copy32(pending->block, children);
  copy32(pending->block + 32, children + 32);
  pending->length = BLOCK_BYTES;
  pending->counter = 0;
  pending->flags = mode.flags | PARENT;
}

static void finish_value(Pending *pending, u8 *out) {
  compress(pending->value, pending->block, pending->length, pending->counter, pending->flags, 0);
  UNROLL for (int i = 0; i < 8; i++) store32(out + 4 * i, pending->value[i]);
}

/* §2.6: extended output runs the root compression again with a counter of output blocks. */
static void finish_root(Pending *pending, u8 *out, u32 length) {
  u8 block[BLOCK_BYTES];
  for (u64 counter = 0; length > 0; counter++) {
    u32 value[8];
    UNROLL for (int i = 0; i < 8; i++) value[i] = pending->value[i];
    u8 *rest = length > VALUE_BYTES ? block + VALUE_BYTES : 0;
    compress(value, pending->block, pending->length, counter, pending->flags | ROOT, rest);
    UNROLL for (int i = 0; i < 8; i++) store32(block + 4 * i, value[i]);
    u32 taken = length < BLOCK_BYTES ? length : BLOCK_BYTES;
    if (taken == VALUE_BYTES) copy32(out, block);
    else for (u32 i = 0; i < taken; i++) out[i] = block[i];
    out += taken;
    length -= taken;
  }
}

static void chunk_value(const u8 *input, u32 length, u64 counter, Mode mode, u8 *out) {
  Pending pending;
  begin_chunk(&pending, input, length, counter, mode);
  finish_value(&pending, out);
}

static void parent_value(const u8 *children, Mode mode, u8 *out) {
  Pending pending;
  begin_parent(&pending, children, mode);
  finish_value(&pending, out);
}

/* `count` whole chunks, three or four at once; a lane that has no chunk repeats the last. */
static void four_chunks(const u8 *input, u32 count, u32 counter, Mode mode, u8 *out) {
  u32 last = count - 1;
  Lanes lanes = {
      {input, input + CHUNK_BYTES, input + 2 * CHUNK_BYTES, input + last * CHUNK_BYTES},
      CHUNK_BLOCKS,
      wasm_i32x4_make(counter, counter + 1, counter + 2, counter + last),
      mode.flags,
      CHUNK_START,
      CHUNK_END};
  compress_four(&lanes, mode.key, out);
}

/* Chaining values of up to GROUP_CHUNKS chunks, the last of which may be short; answers how many.
 * `values` has room for one value more than there are chunks: the repeated lane. */
static u32 chunk_values(const u8 *input, u32 length, u64 counter, Mode mode, u8 *values) {
  u32 count = 0;
  for (u32 whole = length / CHUNK_BYTES; whole >= 3;) {
    u32 taken = whole >= 4 ? 4 : 3;
    four_chunks(input, taken, (u32)counter + count, mode, values + VALUE_BYTES * count);
    input += taken * CHUNK_BYTES;
    length -= taken * CHUNK_BYTES;
    whole -= taken;
    count += taken;
  }
  for (; length > 0; count++) {
    u32 taken = length < CHUNK_BYTES ? length : CHUNK_BYTES;
    chunk_value(input, taken, counter + count, mode, values + VALUE_BYTES * count);
    input += taken;
    length -= taken;
  }
  return count;
}

/* §2.5: parents of neighbours, level by level, in place, until `limit` (1 or 2) values are left.  An
 * odd one rises as it is, which gives the tree of the paper: left subtrees are whole. */
static void reduce_values(u8 *values, u32 count, u32 limit, Mode mode) {
  while (count > limit) {
    u32 parents = count / 2, done = 0;
    for (; parents - done >= 3; ) {
      const u8 *from = values + BLOCK_BYTES * done;
      u32 taken = parents - done >= 4 ? 4 : 3;
      Lanes lanes = {{from, from + 64, from + 128, from + 64 * (taken - 1)},
                     1, wasm_i32x4_splat(0), mode.flags | PARENT, 0, 0};
      u8 four[4 * VALUE_BYTES];
      compress_four(&lanes, mode.key, four);
      for (u32 i = 0; i < taken; i++) copy32(values + VALUE_BYTES * (done + i), four + VALUE_BYTES * i);
      done += taken;
    }
    for (; done < parents; done++)
      parent_value(values + BLOCK_BYTES * done, mode, values + VALUE_BYTES * done);
    if (count & 1) copy32(values + VALUE_BYTES * parents, values + VALUE_BYTES * (count - 1));
    count = parents + (count & 1);
  }
}

/* Chaining values of whole subtrees on the left, largest first (§5.1.2). */
typedef struct {
  u32 depth;
  u8 values[(DEPTH_MAX + 1) * VALUE_BYTES];
} Stack;

/* Pushes a subtree of `chunks` chunks, a power of two, that ends before chunk `end`, and joins equal
 * subtrees.  Only for subtrees after which more input comes: the last join is the root's. */
static void push_subtree(Stack *stack, const u8 *value, u32 chunks, u64 end, Mode mode) {
  copy32(stack->values + VALUE_BYTES * stack->depth++, value);
  for (u64 subtrees = end / chunks; !(subtrees & 1); subtrees >>= 1) {
    stack->depth--;
    u8 *left = stack->values + VALUE_BYTES * (stack->depth - 1);
    parent_value(left, mode, left);
  }
}

/* Joins all that is on the stack with the value at its top, up to the root. */
static void finish_stack(Stack *stack, Mode mode, u8 *out, u32 length) {
  for (; stack->depth > 2; stack->depth--) {
    u8 *left = stack->values + VALUE_BYTES * (stack->depth - 2);
    parent_value(left, mode, left);
  }
  Pending root;
  begin_parent(&root, stack->values, mode);
  finish_root(&root, out, length);
}

/* Null stands for the IV, the key of the plain hash (§2.3). */
INLINE Mode mode_of(const u32 *key, u32 flags) {
  Mode mode = {key ? key : IV, flags};
  return mode;
}

EXPORT("blake3")
void blake3(const u32 *key, u32 flags, const u8 *input, u32 length, u8 *out, u32 out_length) {
  Mode mode = mode_of(key, flags);
  if (length <= CHUNK_BYTES) {
    Pending root;
    begin_chunk(&root, input, length, 0, mode);
    finish_root(&root, out, out_length);
    return;
  }
  u8 values[(GROUP_CHUNKS + 1) * VALUE_BYTES];
  Stack stack;
  stack.depth = 0;
  u64 chunks = 0;
  for (; length > GROUP_CHUNKS * CHUNK_BYTES; length -= GROUP_CHUNKS * CHUNK_BYTES) {
    chunk_values(input, GROUP_CHUNKS * CHUNK_BYTES, chunks, mode, values);
    reduce_values(values, GROUP_CHUNKS, 1, mode);
    input += GROUP_CHUNKS * CHUNK_BYTES;
    chunks += GROUP_CHUNKS;
    push_subtree(&stack, values, GROUP_CHUNKS, chunks, mode);
  }
  u32 count = chunk_values(input, length, chunks, mode, values);
  if (chunks == 0) {
    reduce_values(values, count, 2, mode);
    Pending root;
    begin_parent(&root, values, mode);
    finish_root(&root, out, out_length);
    return;
  }
  reduce_values(values, count, 1, mode);
  copy32(stack.values + VALUE_BYTES * stack.depth++, values);
  finish_stack(&stack, mode, out, out_length);
}

/* A message that comes in parts.  Plain bytes without pointers, so that the caller may carry it away
 * and back between two parts. */
typedef struct {
  u32 key[8];
  u32 flags;
  u32 buffered; /* bytes of the newest chunk, which waits because it may be the last */
  u64 chunks; /* before it */
  u8 buffer[CHUNK_BYTES];
  Stack stack;
} Hasher;

EXPORT("blake3_hasher_size") u32 blake3_hasher_size(void) { return sizeof(Hasher); }

EXPORT("blake3_start") void blake3_start(Hasher *hasher, const u32 *key, u32 flags) {
  for (int i = 0; i < 8; i++) hasher->key[i] = key ? key[i] : IV[i];
  hasher->flags = flags;
  hasher->buffered = 0;
  hasher->chunks = 0;
  hasher->stack.depth = 0;
}

EXPORT("blake3_update") void blake3_update(Hasher *hasher, const u8 *input, u32 length) {
  Mode mode = {hasher->key, hasher->flags};
  u8 values[(GROUP_CHUNKS + 1) * VALUE_BYTES];
  while (length > 0) {
    if (hasher->buffered == CHUNK_BYTES) {
      chunk_value(hasher->buffer, CHUNK_BYTES, hasher->chunks, mode, values);
      push_subtree(&hasher->stack, values, 1, ++hasher->chunks, mode);
      hasher->buffered = 0;
    }
    if (hasher->buffered > 0 || length <= CHUNK_BYTES) {
      u32 room = CHUNK_BYTES - hasher->buffered;
      u32 taken = length < room ? length : room;
      __builtin_memcpy(hasher->buffer + hasher->buffered, input, taken);
      hasher->buffered += taken;
      input += taken;
      length -= taken;
      continue;
    }
    /* The largest subtree that stands whole at this place and is not the end of the input. */
    u32 count = GROUP_CHUNKS;
    while (count * CHUNK_BYTES >= length || (hasher->chunks & (count - 1))) count /= 2;
    chunk_values(input, count * CHUNK_BYTES, hasher->chunks, mode, values);
    reduce_values(values, count, 1, mode);
    hasher->chunks += count;
    push_subtree(&hasher->stack, values, count, hasher->chunks, mode);
    input += count * CHUNK_BYTES;
    length -= count * CHUNK_BYTES;
  }
}

/* Spends the hasher. */
EXPORT("blake3_finish") void blake3_finish(Hasher *hasher, u8 *out, u32 out_length) {
  Mode mode = {hasher->key, hasher->flags};
  Pending last;
  begin_chunk(&last, hasher->buffer, hasher->buffered, hasher->chunks, mode);
  if (hasher->stack.depth == 0) {
    finish_root(&last, out, out_length);
    return;
  }
  finish_value(&last, hasher->stack.values + VALUE_BYTES * hasher->stack.depth++);
  finish_stack(&hasher->stack, mode, out, out_length);
}

/* Four messages of one size at once, lane = message, so that parents go four wide too. */
static void four_messages(const u8 *input, u32 size, Mode mode, u8 *out) {
  enum { CHUNKS_MAX = 65536 / CHUNK_BYTES };
  u32 chunks = size <= CHUNK_BYTES ? 1 : size / CHUNK_BYTES;
  u8 values[4][CHUNKS_MAX * VALUE_BYTES], four[4 * VALUE_BYTES];
  for (u32 chunk = 0; chunk < chunks; chunk++) {
    const u8 *from = input + chunk * CHUNK_BYTES;
    Lanes lanes = {{from, from + size, from + 2 * size, from + 3 * size},
                   (chunks == 1 ? size : CHUNK_BYTES) / BLOCK_BYTES,
                   wasm_i32x4_splat(chunk),
                   mode.flags,
                   CHUNK_START,
                   CHUNK_END | (chunks == 1 ? ROOT : 0)};
    compress_four(&lanes, mode.key, four);
    for (int i = 0; i < 4; i++) copy32(values[i] + VALUE_BYTES * chunk, four + VALUE_BYTES * i);
  }
  for (u32 count = chunks; count > 1; count /= 2) {
    for (u32 parent = 0; parent < count / 2; parent++) {
      u32 at = parent * BLOCK_BYTES;
      Lanes lanes = {{values[0] + at, values[1] + at, values[2] + at, values[3] + at},
                     1, wasm_i32x4_splat(0), mode.flags | PARENT, count == 2 ? ROOT : 0, 0};
      compress_four(&lanes, mode.key, four);
      for (int i = 0; i < 4; i++) copy32(values[i] + VALUE_BYTES * parent, four + VALUE_BYTES * i);
    }
  }
  for (int i = 0; i < 4; i++) copy32(out + VALUE_BYTES * i, values[i]);
}

/* `count` messages of `size` bytes, one after the other: pages of a database, or pairs of nodes of a
 * Merkle tree (64 bytes).  `size` is a multiple of 64 up to 1024, or a power of two up to 65536. */
EXPORT("blake3_many")
void blake3_many(const u32 *key, u32 flags, const u8 *input, u32 size, u32 count, u8 *out) {
  Mode mode = mode_of(key, flags);
  for (; count >= 4; count -= 4) {
    four_messages(input, size, mode, out);
    input += 4 * size;
    out += 4 * VALUE_BYTES;
  }
  for (; count > 0; count--) {
    blake3(key, flags, input, size, out, VALUE_BYTES);
    input += size;
    out += VALUE_BYTES;
  }
}
