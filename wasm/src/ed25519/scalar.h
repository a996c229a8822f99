/* Scalars: integers modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point
 * (RFC 8032 §5.1), as eight words of 32 bits, and the digits that multiples are made from. */

#ifndef SCALAR_H
#define SCALAR_H

#include "kernel.h"

typedef struct {
  u32 word[8];
} Scalar;

/* Both in constant time. */
void scalar_reduce(Scalar *out, const u32 wide[16]);
/* a·b + c modulo L; a and b may be any 256-bit integers. */
void scalar_multiply_add(Scalar *out, const Scalar *a, const Scalar *b, const Scalar *c);

/* An integer that products are gathered in before it is reduced once. */
typedef struct {
  u32 word[16];
} WideScalar;

/* sum + a·b, without reduction, for an a of 128 bits: room for 2^100 of them. */
void wide_multiply_add(WideScalar *sum, const u32 a[4], const Scalar *b);

void scalar_load(Scalar *out, const u8 *bytes);
void scalar_store(u8 *bytes, const Scalar *a);
int scalar_is_zero(const Scalar *a);

/* RFC 8032 §5.1.7: S of a signature must be below L.  In time that depends on S, which is public. */
int scalar_is_canonical(const u8 *bytes);

/* Signed digits of `bits` bits, `count` of them, lowest first, each in -2^(bits-1) … 2^(bits-1) - 1. */
void scalar_digits(signed char *out, const Scalar *a, int bits, int count);

/* Non-adjacent form of width `bits` (Möller, 2003): 256 digits, each 0 or odd and below 2^(bits-1), at most
 * one of `bits` neighbours not 0. */
void scalar_sparse_digits(signed char out[256], const Scalar *a, int bits);

#endif
