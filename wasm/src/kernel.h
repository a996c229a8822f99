/* What all kernels share: names of integers, loads and stores that need no alignment, and the idioms
 * of WASM's 128-bit vectors.  There is no C library; memory.copy and memory.fill are instructions.
 * Keeps: no function here allocates, and none keeps state. */

#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>
#include <wasm_simd128.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
typedef v128_t Vector;

#define EXPORT(name) __attribute__((export_name(name)))
#define NEVER_INLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))
/* The build asks for small code; loops whose indices must become constants say so themselves. */
#define UNROLL _Pragma("clang loop unroll(full)")

/* Fixed small sizes: the compiler makes one load or store of each. */
INLINE u32 load32(const u8 *from) {
  u32 value;
  __builtin_memcpy(&value, from, 4);
  return value;
}

INLINE u64 load64(const u8 *from) {
  u64 value;
  __builtin_memcpy(&value, from, 8);
  return value;
}

INLINE void store32(u8 *to, u32 value) { __builtin_memcpy(to, &value, 4); }

INLINE void store64(u8 *to, u64 value) { __builtin_memcpy(to, &value, 8); }

/* Thirty-two bytes: a hash, a key, a scalar. */
INLINE void copy32(u8 *to, const u8 *from) {
  Vector low = wasm_v128_load(from);
  Vector high = wasm_v128_load(from + 16);
  wasm_v128_store(to, low);
  wasm_v128_store(to + 16, high);
}

/* The compiler must take `value` as it is: it can neither see where it came from nor fold it. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))

/* Rows become columns: lane i of row j goes to lane j of row i. */
INLINE void transpose(Vector *a, Vector *b, Vector *c, Vector *d) {
  Vector ab_low = wasm_i32x4_shuffle(*a, *b, 0, 4, 1, 5);
  Vector ab_high = wasm_i32x4_shuffle(*a, *b, 2, 6, 3, 7);
  Vector cd_low = wasm_i32x4_shuffle(*c, *d, 0, 4, 1, 5);
  Vector cd_high = wasm_i32x4_shuffle(*c, *d, 2, 6, 3, 7);
  *a = wasm_i64x2_shuffle(ab_low, cd_low, 0, 2);
  *b = wasm_i64x2_shuffle(ab_low, cd_low, 1, 3);
  *c = wasm_i64x2_shuffle(ab_high, cd_high, 0, 2);
  *d = wasm_i64x2_shuffle(ab_high, cd_high, 1, 3);
}

/* Rotations of 32-bit lanes.  Whole bytes move by one shuffle, other distances need two shifts. */
INLINE Vector rotate_right_16(Vector x) {
  return wasm_i8x16_shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

INLINE Vector rotate_right_8(Vector x) {
  return wasm_i8x16_shuffle(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}

INLINE Vector rotate_right_12(Vector x) {
  return wasm_v128_or(wasm_u32x4_shr(x, 12), wasm_i32x4_shl(x, 20));
}

INLINE Vector rotate_right_7(Vector x) {
  return wasm_v128_or(wasm_u32x4_shr(x, 7), wasm_i32x4_shl(x, 25));
}

#endif
