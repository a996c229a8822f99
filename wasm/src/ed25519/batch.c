/* Verification of many signatures at once (Bernstein, Duif, Lange, Schwabe, Yang: "High-speed high-security
 * signatures", 2011, §5), cofactored as ZIP-215 wants, so that a batch and its members one by one agree:
 *   8·(Σ z·S)·B = Σ 8·z·R + Σ over keys 8·(Σ z·k)·A
 * with an unpredictable 128-bit z for each signature, from the caller.  Keys that several signatures share
 * are one point.  A true answer is for all; a false one says only that there is a bad one. */

#include "tables.h"

/* As the caller lays it out. */
typedef struct {
  const u8 *signature, *message;
  u32 length, key; /* `key` is an index into the keys */
} Item;

enum {
  STRAUS_POINTS_MAX = 160, /* beyond, Pippenger's buckets are cheaper (measured) */
  STRAUS_BITS = 5,
  STRAUS_ODD = 8,
  BUCKET_BITS_MAX = 8,
  BUCKETS_MAX = 1 << (BUCKET_BITS_MAX - 1),
  DIGITS_MAX = 43, /* of six bits, the fewest that buckets have */
};

/* What one point takes of the scratch memory, and what all share. */
typedef struct {
  Cached odd[STRAUS_ODD];
  signed char digits[256];
} StrausRow;

typedef struct {
  Cached cached;
  signed char digits[DIGITS_MAX + 5];
} BucketRow;

typedef struct {
  u32 points;
  Point *point;
  Scalar *scalar;
  WideScalar *of_keys; /* Σ z·k of each key, until all are in */
  void *rows;
} Terms;

EXPORT("ed25519_batch_scratch_size") u32 ed25519_batch_scratch_size(u32 count, u32 keys) {
  u32 points = count + keys;
  u32 row = points <= STRAUS_POINTS_MAX ? sizeof(StrausRow) : sizeof(BucketRow);
  /* Decoding goes by two, hence one point more. */
  u32 fixed = (points + 1) * (u32)(sizeof(Point) + sizeof(Scalar)) + keys * (u32)sizeof(WideScalar);
  return fixed + points * row;
}

static void take_scratch(Terms *terms, u32 count, u32 keys, u8 *scratch) {
  terms->points = count + keys;
  terms->point = (Point *)scratch;
  terms->scalar = (Scalar *)(terms->point + terms->points + 1);
  terms->of_keys = (WideScalar *)(terms->scalar + terms->points + 1);
  terms->rows = terms->of_keys + keys;
}

/* Encodings into points, two at a time; `stride` is from one to the next.  0 when one is no point. */
static int decode_all(Point *out, u32 count, const u8 *(*place)(const void *, u32), const void *from) {
  for (u32 i = 0; i < count; i += 2) {
    const u8 *first = place(from, i), *second = i + 1 < count ? place(from, i + 1) : first;
    if (point_decode_two(&out[i], &out[i + 1], first, second) != 3) return 0;
  }
  return 1;
}

static const u8 *signature_place(const void *items, u32 index) {
  return ((const Item *)items)[index].signature;
}

static const u8 *key_place(const void *keys, u32 index) { return (const u8 *)keys + 32 * index; }

static void sum_straus(Point *sum, const Terms *terms) {
  StrausRow *rows = terms->rows;
  for (u32 i = 0; i < terms->points; i++) {
    point_odd_multiples(rows[i].odd, &terms->point[i], STRAUS_ODD);
    scalar_sparse_digits(rows[i].digits, &terms->scalar[i], STRAUS_BITS);
  }
  point_identity(sum);
  int started = 0;
  for (int at = 255; at >= 0; at--) {
    if (started) point_double(sum, sum);
    for (u32 i = 0; i < terms->points; i++) {
      int digit = rows[i].digits[at];
      if (digit == 0) continue;
      int index = (digit < 0 ? -digit : digit) >> 1;
      point_add_signed(sum, sum, &rows[i].odd[index], digit < 0);
      started = 1;
    }
  }
}

