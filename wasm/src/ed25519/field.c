/* Products, powers and encodings of field elements; see field.h for their form and sizes. */

#include "field.h"

/* Products of the even limbs of both lanes, and of the odd ones, 64 bits each. */
#define EVENS wasm_u64x2_extmul_low_u32x4
#define ODDS wasm_u64x2_extmul_high_u32x4

/* A factor and what products need of it: even and odd limbs exchanged, and both times 19, since
 * 2^255 = 19. */
typedef struct {
  Vector plain[5], crossed[5], plain19[5], crossed19[5];
} Factor;

INLINE void factor_of(Factor *factor, const Vector limb[5]) {
  const Vector nineteen = wasm_i32x4_splat(19);
  EACH_LIMB {
    factor->plain[k] = limb[k];
    factor->crossed[k] = wasm_i32x4_shuffle(limb[k], limb[k], 2, 3, 0, 1);
    factor->plain19[k] = wasm_i32x4_mul(limb[k], nineteen);
    factor->crossed19[k] = wasm_i32x4_shuffle(factor->plain19[k], factor->plain19[k], 2, 3, 0, 1);
  }
}

INLINE Vector wide_add(Vector a, Vector b) { return wasm_i64x2_add(a, b); }

/* Carries of 64-bit columns in two interleaved chains, from limb 0 and from limb 4, as in the paper's §3. */
INLINE void carry_columns(Vector c[10], Vector out[5]) {
  const Vector mask26 = wasm_i64x2_splat(0x3ffffff), mask25 = wasm_i64x2_splat(0x1ffffff);
#define CARRY_EVEN(i)                                         \
  c[i + 1] = wide_add(c[i + 1], wasm_u64x2_shr(c[i], 26));    \
  c[i] = wasm_v128_and(c[i], mask26)
#define CARRY_ODD(i)                                          \
  c[i + 1] = wide_add(c[i + 1], wasm_u64x2_shr(c[i], 25));    \
  c[i] = wasm_v128_and(c[i], mask25)
  CARRY_EVEN(0); CARRY_EVEN(4);
  CARRY_ODD(1); CARRY_ODD(5);
  CARRY_EVEN(2); CARRY_EVEN(6);
  CARRY_ODD(3); CARRY_ODD(7);
  CARRY_EVEN(4); CARRY_EVEN(8);
  Vector top = wasm_u64x2_shr(c[9], 25);
  c[9] = wasm_v128_and(c[9], mask25);
  /* Nineteen times the top, as 1 + 2 + 16: there is no fast 64-bit product of lanes. */
  Vector nineteen = wide_add(wide_add(top, wasm_i64x2_shl(top, 1)), wasm_i64x2_shl(top, 4));
  c[0] = wide_add(c[0], nineteen);
  CARRY_EVEN(0);
  EACH_LIMB out[k] = wasm_i32x4_shuffle(c[2 * k], c[2 * k + 1], 0, 2, 4, 6);
}

/* Column 2m: even·even with indices adding to 2m, and twice odd·odd, because two halves of a bit make a
 * whole.  Column 2m+1: even·odd and odd·even. */
INLINE void multiply_columns(const Vector u[5], const Factor *w, Vector c[10]) {
  UNROLL for (int m = 0; m < 5; m++) {
    Vector even, odd, mixed;
    UNROLL for (int k = 0; k < 5; k++) {
      int l = m - k, below = m - 1 - k;
      Vector e = l >= 0 ? EVENS(u[k], w->plain[l]) : EVENS(u[k], w->plain19[l + 5]);
      Vector o = below >= 0 ? ODDS(u[k], w->plain[below]) : ODDS(u[k], w->plain19[below + 5]);
      Vector crossed = l >= 0 ? w->crossed[l] : w->crossed19[l + 5];
      Vector x = wide_add(EVENS(u[k], crossed), ODDS(u[k], crossed));
      even = k ? wide_add(even, e) : e;
      odd = k ? wide_add(odd, o) : o;
      mixed = k ? wide_add(mixed, x) : x;
    }
    c[2 * m] = wide_add(even, wide_add(odd, odd));
    c[2 * m + 1] = mixed;
  }
}

NEVER_INLINE void pair_multiply(Pair *out, const Pair *a, const Pair *b) {
  Vector u[5], limb[5], c[10];
  Factor w;
  EACH_LIMB u[k] = a->limb[k];
  EACH_LIMB limb[k] = b->limb[k];
  factor_of(&w, limb);
  multiply_columns(u, &w, c);
  carry_columns(c, out->limb);
}

/* As above with u = w: each product of two different limbs is made once and counts twice. */
INLINE void square_columns(const Vector limb[5], Vector c[10]) {
  Factor w;
  Vector twice[5];
  factor_of(&w, limb);
  EACH_LIMB twice[k] = add(limb[k], limb[k]);
  UNROLL for (int m = 0; m < 5; m++) {
    Vector even = wasm_i64x2_splat(0), odd = wasm_i64x2_splat(0), mixed = wasm_i64x2_splat(0);
    UNROLL for (int k = 0; k < 5; k++) {
      int l = (m - k + 5) % 5, below = (m - 1 - k + 5) % 5;
      if (k <= l) {
        Vector factor = k <= m ? w.plain[l] : w.plain19[l];
        even = wide_add(even, EVENS(k == l ? limb[k] : twice[k], factor));
      }
      if (k <= below) {
        Vector factor = k <= m - 1 ? w.plain[below] : w.plain19[below];
        odd = wide_add(odd, ODDS(k == below ? limb[k] : twice[k], factor));
      }
      mixed = wide_add(mixed, EVENS(twice[k], k <= m ? w.crossed[l] : w.crossed19[l]));
    }
    c[2 * m] = wide_add(even, wide_add(odd, odd));
    c[2 * m + 1] = mixed;
  }
}

