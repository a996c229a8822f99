/* Page delta: what turns the old image of a database page into the new one (FORMATS §7).
 * Encoding 1, runs: (skip varint, length varint, new bytes)….  Encoding 2: an LZ4 block whose
 * dictionary is the old page (delta-lz4.h); SQLite moves cells when lengths change, and only a dictionary
 * finds them again.
 * Keeps: the encoders never write past what they were given; the decoders take hostile bytes, check
 * every length against what is left on both sides, and accept exactly what the plain decoders accept.
 * Never: XOR; every byte shipped is an absolute new byte. */

#include "delta-lz4.h"
#include "kernel.h"

enum {
  ENCODING_FULL = 0,
  ENCODING_RUNS = 1,
  ENCODING_LZ4 = 2,
  RUNS_ENOUGH_BYTES = 48, /* runs up to here are shipped without trying LZ4 */
  GAP_MAX = 2, /* equal bytes that a run swallows, because a new run costs as much */
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

/* ---- Both ---- */

/* The rule of FORMATS §7: runs, LZ4 only when runs exceed 48 bytes, the smallest is shipped.  `pages`:
 * the old page and, right behind it, the new one; `out` has room for two pages.  Answers 0 when the pages
 * are equal, else the encoding in the lowest two bits, above them the size, above that whether the bytes
 * stand in the second half of `out`.  Encoding 0 writes nothing: the page itself is to be shipped. */
EXPORT("delta_encode")
u32 delta_encode(const u8 *pages, u32 size, u8 *out) {
  int runs = delta_runs(pages, pages + size, size, out);
  if (runs == 0) return 0;
  if (runs > 0 && runs <= RUNS_ENOUGH_BYTES) return (u32)runs << 2 | ENCODING_RUNS;
  int block = encode_lz4(pages, size, out + size, runs < 0 ? size : (u32)runs);
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
