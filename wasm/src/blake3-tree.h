/* BLAKE3's tree: chunks, parents, the root and the stack of subtrees (the paper's §2.4 to §2.6 and §5.1.2;
 * part of blake3.c).
 * Keeps: the last compression is never run before it is known not to be the root's; neighbours are joined
 * as the paper joins them, however many go through the lanes at once. */

#ifndef BLAKE3_TREE_H
#define BLAKE3_TREE_H

#include "blake3-compress.h"

enum {
  CHUNK_BYTES = 1024,
  CHUNK_BLOCKS = CHUNK_BYTES / BLOCK_BYTES,
  GROUP_CHUNKS = 64, /* hashed together when the input is longer */
  DEPTH_MAX = 54, /* of the tree: 2^64 bytes */
};

/* What one call of the compression function knows beside its block. */
typedef struct {
  const u32 *key; /* eight words */
  u32 flags; /* of the mode: KEYED_HASH, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL, or none */
} Mode;

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

#endif
