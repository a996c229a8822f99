/* Arithmetic modulo L and recodings; see scalar.h. */

#include "scalar.h"

static const u32 L[9] = {0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000, 0};
/* 2^512 / L, rounded down. */
static const u32 MU[9] = {0x0a2c131b, 0xed9ce5a3, 0x086329a7, 0x2106215d, 0xffffffeb,
                          0xffffffff, 0xffffffff, 0xffffffff, 0x0000000f};

/* Barrett reduction (Menezes, van Oorschot, Vanstone: "Handbook of applied cryptography", 14.42; b = 2^32,
 * k = 8).  The quotient is at most two too small, so L is subtracted twice, and taken back by a mask. */
void scalar_reduce(Scalar *out, const u32 wide[16]) {
  u32 quotient[18] = {0};
  for (int i = 0; i < 9; i++) {
    u64 carry = 0;
    for (int j = 0; j < 9; j++) {
      carry += (u64)wide[7 + i] * MU[j] + quotient[i + j];
      quotient[i + j] = (u32)carry;
      carry >>= 32;
    }
    quotient[i + 9] = (u32)carry;
  }
  u32 product[9] = {0}; /* modulo b^9 */
  for (int i = 0; i < 9; i++) {
    u64 carry = 0;
    for (int j = 0; i + j < 9; j++) {
      carry += (u64)quotient[9 + i] * L[j] + product[i + j];
      product[i + j] = (u32)carry;
      carry >>= 32;
    }
  }
  u32 rest[9];
  i64 borrow = 0;
  for (int i = 0; i < 9; i++) {
    borrow += (i64)wide[i] - product[i];
    rest[i] = (u32)borrow;
    borrow >>= 32;
  }
  for (int time = 0; time < 2; time++) {
    u32 less[9];
    borrow = 0;
    for (int i = 0; i < 9; i++) {
      borrow += (i64)rest[i] - L[i];
      less[i] = (u32)borrow;
      borrow >>= 32;
    }
    u32 keep = (u32)borrow; /* all ones when L was too much */
    OPAQUE(keep);
    for (int i = 0; i < 9; i++) rest[i] = (rest[i] & keep) | (less[i] & ~keep);
  }
  for (int i = 0; i < 8; i++) out->word[i] = rest[i];
}

/* Row i's last carry lands in a word that nothing has written before, so no carry runs on: the number of
 * steps does not depend on the values. */
void scalar_multiply_add(Scalar *out, const Scalar *a, const Scalar *b, const Scalar *c) {
  u32 wide[16] = {0};
  for (int i = 0; i < 8; i++) wide[i] = c->word[i];
  for (int i = 0; i < 8; i++) {
    u64 carry = 0;
    for (int j = 0; j < 8; j++) {
      carry += (u64)a->word[i] * b->word[j] + wide[i + j];
      wide[i + j] = (u32)carry;
      carry >>= 32;
    }
    wide[i + 8] = (u32)carry;
  }
  scalar_reduce(out, wide);
}

void wide_multiply_add(WideScalar *sum, const u32 a[4], const Scalar *b) {
  for (int i = 0; i < 4; i++) {
    u64 carry = 0;
    for (int j = 0; j < 8; j++) {
      carry += (u64)a[i] * b->word[j] + sum->word[i + j];
      sum->word[i + j] = (u32)carry;
      carry >>= 32;
    }
    for (int j = i + 8; carry && j < 16; j++) {
      carry += sum->word[j];
      sum->word[j] = (u32)carry;
      carry >>= 32;
    }
  }
}

void scalar_load(Scalar *out, const u8 *bytes) {
  for (int i = 0; i < 8; i++) out->word[i] = load32(bytes + 4 * i);
}

void scalar_store(u8 *bytes, const Scalar *a) {
  for (int i = 0; i < 8; i++) store32(bytes + 4 * i, a->word[i]);
}

int scalar_is_zero(const Scalar *a) {
  u32 any = 0;
  for (int i = 0; i < 8; i++) any |= a->word[i];
  return any == 0;
}

int scalar_is_canonical(const u8 *bytes) {
  for (int i = 7; i >= 0; i--) {
    u32 word = load32(bytes + 4 * i);
    if (word != L[i]) return word < L[i];
  }
  return 0;
}

/* `bits` bits from place `at` on; zeros beyond 256. */
INLINE u32 window(const Scalar *a, int at, int bits) {
  int word = at >> 5;
  u64 value = word < 8 ? a->word[word] : 0;
  if (word < 7) value |= (u64)a->word[word + 1] << 32;
  return (u32)(value >> (at & 31)) & ((1u << bits) - 1);
}

void scalar_digits(signed char *out, const Scalar *a, int bits, int count) {
  int carry = 0;
  for (int i = 0; i < count; i++) {
    int digit = (int)window(a, i * bits, bits) + carry;
    carry = digit >= 1 << (bits - 1);
    out[i] = (signed char)(digit - (carry << bits));
  }
}

void scalar_sparse_digits(signed char out[256], const Scalar *a, int bits) {
  __builtin_memset(out, 0, 256);
  for (int at = 0, carry = 0; at < 256;) {
    int digit = (int)window(a, at, bits) + carry;
    if (!(digit & 1)) {
      at++;
      continue;
    }
    carry = digit >= 1 << (bits - 1);
    out[at] = (signed char)(digit - (carry << bits));
    at += bits;
  }
}
