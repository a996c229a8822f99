/* Makes the tables, and what signing, verifying and batches share; see tables.h. */

#include "tables.h"

/* y = 4/5, x even (RFC 8032 §5.1). */
static const u8 BASE[32] = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                            0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                            0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};

EXPORT("ed25519_tables_size") u32 ed25519_tables_size(void) { return sizeof(Tables); }

EXPORT("ed25519_prepare") void ed25519_prepare(Tables *tables) {
  Point base, same;
  point_decode_two(&base, &same, BASE, BASE);
  point_odd_multiples(tables->odd, &base, BASE_ODD);
  comb_make(tables->comb, &base);
  for (int row = 0; row < SIGN_ROWS; row++) {
    Point multiple = base;
    Cached step;
    point_cache(&step, &base);
    tables->sign[row][0] = step;
    for (int i = 1; i < SIGN_ENTRIES; i++) {
      point_add(&multiple, &multiple, &step);
      point_cache(&tables->sign[row][i], &multiple);
    }
    for (int i = 0; i < 8; i++) point_double(&base, &base);
  }
  __builtin_memset(tables->fingerprint, 0, 32);
}

void signature_challenge(Scalar *out, const u8 *r, const u8 *public_key, const u8 *message, u32 length) {
  Sha512 hash;
  u32 wide[16];
  sha512_start(&hash);
  sha512_update(&hash, r, 32);
  sha512_update(&hash, public_key, 32);
  sha512_update(&hash, message, length);
  sha512_finish(&hash, (u8 *)wide);
  scalar_reduce(out, wide);
}

void comb_add(Point *sum, const Comb comb, const Scalar *a) {
  signed char digits[COMB_DIGITS];
  scalar_digits(digits, a, COMB_BITS, COMB_DIGITS);
  for (int i = 0; i < COMB_DIGITS; i++) {
    int digit = digits[i];
    if (digit > 0) point_add_signed(sum, sum, &comb[i][digit - 1], 0);
    if (digit < 0) point_add_signed(sum, sum, &comb[i][-digit - 1], 1);
  }
}