NEVER_INLINE void pair_square_times(Pair *out, const Pair *a, int times) {
  Vector limb[5], c[10];
  EACH_LIMB limb[k] = a->limb[k];
  do {
    square_columns(limb, c);
    carry_columns(c, limb);
  } while (--times);
  EACH_LIMB out->limb[k] = limb[k];
}

void pair_square(Pair *out, const Pair *a) { pair_square_times(out, a, 1); }

/* 2^250 - 1 ones in the exponent, by doubling their number (the paper's §4); a11 is a^11. */
static void power_ones(Pair *out, Pair *a11, const Pair *a) {
  Pair ones5, ones10, ones20, ones50, ones100, t;
  pair_square(&t, a);                  /* 2 */
  pair_square_times(&ones5, &t, 2);    /* 8 */
  pair_multiply(&ones5, a, &ones5);    /* 9 */
  pair_multiply(a11, &t, &ones5);      /* 11 */
  pair_square(&t, a11);                /* 22 */
  pair_multiply(&ones5, &ones5, &t);   /* 2^5 - 1 */
  pair_square_times(&t, &ones5, 5);
  pair_multiply(&ones10, &t, &ones5);
  pair_square_times(&t, &ones10, 10);
  pair_multiply(&ones20, &t, &ones10);
  pair_square_times(&t, &ones20, 20);
  pair_multiply(&t, &t, &ones20);      /* 2^40 - 1 */
  pair_square_times(&t, &t, 10);
  pair_multiply(&ones50, &t, &ones10);
  pair_square_times(&t, &ones50, 50);
  pair_multiply(&ones100, &t, &ones50);
  pair_square_times(&t, &ones100, 100);
  pair_multiply(&t, &t, &ones100);     /* 2^200 - 1 */
  pair_square_times(&t, &t, 50);
  pair_multiply(out, &t, &ones50);
}

void pair_power_root(Pair *out, const Pair *a) {
  Pair a11, t;
  power_ones(&t, &a11, a);
  pair_square_times(&t, &t, 2);
  pair_multiply(out, &t, a);
}

void pair_invert(Pair *out, const Pair *a) {
  Pair a11, t;
  power_ones(&t, &a11, a);
  pair_square_times(&t, &t, 5);
  pair_multiply(out, &t, &a11);
}

INLINE int limb_bits(int index) { return index & 1 ? 25 : 26; }

INLINE u32 *limb_place(Pair *a, int lane, int index) {
  return (u32 *)a->limb + (index >> 1) * 4 + (index & 1) * 2 + lane;
}

void lane_from_bytes(Pair *out, int lane, const u8 *bytes) {
  u64 words[5] = {load64(bytes), load64(bytes + 8), load64(bytes + 16),
                  load64(bytes + 24) & 0x7fffffffffffffff, 0};
  for (int i = 0, bit = 0; i < 10; bit += limb_bits(i++)) {
    int word = bit >> 6, shift = bit & 63;
    u64 value = words[word] >> shift;
    if (shift > 64 - limb_bits(i)) value |= words[word + 1] << (64 - shift);
    *limb_place(out, lane, i) = (u32)value & ((1u << limb_bits(i)) - 1);
  }
}

void lane_to_bytes(u8 *bytes, const Pair *a, int lane) {
  u64 limb[10];
  Pair copy = *a;
  for (int i = 0; i < 10; i++) limb[i] = *limb_place(&copy, lane, i);
  /* Twice round, and the value is below 2^255 + 19·2. */
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; i < 10; i++) {
      u64 carry = limb[i] >> limb_bits(i);
      limb[i] &= (1u << limb_bits(i)) - 1;
      if (i < 9) limb[i + 1] += carry;
      else limb[0] += 19 * carry;
    }
  }
  /* How often p goes into it: the carry out of value + 19. */
  u64 quotient = (limb[0] + 19) >> 26;
  for (int i = 1; i < 10; i++) quotient = (limb[i] + quotient) >> limb_bits(i);
  limb[0] += 19 * quotient;
  for (int i = 0; i < 10; i++) {
    if (i < 9) limb[i + 1] += limb[i] >> limb_bits(i);
    limb[i] &= (1u << limb_bits(i)) - 1;
  }
  u64 words[5] = {0, 0, 0, 0, 0};
  for (int i = 0, bit = 0; i < 10; bit += limb_bits(i++)) {
    int word = bit >> 6, shift = bit & 63;
    words[word] |= limb[i] << shift;
    if (shift > 38) words[word + 1] |= limb[i] >> (64 - shift);
  }
  for (int i = 0; i < 4; i++) store64(bytes + 8 * i, words[i]);
}

int lane_is_zero(const Pair *a, int lane) {
  u8 bytes[32];
  lane_to_bytes(bytes, a, lane);
  return (load64(bytes) | load64(bytes + 8) | load64(bytes + 16) | load64(bytes + 24)) == 0;
}
