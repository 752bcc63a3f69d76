/* SPDX-License-Identifier: Apache-2.0 */
/* num.h - checked arithmetic and strict number parsing. */
#ifndef PL_CORE_BASE_NUM_H
#define PL_CORE_BASE_NUM_H

#include "core/base/buf.h"

/* Decimal, only digits, no sign, no leading zero except "0", at most @max. False otherwise. */
PL_MUST_CHECK bool pl_parse_u64(struct pl_bytes in, uint64_t max, uint64_t *out);
/* The same with an optional leading '-'; leading zeros allowed as Go's ParseInt does. */
PL_MUST_CHECK bool pl_parse_i64(struct pl_bytes in, int64_t *out);

#define PL_ADD_OVERFLOW(a, b, out) __builtin_add_overflow((a), (b), (out))
#define PL_MUL_OVERFLOW(a, b, out) __builtin_mul_overflow((a), (b), (out))

/* RFC 3339 in UTC, "2026-01-02T03:04:05Z", of @unix_seconds (years 0000..9999); NUL-terminated. */
#define PL_RFC3339_LEN 20
void pl_format_rfc3339(int64_t unix_seconds, char out[PL_RFC3339_LEN + 1]);
/* Any RFC 3339 text, fraction dropped, offset applied. */
PL_MUST_CHECK bool pl_parse_rfc3339(struct pl_bytes in, int64_t *unix_seconds);

#endif
