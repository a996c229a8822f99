/* Signing (RFC 8032 §5.1.5, §5.1.6) for platforms without Ed25519 of their own.
 * Keeps: no branch and no address depends on a secret: multiples of the base come from a comb whose rows
 * are read whole and selected by masks; what held secrets is overwritten before the caller sees the result.
 * Never: promises constant time.  WASM does not; the limits are in ../../README.md. */

#include "tables.h"

enum { STACK_BURNT = 8192 };

/* All ones when a = b, for values below 2^31. */
INLINE u32 mask_equal(u32 a, u32 b) {
  u32 mask = 0 - (((a ^ b) - 1) >> 31);
  OPAQUE(mask);
  return mask;
}

/* digit·row, -8 ≤ digit ≤ 8: reads every entry, keeps the one. */
static void select_entry(Cached *out, const Cached row[SIGN_ENTRIES], int digit) {
  u32 negative = (u32)(digit >> 31);
  u32 magnitude = ((u32)digit ^ negative) - negative;
  Cached identity, negated;
  cached_identity(&identity);
  Vector mask = wasm_i32x4_splat((int)mask_equal(magnitude, 0));
  EACH_LIMB {
    out->sums.limb[k] = wasm_v128_and(identity.sums.limb[k], mask);
    out->rest.limb[k] = wasm_v128_and(identity.rest.limb[k], mask);
  }
  for (u32 entry = 0; entry < SIGN_ENTRIES; entry++) {
    mask = wasm_i32x4_splat((int)mask_equal(magnitude, entry + 1));
    EACH_LIMB {
      Vector sums = wasm_v128_and(row[entry].sums.limb[k], mask);
      Vector rest = wasm_v128_and(row[entry].rest.limb[k], mask);
      out->sums.limb[k] = wasm_v128_or(out->sums.limb[k], sums);
      out->rest.limb[k] = wasm_v128_or(out->rest.limb[k], rest);
    }
  }
  cached_negate(&negated, out);
  OPAQUE(negative);
  mask = wasm_i32x4_splat((int)negative);
  EACH_LIMB {
    out->sums.limb[k] = wasm_v128_bitselect(negated.sums.limb[k], out->sums.limb[k], mask);
    out->rest.limb[k] = wasm_v128_bitselect(negated.rest.limb[k], out->rest.limb[k], mask);
  }
}

/* 64 digits of four bits, -8 … 8; the rows serve the odd ones, and after four doublings the even ones. */
static void multiply_base(Point *out, const Tables *tables, const u8 scalar[32]) {
  signed char digits[64];
  int carry = 0;
  for (int i = 0; i < 64; i++) {
    int digit = ((scalar[i >> 1] >> (4 * (i & 1))) & 15) + carry;
    carry = i < 63 ? (digit + 8) >> 4 : 0;
    digits[i] = (signed char)(digit - (carry << 4));
  }
  Cached entry;
  point_identity(out);
  for (int i = 1; i < 64; i += 2) {
    select_entry(&entry, tables->sign[i >> 1], digits[i]);
    point_add(out, out, &entry);
  }
  for (int i = 0; i < 4; i++) point_double(out, out);
  for (int i = 0; i < 64; i += 2) {
    select_entry(&entry, tables->sign[i >> 1], digits[i]);
    point_add(out, out, &entry);
  }
}

typedef struct {
  u8 scalar[32], prefix[32];
} Secret;

/* §5.1.5 steps 1 and 2. */
static void expand_seed(Secret *out, const u8 *seed) {
  Sha512 hash;
  sha512_start(&hash);
  sha512_update(&hash, seed, 32);
  sha512_finish(&hash, (u8 *)out);
  out->scalar[0] &= 248;
  out->scalar[31] &= 127;
  out->scalar[31] |= 64;
}

/* The public key of `secret`, made anew unless it is the one that was used last. */
static void find_public_key(Tables *tables, const Secret *secret) {
  Sha512 hash;
  u8 digest[64], difference = 0;
  sha512_start(&hash);
  sha512_update(&hash, (const u8 *)secret, 64);
  sha512_finish(&hash, digest);
  for (int i = 0; i < 32; i++) difference |= digest[i] ^ tables->fingerprint[i];
  /* Whether the same key signs again is no secret. */
  if (difference == 0) return;
  Point a;
  multiply_base(&a, tables, secret->scalar);
  point_encode(tables->public_key, &a);
  copy32(tables->fingerprint, digest);
}

NEVER_INLINE static void sign(Tables *tables, const u8 *seed, const u8 *message, u32 length,
                              u8 *signature) {
  Secret secret;
  Sha512 hash;
  Scalar a, r, k, s;
  Point commitment;
  u32 wide[16];
  expand_seed(&secret, seed);
  find_public_key(tables, &secret);
  sha512_start(&hash);
  sha512_update(&hash, secret.prefix, 32);
  sha512_update(&hash, message, length);
  sha512_finish(&hash, (u8 *)wide);
  scalar_reduce(&r, wide);
  multiply_base(&commitment, tables, (const u8 *)r.word);
  point_encode(signature, &commitment);
  signature_challenge(&k, signature, tables->public_key, message, length);
  scalar_load(&a, secret.scalar);
  scalar_multiply_add(&s, &k, &a, &r);
  scalar_store(signature + 32, &s);
}

NEVER_INLINE static void make_public_key(Tables *tables, const u8 *seed, u8 *public_key) {
  Secret secret;
  expand_seed(&secret, seed);
  find_public_key(tables, &secret);
  copy32(public_key, tables->public_key);
}

/* Overwrites what the functions above left on the stack: it stands where their frames stood. */
NEVER_INLINE static void burn_stack(void) {
  u8 frame[STACK_BURNT];
  __builtin_memset(frame, 0, sizeof frame);
  __asm__ volatile("" : : "r"(frame) : "memory");
}

EXPORT("ed25519_public_key") void ed25519_public_key(Tables *tables, const u8 *seed, u8 *public_key) {
  make_public_key(tables, seed, public_key);
  burn_stack();
}

EXPORT("ed25519_sign")
void ed25519_sign(Tables *tables, const u8 *seed, const u8 *message, u32 length, u8 *signature) {
  sign(tables, seed, message, length, signature);
  burn_stack();
}
