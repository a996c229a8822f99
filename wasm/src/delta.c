/* Page delta: what turns the old image of a database page into the new one (FORMATS §7).
 * Encoding 1, runs: (skip varint, length varint, new bytes)….  Encoding 2: an LZ4 block (the LZ4
 * block format description, v1.5) whose dictionary is the old page; SQLite moves cells when lengths
 * change, and only a dictionary finds them again.
 * Keeps: the encoders never write past what they were given; the decoders take hostile bytes, check
 * every length against what is left on both sides, and accept exactly what the plain decoders accept.
 * Never: XOR; every byte shipped is an absolute new byte. */

#include "kernel.h"

enum {
  ENCODING_FULL = 0,
  ENCODING_RUNS = 1,
  ENCODING_LZ4 = 2,
  PAGE_BYTES_MAX = 65536,
  RUNS_ENOUGH_BYTES = 48, /* runs up to here are shipped without trying LZ4 */
  GAP_MAX = 2, /* equal bytes that a run swallows, because a new run costs as much */
  NOT_SMALLER = -1,
  MALFORMED = -1,
};

INLINE u32 varint_size(u32 value) { return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3; }

INLINE u8 *put_varint(u8 *to, u32 value) {
  for (; value >= 0x80; value >>= 7) *to++ = (u8)(value | 0x80);
  *to++ = (u8)value;
  return to;
}

/* ---- Runs: encode ---- */

/* One bit a byte that differs, 64 bytes a word. */
typedef struct {
  u64 words[PAGE_BYTES_MAX / 64];
  u32 count;
} Changes;

static int find_changes(const u8 *old_page, const u8 *new_page, u32 size, Changes *changes) {
  u64 any = 0;
  changes->count = size / 64;
  for (u32 word = 0; word < changes->count; word++) {
    Vector same[4];
    UNROLL for (int i = 0; i < 4; i++) {
      same[i] = wasm_i8x16_eq(wasm_v128_load(old_page + 16 * i), wasm_v128_load(new_page + 16 * i));
    }
    u64 bits = 0;
    Vector all = wasm_v128_and(wasm_v128_and(same[0], same[1]), wasm_v128_and(same[2], same[3]));
    if (!wasm_i8x16_all_true(all)) {
      UNROLL for (int i = 0; i < 4; i++) bits |= (u64)wasm_i8x16_bitmask(same[i]) << (16 * i);
      bits = ~bits;
    }
    changes->words[word] = bits;
    any |= bits;
    old_page += 64;
    new_page += 64;
  }
  return any != 0;
}

/* The first place from `at` on whose bit is `wanted`, or the page's size. */
INLINE u32 next_place(const Changes *changes, u32 at, int wanted) {
  u32 word = at / 64;
  if (word >= changes->count) return changes->count * 64;
  u64 flip = wanted ? 0 : ~(u64)0;
  u64 bits = (changes->words[word] ^ flip) >> (at & 63);
  if (bits) return at + (u32)__builtin_ctzll(bits);
  while (++word < changes->count) {
    bits = changes->words[word] ^ flip;
    if (bits) return word * 64 + (u32)__builtin_ctzll(bits);
  }
  return changes->count * 64;
}

typedef struct {
  u32 start, end;
} Run;

typedef struct {
  u8 *out;
  u32 size, limit, previous_end;
} RunWriter;

static int put_run(RunWriter *writer, Run run, const u8 *new_page) {
  u32 skip = run.start - writer->previous_end, length = run.end - run.start;
  u32 cost = varint_size(skip) + varint_size(length) + length;
  if (writer->size + cost >= writer->limit) return 0;
  u8 *to = put_varint(put_varint(writer->out + writer->size, skip), length);
  const u8 *from = new_page + run.start;
  if (length < 32) for (u32 i = 0; i < length; i++) to[i] = from[i];
  else __builtin_memcpy(to, from, length);
  writer->size += cost;
  writer->previous_end = run.end;
  return 1;
}

/* Answers the size of the runs, 0 when the pages are equal, NOT_SMALLER when they reach the page's
 * size.  `size` is a multiple of 64; `out` has room for a page. */
EXPORT("delta_runs")
int delta_runs(const u8 *old_page, const u8 *new_page, u32 size, u8 *out) {
  Changes changes;
  if (!find_changes(old_page, new_page, size, &changes)) return 0;
  RunWriter writer = {out, 0, size, 0};
  Run held = {0, 0};
  for (u32 at = next_place(&changes, 0, 1); at < size;) {
    Run run = {at, 0};
    do {
      run.end = next_place(&changes, at, 0);
      at = next_place(&changes, run.end, 1);
    } while (at < size && at - run.end <= GAP_MAX);
    u32 gap = run.start - held.end;
    if (held.end > 0 && gap <= varint_size(gap) + varint_size(run.end - run.start)) {
      held.end = run.end;
      continue;
    }
    if (held.end > 0 && !put_run(&writer, held, new_page)) return NOT_SMALLER;
    held = run;
  }
  return put_run(&writer, held, new_page) ? (int)writer.size : NOT_SMALLER;
}

