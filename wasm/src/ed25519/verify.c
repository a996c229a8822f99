/* Verification of one signature under ZIP-215: 8·S·B = 8·R + 8·k·A, S below L, encodings of R and A taken
 * as they are.  All input is public, so time may depend on it. */

#include "tables.h"

/* Adds digit·A from its odd multiples. */
INLINE void add_odd(Point *sum, const Cached *odd, int digit) {
  if (digit > 0) point_add_signed(sum, sum, &odd[digit >> 1], 0);
  if (digit < 0) point_add_signed(sum, sum, &odd[-digit >> 1], 1);
}

/* S·B + k·(-A) - R, doubling once for both (Straus: "Addition chains of vectors", 1964). */
EXPORT("ed25519_verify")
int ed25519_verify(const Tables *tables, const u8 *signature, const u8 *public_key, const u8 *message,
                   u32 length) {
  Point a, r, sum;
  Scalar s, k;
  Cached odd[8];
  signed char a_digits[256], b_digits[256];
  if (!scalar_is_canonical(signature + 32)) return 0;
  if (point_decode_two(&a, &r, public_key, signature) != 3) return 0;
  scalar_load(&s, signature + 32);
  signature_challenge(&k, signature, public_key, message, length);
  point_negate(&a);
  point_negate(&r);
  point_odd_multiples(odd, &a, 8);
  scalar_sparse_digits(a_digits, &k, 5);
  scalar_sparse_digits(b_digits, &s, 8);
  point_identity(&sum);
  int at = 255;
  while (at >= 0 && !a_digits[at] && !b_digits[at]) at--;
  for (; at >= 0; at--) {
    point_double(&sum, &sum);
    add_odd(&sum, odd, a_digits[at]);
    add_odd(&sum, tables->odd, b_digits[at]);
  }
  point_add_point(&sum, &sum, &r);
  return point_is_small(&sum);
}

EXPORT("ed25519_key_table_size") u32 ed25519_key_table_size(void) { return sizeof(Comb); }

/* The comb of -A for a key that verifies often.  Answers 0 when the bytes are no point. */
EXPORT("ed25519_key_prepare") int ed25519_key_prepare(const u8 *public_key, Comb table) {
  Point a, same;
  if (point_decode_two(&a, &same, public_key, public_key) != 3) return 0;
  point_negate(&a);
  comb_make(table, &a);
  return 1;
}

/* The same rule with two combs and no doubling. */
EXPORT("ed25519_verify_known")
int ed25519_verify_known(const Tables *tables, const Comb table, const u8 *signature,
                         const u8 *public_key, const u8 *message, u32 length) {
  Point sum, same;
  Scalar s, k;
  if (!scalar_is_canonical(signature + 32)) return 0;
  if (point_decode_two(&sum, &same, signature, signature) != 3) return 0;
  scalar_load(&s, signature + 32);
  signature_challenge(&k, signature, public_key, message, length);
  point_negate(&sum);
  comb_add(&sum, tables->comb, &s);
  comb_add(&sum, table, &k);
  return point_is_small(&sum);
}

/* What enrolment refuses: no point, not the canonical encoding, or of small order. */
EXPORT("ed25519_is_weak") int ed25519_is_weak(const u8 *public_key) {
  Point a, same;
  u8 canonical[32], difference = 0;
  if (point_decode_two(&a, &same, public_key, public_key) != 3) return 1;
  point_encode(canonical, &a);
  for (int i = 0; i < 32; i++) difference |= canonical[i] ^ public_key[i];
  return difference != 0 || point_is_small(&a);
}
