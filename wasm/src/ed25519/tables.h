/* Multiples of the base point, made once, in memory that the caller gives: a module that only hashes does
 * not carry them. */

#ifndef TABLES_H
#define TABLES_H

#include "point.h"
#include "scalar.h"
#include "sha512.h"

enum { SIGN_ROWS = 32, SIGN_ENTRIES = 8, BASE_ODD = 64 };

typedef struct {
  Cached sign[SIGN_ROWS][SIGN_ENTRIES]; /* (row, j): (j + 1)·256^row·B */
  Cached odd[BASE_ODD];                 /* (2j + 1)·B */
  Comb comb;                            /* of B */
  /* The public key of the seed that signed last, so that signing again costs one multiple and not two.
   * The fingerprint binds it to that very seed: a wrong public key under a signature would betray it. */
  u8 fingerprint[32], public_key[32];
} Tables;

/* k = SHA-512(R ‖ A ‖ message) modulo L (RFC 8032 §5.1.7 step 2). */
void signature_challenge(Scalar *out, const u8 *r, const u8 *public_key, const u8 *message, u32 length);

/* Adds a·A to `sum`, in time that depends on a. */
void comb_add(Point *sum, const Comb comb, const Scalar *a);

#endif