/* ---- Runs: apply ---- */

/* Shortest form, at most `limit`; answers where it ends, or null. */
static const u8 *take_varint(const u8 *from, const u8 *end, u32 limit, u32 *value) {
  u32 result = 0;
  for (u32 shift = 0; shift < 21; shift += 7) {
    if (from >= end) return 0;
    u32 byte = *from++;
    result |= (byte & 0x7f) << shift;
    if (byte & 0x80) continue;
    if (byte == 0 && shift > 0) return 0;
    *value = result;
    return result <= limit ? from : 0;
  }
  return 0;
}

static int apply_runs(u8 *page, u32 size, const u8 *delta, u32 length) {
  const u8 *end = delta + length;
  if (length == 0) return MALFORMED;
  for (u32 at = 0, first = 1; delta < end; first = 0) {
    u32 skip, run;
    if (!(delta = take_varint(delta, end, size, &skip))) return MALFORMED;
    if (!(delta = take_varint(delta, end, size, &run))) return MALFORMED;
    if ((skip == 0 && !first) || run == 0) return MALFORMED;
    if (skip > size - at || run > size - at - skip || run > (u32)(end - delta)) return MALFORMED;
    at += skip;
    if (run < 32) for (u32 i = 0; i < run; i++) page[at + i] = delta[i];
    else __builtin_memcpy(page + at, delta, run);
    at += run;
    delta += run;
  }
  return 0;
}

/* ---- LZ4: encode ---- */

enum {
  HASH_BITS = 12,
  DICTIONARY_STEP = 4, /* places of the old page that are remembered: a third of the time of all */
  MATCH_MIN = 4,
  LONG_ENOUGH = 32, /* such a match is taken without looking for a longer one */
  LAST_LITERALS = 5, /* the block format: the last five bytes are literals … */
  MATCH_LIMIT = 12, /* … and no match starts in the last twelve */
  OFFSET_MAX = 65535,
};

INLINE u32 hash4(u32 value) { return (value * 2654435761u) >> (32 - HASH_BITS); }

INLINE u32 match_length(const u8 *a, const u8 *b, u32 limit) {
  u32 length = 0;
  for (; length + 8 <= limit; length += 8) {
    u64 difference = load64(a + length) ^ load64(b + length);
    if (difference) return length + ((u32)__builtin_ctzll(difference) >> 3);
  }
  while (length < limit && a[length] == b[length]) length++;
  return length;
}

/* What a length of 15 or more needs beyond its four bits: 255, 255, …, rest. */
INLINE u32 length_size(u32 length) { return length < 15 ? 0 : 1 + (length - 15) / 255; }

INLINE u8 *put_length(u8 *to, u32 length) {
  if (length < 15) return to;
  for (length -= 15; length >= 255; length -= 255) *to++ = 255;
  *to++ = (u8)length;
  return to;
}

/* One sequence; a `match` of 0 is the last.  Null when it does not fit before `end`. */
static u8 *put_sequence(u8 *to, const u8 *end, const u8 *literals, u32 count, u32 offset, u32 match) {
  u32 extra = match ? match - MATCH_MIN : 0;
  u32 size = 1 + length_size(count) + count + (match ? 2 + length_size(extra) : 0);
  if (size > (u32)(end - to)) return 0;
  *to++ = (u8)((count < 15 ? count : 15) << 4 | (extra < 15 ? extra : 15));
  to = put_length(to, count);
  if (count < 32) for (u32 i = 0; i < count; i++) to[i] = literals[i];
  else __builtin_memcpy(to, literals, count);
  to += count;
  if (!match) return to;
  *to++ = (u8)offset;
  *to++ = (u8)(offset >> 8);
  return put_length(to, extra);
}

/* `pages`: the old page and, right behind it, the new one.  Answers the size of the block, or
 * NOT_SMALLER when it would need `limit` bytes or more. */
