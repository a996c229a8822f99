/* Points of edwards25519: -x² + y² = 1 + dx²y² (RFC 8032 §5.1), in extended coordinates x = X/Z,
 * y = Y/Z, xy = T/Z (Hisil, Wong, Carter, Dawson: "Twisted Edwards curves revisited", 2008, §3). */

#ifndef POINT_H
#define POINT_H

#include "field.h"

typedef struct {
  Pair xy, zt; /* carried */
} Point;

/* A point as the second of a sum. */
typedef struct {
  Pair sums; /* Y - X, Y + X */
  Pair rest; /* 2Z, 2dT */
} Cached;

void point_identity(Point *out);
void point_double(Point *out, const Point *a);
void point_add(Point *out, const Point *a, const Cached *b);
void point_add_point(Point *out, const Point *a, const Point *b);
/* In time that depends on `negative`. */
void point_add_signed(Point *out, const Point *a, const Cached *b, int negative);
void point_negate(Point *a);
void point_cache(Cached *out, const Point *a);
void cached_negate(Cached *out, const Cached *a);
/* The identity, as the second of a sum. */
void cached_identity(Cached *out);

/* True when eight times `a` is the identity: the cofactored equation of ZIP-215. */
int point_is_small(const Point *a);

/* RFC 8032 §5.1.3 for two encodings at once, under the rule of ZIP-215: a y of p and more counts modulo
 * p, and x = 0 may have its sign set.  Answers bit 0 when the first is a point, bit 1 for the second. */
int point_decode_two(Point *first, Point *second, const u8 *first_bytes, const u8 *second_bytes);
/* RFC 8032 §5.1.2, in constant time. */
void point_encode(u8 *bytes, const Point *a);

/* a, 3a, 5a, … */
void point_odd_multiples(Cached *out, const Point *a, int count);

/* Entry (i, j) is (j + 1)·64^i·A: with signed digits of six bits a multiple is 43 additions and not one
 * doubling. */
enum { COMB_BITS = 6, COMB_DIGITS = 43, COMB_ENTRIES = 32 };
typedef Cached Comb[COMB_DIGITS][COMB_ENTRIES];
void comb_make(Comb out, const Point *a);

#endif
