/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bits.h - bit arithmetic that is defined for every uint64_t, which C's shifts and builtins are
 * not.
 *
 * The proof formulas may shift by the full width of a number; `x >> 64` is undefined.
 */
#ifndef PL_CORE_TLOG_BITS_H
#define PL_CORE_TLOG_BITS_H

#include <stdint.h>

/* Position of the highest set bit plus one; 0 for 0. */
static inline unsigned pl_bitlen(uint64_t x)
{
    return x == 0 ? 0 : 64U - (unsigned)__builtin_clzll(x);
}
/* Number of zero bits below the lowest set bit. @x must not be 0. */
static inline unsigned pl_ctz(uint64_t x)
{
    return (unsigned)__builtin_ctzll(x);
}
static inline unsigned pl_popcount(uint64_t x)
{
    return (unsigned)__builtin_popcountll(x);
}
/* x >> n, 0 from n = 64 on. */
static inline uint64_t pl_shr(uint64_t x, unsigned n)
{
    return n < 64 ? x >> n : 0;
}

#endif
