/* SHA-512 (FIPS 180-4), for signatures only. */

#ifndef SHA512_H
#define SHA512_H

#include "kernel.h"

typedef struct {
  u64 state[8];
  u8 block[128];
  u32 buffered;
  u64 length;
} Sha512;

void sha512_start(Sha512 *hash);
void sha512_update(Sha512 *hash, const u8 *input, u32 length);
void sha512_finish(Sha512 *hash, u8 out[64]);

#endif
