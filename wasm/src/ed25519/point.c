/* Additions, doublings and encodings of points; see point.h.  Each formula makes the four products of the
 * last step as two pairs: (E, G)·(F, H) = (X, Y) and (G, E)·(F, H) = (Z, T). */

#include "point.h"

/* Both lanes the same, or as the name says; limbs as in field.h. */
static const u32 ONE[20] __attribute__((aligned(16))) = {1, 1};
static const u32 LEFT_ONE[20] __attribute__((aligned(16))) = {1, 0};
static const u32 RIGHT_ONE[20] __attribute__((aligned(16))) = {0, 1};
static const u32 CURVE_D[20] __attribute__((aligned(16))) = {
    0x35978a3, 0x35978a3, 0x0d37284, 0x0d37284, 0x3156ebd, 0x3156ebd, 0x06a0a0e,
    0x06a0a0e, 0x001c029, 0x001c029, 0x179e898, 0x179e898, 0x3a03cbb, 0x3a03cbb,
    0x1ce7198, 0x1ce7198, 0x2e2b6ff, 0x2e2b6ff, 0x1480db3, 0x1480db3};
static const u32 TWO_AND_2D[20] __attribute__((aligned(16))) = {
    2, 0x2b2f159, 0, 0x1a6e509, 0, 0x22add7a, 0, 0x0d4141d, 0, 0x0038052,
    0, 0x0f3d130, 0, 0x3407977, 0, 0x19ce331, 0, 0x1c56dff, 0, 0x0901b67};
static const u32 ROOT_OF_MINUS_ONE[20] __attribute__((aligned(16))) = {
    0x20ea0b0, 0x20ea0b0, 0x186c9d2, 0x186c9d2, 0x08f189d, 0x08f189d, 0x035697f,
    0x035697f, 0x0bd0c60, 0x0bd0c60, 0x1fbd7a7, 0x1fbd7a7, 0x2804c9e, 0x2804c9e,
    0x1e16569, 0x1e16569, 0x004fc1d, 0x004fc1d, 0x0ae0c92, 0x0ae0c92};

INLINE const Pair *constant(const u32 *limbs) { return (const Pair *)limbs; }

/* eg may be loose, fh is carried here. */
INLINE void finish_sum(Point *out, Pair *eg, Pair *fh) {
  Pair ge;
  pair_carry(fh);
  pair_multiply(&out->xy, eg, fh);
  pair_swap(&ge, eg);
  pair_multiply(&out->zt, &ge, fh);
}

void point_identity(Point *out) {
  out->xy = *constant(RIGHT_ONE);
  out->zt = *constant(LEFT_ONE);
}

/* dbl-2008-hwcd (the paper's §3.3, a = -1), with F and H negated, which negates all four coordinates:
 * the same point.  E = (X + Y)² - X² - Y², G = Y² - X², -F = 2Z² - G, -H = X² + Y². */
void point_double(Point *out, const Point *a) {
  Pair squares, z_and_sum, others, eg, fh;
  pair_square(&squares, &a->xy); /* X², Y² */
  EACH_LIMB {
    Vector xy = a->xy.limb[k];
    z_and_sum.limb[k] = blend(a->zt.limb[k], add(xy, swap(xy)));
  }
  pair_square(&others, &z_and_sum); /* Z², (X + Y)² */
  EACH_LIMB {
    Vector s = squares.limb[k], s_swapped = swap(s), h = add(s, s_swapped);
    Vector q = others.limb[k];
    eg.limb[k] = subtract(add(blend(swap(q), s), four_p(k)), blend(h, s_swapped));
    fh.limb[k] = blend(subtract(add(add(add(q, q), s), two_p(k)), s_swapped), h);
  }
  finish_sum(out, &eg, &fh);
}

/* add-2008-hwcd-3 (the paper's §3.1): A = (Y1 - X1)(Y2 - X2), B = (Y1 + X1)(Y2 + X2), C = 2d·T1·T2,
 * D = 2·Z1·Z2; E = B - A, F = D - C, G = D + C, H = B + A. */
void point_add(Point *out, const Point *a, const Cached *b) {
  Pair sums, ab, dc, eg, fh;
  EACH_LIMB {
    Vector xy = a->xy.limb[k];
    sums.limb[k] = add(swap(xy), blend(subtract(two_p(k), xy), xy)); /* Y - X, Y + X */
  }
  pair_multiply(&ab, &sums, &b->sums);
  pair_multiply(&dc, &a->zt, &b->rest);
  EACH_LIMB {
    Vector p = ab.limb[k], p_swapped = swap(p), q = dc.limb[k], q_swapped = swap(q);
    eg.limb[k] = add(blend(p_swapped, q), blend(subtract(two_p(k), p), q_swapped));
    fh.limb[k] = add(blend(q, p), blend(subtract(two_p(k), q_swapped), p_swapped));
  }
  finish_sum(out, &eg, &fh);
}

void point_add_point(Point *out, const Point *a, const Point *b) {
  Cached cached;
  point_cache(&cached, b);
  point_add(out, a, &cached);
}

void point_add_signed(Point *out, const Point *a, const Cached *b, int negative) {
  Cached negated;
  if (negative) cached_negate(&negated, b);
  point_add(out, a, negative ? &negated : b);
}