EXPORT("delta_lz4")
int delta_lz4(const u8 *pages, u32 size, u8 *out, u32 limit) {
  u16 table[1 << HASH_BITS]; /* places, modulo 2^16: farther back nothing can be referred to */
  __builtin_memset(table, 0, sizeof table);
  for (u32 place = 0; place + 4 <= size; place += DICTIONARY_STEP) {
    table[hash4(load32(pages + place))] = (u16)place;
  }
  const u8 *out_end = out + limit - 1;
  u8 *to = out;
  u32 end = 2 * size, anchor = size, at = size, misses = 0;
  u32 repeated = size <= OFFSET_MAX ? size : OFFSET_MAX;
  while (at + MATCH_LIMIT < end) {
    u32 slot = hash4(load32(pages + at)), longest = end - LAST_LITERALS - at;
    u32 found = (at - table[slot]) & OFFSET_MAX;
    table[slot] = (u16)at;
    /* First where the match before was, at first the same place of the old page: records resemble one
     * another, and the newest one with the same four bytes is seldom the one that goes on. */
    u32 offset = repeated, length = match_length(pages + at, pages + at - repeated, longest);
    if (length < LONG_ENOUGH && found != 0) {
      u32 other = match_length(pages + at, pages + at - found, longest);
      if (other > length) length = other, offset = found;
    }
    if (length < MATCH_MIN) {
      at += 1 + (misses++ >> 5);
      continue;
    }
    misses = 0;
    repeated = offset;
    for (; at > anchor && at > offset && pages[at - 1] == pages[at - 1 - offset]; at--) length++;
    to = put_sequence(to, out_end, pages + anchor, at - anchor, offset, length);
    if (!to) return NOT_SMALLER;
    at += length;
    anchor = at;
    if (at + MATCH_LIMIT < end) table[hash4(load32(pages + at - 2))] = (u16)(at - 2);
  }
  to = put_sequence(to, out_end, pages + anchor, end - anchor, 0, 0);
  return to ? (int)(to - out) : NOT_SMALLER;
}

/* ---- LZ4: apply ---- */

/* Adds the bytes that follow a length of 15; null at the input's end or beyond a page. */
INLINE const u8 *take_length(const u8 *from, const u8 *end, u32 *length) {
  u32 byte;
  if (*length < 15) return from;
  do {
    if (from >= end || *length > PAGE_BYTES_MAX) return 0;
    byte = *from++;
    *length += byte;
  } while (byte == 255);
  return from;
}

/* Literals and matches of up to sixteen bytes are copied as sixteen where both sides have that much
 * room; what is too much is overwritten by what follows. */
static int apply_lz4(u8 *pages, u32 size, const u8 *delta, u32 length) {
  const u8 *end = delta + length;
  u32 at = size, page_end = 2 * size;
  for (;;) {
    if (delta >= end) return MALFORMED;
    u32 token = *delta++, literals = token >> 4, match = token & 15;
    if (!(delta = take_length(delta, end, &literals))) return MALFORMED;
    if (literals > (u32)(end - delta) || literals > page_end - at) return MALFORMED;
    if (literals <= 16 && end - delta >= 16 && page_end - at >= 16) {
      wasm_v128_store(pages + at, wasm_v128_load(delta));
    } else {
      __builtin_memcpy(pages + at, delta, literals);
    }
    delta += literals;
    at += literals;
    if (delta == end) return at == page_end ? 0 : MALFORMED;
    if (end - delta < 2) return MALFORMED;
    u32 offset = delta[0] | (u32)delta[1] << 8;
    delta += 2;
    if (!(delta = take_length(delta, end, &match))) return MALFORMED;
    match += MATCH_MIN;
    if (offset == 0 || offset > at || match > page_end - at) return MALFORMED;
    const u8 *from = pages + at - offset;
    u8 *to = pages + at;
    if (offset >= match) __builtin_memcpy(to, from, match);
    else for (u32 i = 0; i < match; i++) to[i] = from[i]; /* it repeats what it has just made */
    at += match;
  }
}

/* ---- Both ---- */

/* The rule of FORMATS §7: runs, LZ4 only when runs exceed 48 bytes, the smallest is shipped.  `pages`
 * as for `delta_lz4`; `out` has room for two pages.  Answers 0 when the pages are equal, else
 * the encoding in the lowest two bits, above them the size, above that whether the bytes stand in the
 * second half of `out`.  Encoding 0 writes nothing: the page itself is to be shipped. */
EXPORT("delta_encode")
u32 delta_encode(const u8 *pages, u32 size, u8 *out) {
  int runs = delta_runs(pages, pages + size, size, out);
  if (runs == 0) return 0;
  if (runs > 0 && runs <= RUNS_ENOUGH_BYTES) return (u32)runs << 2 | ENCODING_RUNS;
  int block = delta_lz4(pages, size, out + size, runs < 0 ? size : (u32)runs);
  if (block >= 0) return 1u << 31 | (u32)block << 2 | ENCODING_LZ4;
  if (runs >= 0) return (u32)runs << 2 | ENCODING_RUNS;
  return size << 2 | ENCODING_FULL;
}

/* `pages`: the old page, and behind it room for the new one.  Answers 0, or MALFORMED with whatever
 * was made until then. */
EXPORT("delta_apply")
int delta_apply(u8 *pages, u32 size, u32 encoding, const u8 *delta, u32 length) {
  u8 *page = pages + size;
  switch (encoding) {
    case ENCODING_FULL:
      if (length != size) return MALFORMED;
      __builtin_memcpy(page, delta, size);
      return 0;
    case ENCODING_RUNS:
      __builtin_memcpy(page, pages, size);
      return apply_runs(page, size, delta, length);
    case ENCODING_LZ4:
      return apply_lz4(pages, size, delta, length);
    default:
      return MALFORMED;
  }
}
