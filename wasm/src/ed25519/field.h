/* The field of Ed25519: integers modulo p = 2^255 - 19 (RFC 8032 §5.1), two elements at a time, one in
 * each 64-bit half of a vector.  An element is ten limbs of 26 and 25 bits in turn (Bernstein: "Curve25519:
 * new Diffie-Hellman speed records", 2006, §3), here unsigned.
 *
 * Words about size, which the comments of point.c use:
 *   carried    even limbs < 2^26, odd limbs < 2^25 + 2^17: what products and `pair_carry` give;
 *   loose      at most three times that: sums of two, and differences, which add 2p first.
 * Keeps: a product's first factor may be loose and more (limbs < 2^28.4, 2^27.4), its second and a square
 * may be twice carried (limbs < 2^27.7, because 19 times a limb must fit 32 bits); columns stay below 2^62. */

#ifndef FIELD_H
#define FIELD_H

#include "kernel.h"

/* limb[k] = left 2k, right 2k, left 2k+1, right 2k+1. */
typedef struct {
  Vector limb[5];
} Pair;

void pair_multiply(Pair *out, const Pair *a, const Pair *b);
void pair_square(Pair *out, const Pair *a);
/* Squares `times` ≥ 1 times. */
void pair_square_times(Pair *out, const Pair *a, int times);
/* a^(2^252 - 3): what a square root needs (RFC 8032 §5.1.3). */
void pair_power_root(Pair *out, const Pair *a);
/* a^(p - 2). */
void pair_invert(Pair *out, const Pair *a);

/* One lane from and to 32 bytes, little-endian.  Reading takes the lowest 255 bits, also values of p and
 * more, as ZIP-215 wants; writing gives the one canonical form, in constant time. */
void lane_from_bytes(Pair *out, int lane, const u8 *bytes);
void lane_to_bytes(u8 *bytes, const Pair *a, int lane);
int lane_is_zero(const Pair *a, int lane);

/* Multiples of p whose limbs exceed those of what is subtracted from them. */
INLINE Vector two_p(int k) {
  u32 even = k ? 0x7fffffe : 0x7ffffda;
  return wasm_u32x4_make(even, even, 0x3fffffe, 0x3fffffe);
}

INLINE Vector four_p(int k) { return wasm_i32x4_shl(two_p(k), 1); }

INLINE Vector add(Vector a, Vector b) { return wasm_i32x4_add(a, b); }
INLINE Vector subtract(Vector a, Vector b) { return wasm_i32x4_sub(a, b); }

/* Left and right change places. */
INLINE Vector swap(Vector a) { return wasm_i32x4_shuffle(a, a, 1, 0, 3, 2); }

/* The left element of `left` beside the right element of `right`. */
INLINE Vector blend(Vector left, Vector right) { return wasm_i32x4_shuffle(left, right, 0, 5, 2, 7); }

#define EACH_LIMB UNROLL for (int k = 0; k < 5; k++)

/* One pass of all carries at once: limbs below 2^30 become carried ones. */
INLINE void pair_carry(Pair *a) {
  const Vector mask = wasm_u32x4_make(0x3ffffff, 0x3ffffff, 0x1ffffff, 0x1ffffff);
  Vector from_even[5], from_odd[5];
  EACH_LIMB {
    from_even[k] = wasm_u32x4_shr(a->limb[k], 26);
    from_odd[k] = wasm_u32x4_shr(a->limb[k], 25);
  }
  from_odd[4] = wasm_i32x4_mul(from_odd[4], wasm_i32x4_splat(19)); /* 2^255 = 19 */
  EACH_LIMB {
    Vector carries = wasm_i32x4_shuffle(from_odd[k ? k - 1 : 4], from_even[k], 2, 3, 4, 5);
    a->limb[k] = add(wasm_v128_and(a->limb[k], mask), carries);
  }
}

INLINE void pair_swap(Pair *out, const Pair *a) { EACH_LIMB out->limb[k] = swap(a->limb[k]); }

/* b is carried; the result is carried. */
INLINE void pair_subtract(Pair *out, const Pair *a, const Pair *b) {
  EACH_LIMB out->limb[k] = subtract(add(a->limb[k], two_p(k)), b->limb[k]);
  pair_carry(out);
}

INLINE void pair_add(Pair *out, const Pair *a, const Pair *b) {
  EACH_LIMB out->limb[k] = add(a->limb[k], b->limb[k]);
  pair_carry(out);
}

INLINE void pair_negate(Pair *out, const Pair *a) {
  EACH_LIMB out->limb[k] = subtract(two_p(k), a->limb[k]);
  pair_carry(out);
}

/* Moves an element from a lane of one pair to a lane of another. */
INLINE void lane_copy(Pair *out, int out_lane, const Pair *a, int lane) {
  EACH_LIMB {
    Vector from = out_lane == lane ? a->limb[k] : swap(a->limb[k]);
    out->limb[k] = out_lane ? blend(out->limb[k], from) : blend(from, out->limb[k]);
  }
}

#endif
