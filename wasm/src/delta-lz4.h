/* LZ4 blocks whose dictionary is the old page (Collet: "LZ4 block format description"; its sections are
 * named beside the steps).  Part of delta.c.
 * Keeps: the encoder's blocks are ones that any LZ4 decoder takes with the old page as its dictionary;
 * it never writes past its limit; the decoder checks every length against what is left on both sides.
 * The best blocks that the format allows would be 5 to 10 % smaller on single-row transactions;
 * remembering every place of the old page makes them 1 to 5 % smaller in one and a half times the time. */

#ifndef DELTA_LZ4_H
#define DELTA_LZ4_H

#include "kernel.h"

enum {
  PAGE_BYTES_MAX = 65536,
  NOT_SMALLER = -1, /* an encoder's answer: it would reach its limit */
  MALFORMED = -1, /* a decoder's */
  HASH_BITS = 12,
  DICTIONARY_STEP = 4, /* places of the old page that are remembered */
  LONG_ENOUGH = 32, /* such a match is taken without looking for a longer one */
  MATCH_MIN = 4, /* "Matches" */
  OFFSET_MAX = 65535, /* "Matches": two bytes */
  LAST_LITERALS = 5, /* "End of block": the last five bytes are literals … */
  MATCH_LIMIT = 12, /* … and no match starts in the last twelve */
};

/* ---- Encode ---- */

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

/* "Literals", "Match length": what 15 or more needs beyond its four bits: 255, 255, …, rest. */
INLINE u32 length_size(u32 length) { return length < 15 ? 0 : 1 + (length - 15) / 255; }

INLINE u8 *put_length(u8 *to, u32 length) {
  if (length < 15) return to;
  for (length -= 15; length >= 255; length -= 255) *to++ = 255;
  *to++ = (u8)length;
  return to;
}

/* One sequence: token, literals, offset, match length; a `match` of 0 is the last, which has literals
 * alone.  Null when it does not fit before `end`. */
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

typedef struct {
  const u8 *pages;
  u32 end; /* of matches */
  u32 same; /* offset of the same place in the old page, which one page size cannot refer to */
  u32 recent[2]; /* offsets of the newest match and of the one before it that had another */
  u16 table[1 << HASH_BITS]; /* places, modulo 2^16: farther back nothing can be referred to */
} Finder;

typedef struct {
  u32 offset, length;
} Match;

INLINE void note_place(Finder *finder, u32 place) {
  finder->table[hash4(load32(finder->pages + place))] = (u16)place;
}

static void start_finder(Finder *finder, const u8 *pages, u32 size) {
  finder->pages = pages;
  finder->end = 2 * size - LAST_LITERALS;
  finder->same = size <= OFFSET_MAX ? size : OFFSET_MAX;
  finder->recent[0] = finder->same;
  finder->recent[1] = finder->same;
  __builtin_memset(finder->table, 0, sizeof finder->table);
  for (u32 place = 0; place + 4 <= size; place += DICTIONARY_STEP) note_place(finder, place);
}

INLINE Match longer(const Finder *finder, u32 at, Match match, u32 offset) {
  const u8 *here = finder->pages + at;
  u32 length = match_length(here, here - offset, finder->end - at);
  return length > match.length ? (Match){offset, length} : match;
}

/* What moves in a page moves together, so the offsets of the matches before come first: records resemble
 * one another, and the newest place with the same four bytes is seldom the one that goes on. */
NEVER_INLINE static Match find_match(Finder *finder, u32 at) {
  u32 found = (at - finder->table[hash4(load32(finder->pages + at))]) & OFFSET_MAX;
  note_place(finder, at);
  Match match = longer(finder, at, (Match){0, 0}, finder->recent[0]);
  if (match.length >= LONG_ENOUGH) return match;
  match = longer(finder, at, match, finder->recent[1]);
  match = longer(finder, at, match, finder->same);
  return found ? longer(finder, at, match, found) : match;
}

/* `pages`: the old page and, right behind it, the new one.  Answers the size of the block, or
 * NOT_SMALLER when it would need `limit` bytes or more. */
static int encode_lz4(const u8 *pages, u32 size, u8 *out, u32 limit) {
  Finder finder;
  start_finder(&finder, pages, size);
  const u8 *out_end = out + limit - 1;
  u8 *to = out;
  u32 last = 2 * size - MATCH_LIMIT, anchor = size, misses = 0;
  for (u32 at = size; at < last;) {
    Match match = find_match(&finder, at);
    if (match.length < MATCH_MIN) {
      at += 1 + (misses++ >> 5);
      continue;
    }
    misses = 0;
    /* One byte later a longer one may begin. */
    if (match.length < LONG_ENOUGH && at + 1 < last) {
      Match next = find_match(&finder, at + 1);
      if (next.length > match.length) match = next, at++;
    }
    u32 offset = match.offset;
    if (offset != finder.recent[0]) finder.recent[1] = finder.recent[0], finder.recent[0] = offset;
    for (; at > anchor && at > offset && pages[at - 1] == pages[at - 1 - offset]; at--) match.length++;
    to = put_sequence(to, out_end, pages + anchor, at - anchor, offset, match.length);
    if (!to) return NOT_SMALLER;
    at += match.length;
    anchor = at;
    if (at < last) note_place(&finder, at - 2);
  }
  to = put_sequence(to, out_end, pages + anchor, 2 * size - anchor, 0, 0);
  return to ? (int)(to - out) : NOT_SMALLER;
}

/* ---- Apply ---- */

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

#endif