/* Σ (j + 1)·bucket[j], by running sums from the top. */
static void add_buckets(Point *sum, const Point *buckets, const u8 *used, int top) {
  Point running, total;
  point_identity(&running);
  point_identity(&total);
  for (int j = top - 1; j >= 0; j--) {
    if (used[j]) point_add_point(&running, &running, &buckets[j]);
    point_add_point(&total, &total, &running);
  }
  point_add_point(sum, sum, &total);
}

/* Pippenger (1976), as in Bernstein, Doumen, Lange, Oosterwijk: "Faster batch forgery identification",
 * 2012, §4. */
static void sum_pippenger(Point *sum, const Terms *terms, int bits) {
  BucketRow *rows = terms->rows;
  Point buckets[BUCKETS_MAX];
  u8 used[BUCKETS_MAX];
  int windows = 255 / bits + 1;
  for (u32 i = 0; i < terms->points; i++) {
    point_cache(&rows[i].cached, &terms->point[i]);
    scalar_digits(rows[i].digits, &terms->scalar[i], bits, windows);
  }
  point_identity(sum);
  for (int window = windows - 1; window >= 0; window--) {
    for (int i = 0; i < bits; i++) point_double(sum, sum);
    int top = 0;
    __builtin_memset(used, 0, sizeof used);
    for (u32 i = 0; i < terms->points; i++) {
      int digit = rows[i].digits[window];
      if (digit == 0) continue;
      int bucket = (digit < 0 ? -digit : digit) - 1;
      if (!used[bucket]) point_identity(&buckets[bucket]);
      used[bucket] = 1;
      if (bucket >= top) top = bucket + 1;
      point_add_signed(&buckets[bucket], &buckets[bucket], &rows[i].cached, digit < 0);
    }
    if (top > 0) add_buckets(sum, buckets, used, top);
  }
}

/* `coefficients`: sixteen random bytes an item. */
EXPORT("ed25519_verify_batch")
int ed25519_verify_batch(const Tables *tables, const Item *items, u32 count, const u8 *keys, u32 key_count,
                         const u8 *coefficients, u8 *scratch) {
  Terms terms;
  Scalar s, k, base;
  WideScalar of_base = {{0}};
  take_scratch(&terms, count, key_count, scratch);
  /* Points of the keys first: decoding by two runs one beyond its end. */
  if (!decode_all(terms.point, key_count, key_place, keys)) return 0;
  if (!decode_all(terms.point + key_count, count, signature_place, items)) return 0;
  __builtin_memset(terms.of_keys, 0, key_count * sizeof(WideScalar));
  for (u32 i = 0; i < count; i++) {
    const Item *item = &items[i];
    Scalar *z = &terms.scalar[key_count + i];
    if (!scalar_is_canonical(item->signature + 32)) return 0;
    scalar_load(&s, item->signature + 32);
    signature_challenge(&k, item->signature, keys + 32 * item->key, item->message, item->length);
    for (int word = 0; word < 8; word++) {
      z->word[word] = word < 4 ? load32(coefficients + 16 * i + 4 * word) : 0;
    }
    wide_multiply_add(&of_base, z->word, &s);
    wide_multiply_add(&terms.of_keys[item->key], z->word, &k);
  }
  scalar_reduce(&base, of_base.word);
  for (u32 i = 0; i < key_count; i++) scalar_reduce(&terms.scalar[i], terms.of_keys[i].word);
  Point sum;
  if (terms.points <= STRAUS_POINTS_MAX) sum_straus(&sum, &terms);
  else sum_pippenger(&sum, &terms, terms.points <= 700 ? 6 : terms.points <= 1500 ? 7 : 8);
  point_negate(&sum);
  comb_add(&sum, tables->comb, &base);
  return point_is_small(&sum);
}
