/* BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn: "BLAKE3: one function, fast everywhere", 2020;
 * section numbers below are of that paper).  Hash, keyed hash and derive-key differ only in the key
 * words and one flag, so each entry takes both.
 * Keeps: every mode gives the bytes of the official vectors; what can go four wide does, chunks, parents
 * and whole messages.  The compression function is in blake3-compress.h, the tree in blake3-tree.h. */

#include "blake3-tree.h"

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