void point_negate(Point *a) {
  EACH_LIMB {
    Vector xy = a->xy.limb[k], zt = a->zt.limb[k];
    a->xy.limb[k] = blend(subtract(two_p(k), xy), xy);
    a->zt.limb[k] = blend(zt, subtract(two_p(k), zt));
  }
  pair_carry(&a->xy);
  pair_carry(&a->zt);
}

void point_cache(Cached *out, const Point *a) {
  EACH_LIMB {
    Vector xy = a->xy.limb[k];
    out->sums.limb[k] = add(swap(xy), blend(subtract(two_p(k), xy), xy));
  }
  pair_carry(&out->sums);
  pair_multiply(&out->rest, &a->zt, constant(TWO_AND_2D));
}

void cached_negate(Cached *out, const Cached *a) {
  EACH_LIMB {
    Vector rest = a->rest.limb[k];
    out->sums.limb[k] = swap(a->sums.limb[k]);
    out->rest.limb[k] = blend(rest, subtract(two_p(k), rest));
  }
  pair_carry(&out->rest);
}

void cached_identity(Cached *out) {
  out->sums = *constant(ONE);
  EACH_LIMB out->rest.limb[k] = add(constant(LEFT_ONE)->limb[k], constant(LEFT_ONE)->limb[k]);
}

int point_is_small(const Point *a) {
  Point eight;
  point_double(&eight, a);
  point_double(&eight, &eight);
  point_double(&eight, &eight);
  if (!lane_is_zero(&eight.xy, 0)) return 0;
  Pair difference; /* Y - Z, in the left lane */
  EACH_LIMB {
    Vector y = swap(eight.xy.limb[k]);
    difference.limb[k] = subtract(add(y, two_p(k)), eight.zt.limb[k]);
  }
  return lane_is_zero(&difference, 0);
}

/* u = y² - 1, v = dy² + 1; x = uv³(uv⁷)^((p-5)/8), and then vx² is u, or -u (times the root of -1), or
 * there is no root. */
int point_decode_two(Point *first, Point *second, const u8 *first_bytes, const u8 *second_bytes) {
  const u8 *bytes[2] = {first_bytes, second_bytes};
  Pair y, u, v, v3, x, t, check, other, negated;
  int found = 0;
  lane_from_bytes(&y, 0, first_bytes);
  lane_from_bytes(&y, 1, second_bytes);
  pair_square(&t, &y);
  pair_subtract(&u, &t, constant(ONE));
  pair_multiply(&v, &t, constant(CURVE_D));
  pair_add(&v, &v, constant(ONE));
  pair_square(&t, &v);
  pair_multiply(&v3, &t, &v);
  pair_square(&t, &v3);
  pair_multiply(&t, &t, &v);
  pair_multiply(&t, &t, &u);
  pair_power_root(&t, &t);
  pair_multiply(&t, &t, &v3);
  pair_multiply(&x, &t, &u);
  pair_square(&t, &x);
  pair_multiply(&t, &t, &v);
  pair_subtract(&check, &t, &u);
  pair_add(&other, &t, &u);
  pair_multiply(&t, &x, constant(ROOT_OF_MINUS_ONE));
  for (int lane = 0; lane < 2; lane++) {
    if (lane_is_zero(&check, lane)) found |= 1 << lane;
    else if (lane_is_zero(&other, lane)) {
      found |= 1 << lane;
      lane_copy(&x, lane, &t, lane);
    }
  }
  pair_negate(&negated, &x);
  for (int lane = 0; lane < 2; lane++) {
    u8 plain[32];
    lane_to_bytes(plain, &x, lane);
    if ((plain[0] & 1) != bytes[lane][31] >> 7) lane_copy(&x, lane, &negated, lane);
  }
  pair_multiply(&t, &x, &y);
  for (int lane = 0; lane < 2; lane++) {
    Point *out = lane ? second : first;
    lane_copy(&out->xy, 0, &x, lane);
    lane_copy(&out->xy, 1, &y, lane);
    lane_copy(&out->zt, 1, &t, lane);
    lane_copy(&out->zt, 0, constant(ONE), 0);
  }
  return found;
}

void point_encode(u8 *bytes, const Point *a) {
  Pair z, inverse, plain;
  u8 x[32];
  EACH_LIMB z.limb[k] = blend(a->zt.limb[k], swap(a->zt.limb[k]));
  pair_invert(&inverse, &z);
  pair_multiply(&plain, &a->xy, &inverse);
  lane_to_bytes(x, &plain, 0);
  lane_to_bytes(bytes, &plain, 1);
  bytes[31] |= (u8)((x[0] & 1) << 7);
}

void point_odd_multiples(Cached *out, const Point *a, int count) {
  Point twice, multiple = *a;
  Cached step;
  point_double(&twice, a);
  point_cache(&step, &twice);
  point_cache(&out[0], a);
  for (int i = 1; i < count; i++) {
    point_add(&multiple, &multiple, &step);
    point_cache(&out[i], &multiple);
  }
}

void comb_make(Comb out, const Point *a) {
  Point base = *a;
  for (int digit = 0; digit < COMB_DIGITS; digit++) {
    Point multiple = base;
    Cached step;
    point_cache(&step, &base);
    out[digit][0] = step;
    for (int i = 1; i < COMB_ENTRIES; i++) {
      point_add(&multiple, &multiple, &step);
      point_cache(&out[digit][i], &multiple);
    }
    for (int i = 0; i < COMB_BITS; i++) point_double(&base, &base);
  }
}
