/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read.h - a quick reader of plain JSON into jansson's values; internal to core/base.
 *
 * jansson's own reader goes through each text one byte at a time and was a fifth of a submission's
 * cost. This one takes what submissions are made of: objects, arrays, strings, short integers,
 * true, false, null. Whatever else there is (fractions, \u escapes, duplicate members, anything
 * malformed) it leaves to jansson, which then decides and words the error. It never accepts what
 * jansson refuses, and both give equal values: tests/fuzz/fuzz_json.c holds them against each
 * other.
 */
#ifndef PL_CORE_BASE_JSON_READ_H
#define PL_CORE_BASE_JSON_READ_H

#include "core/base/json.h"

/* A new reference, or NULL: ask jansson. The nesting of @in must have been bounded before. */
json_t *pl_json_read_plain(struct pl_bytes in);

#endif
