/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - strict JSON in over jansson, RFC 8785 (JCS) out; the only door to jansson.
 *
 * Reading: one value and nothing behind it, no duplicate members, depth at most PL_JSON_DEPTH_MAX,
 * valid UTF-8. A JSON null counts as absent in the getters, as it does for Go clients.
 * References: json_t * that a function returns through `out` is new: json_decref it. What a
 * getter gives is borrowed from the object.
 */
#ifndef PL_CORE_BASE_JSON_H
#define PL_CORE_BASE_JSON_H

#include "core/base/arena.h"
#include "core/base/buf.h"

#include <jansson.h>

/* PL_EINVAL says line, column and what; PL_ETOOBIG when over @max bytes. */
PL_MUST_CHECK enum pl_code pl_json_load(struct pl_bytes in, size_t max, json_t **out,
                                        struct pl_err *err);

/*
 * Getters: member @name of @obj. @where is the object's own path for error texts ("spec.data", or
 * "" at the top); a text reads "spec.data.hash is required", "spec.data.hash must be an object".
 * `_opt` forms give NULL / an empty view / @otherwise when absent or null.
 */
PL_MUST_CHECK enum pl_code pl_json_object(const json_t *obj, const char *where, const char *name,
                                          json_t **out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_object_opt(const json_t *obj, const char *where,
                                              const char *name, json_t **out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_array(const json_t *obj, const char *where, const char *name,
                                         json_t **out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_array_opt(const json_t *obj, const char *where, const char *name,
                                             json_t **out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_string(const json_t *obj, const char *where, const char *name,
                                          struct pl_bytes *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_string_opt(const json_t *obj, const char *where,
                                              const char *name, struct pl_bytes *out,
                                              struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_bool_opt(const json_t *obj, const char *where, const char *name,
                                            bool otherwise, bool *out, struct pl_err *err);
/* Integer, or a decimal string as protobuf JSON writes 64-bit numbers; >= 0. */
PL_MUST_CHECK enum pl_code pl_json_u64(const json_t *obj, const char *where, const char *name,
                                       uint64_t *out, struct pl_err *err);
PL_MUST_CHECK enum pl_code pl_json_u64_opt(const json_t *obj, const char *where, const char *name,
                                           uint64_t otherwise, uint64_t *out, struct pl_err *err);
/* A string member in base64 (standard), decoded into the arena. */
PL_MUST_CHECK enum pl_code pl_json_base64(const json_t *obj, const char *where, const char *name,
                                          struct pl_arena *arena, struct pl_bytes *out,
                                          struct pl_err *err);
/* View of a JSON string value (borrowed from it). */
struct pl_bytes pl_json_text(const json_t *string);

/* A quoted string with RFC 8785 section 3.2.2.2 escapes. @text must be valid UTF-8. */
void pl_buf_add_json_string(struct pl_buf *b, struct pl_bytes text);
/* The same for text that may be anything, such as an error's: bytes that are not UTF-8 become
 * U+FFFD. */
void pl_buf_add_json_lossy(struct pl_buf *b, struct pl_bytes text);
/*
 * RFC 8785 serialisation: members by UTF-16 code units, ECMAScript numbers, no white space.
 * PL_EINVAL for what JCS cannot say: an integer beyond 2^53-1 in magnitude.
 */
PL_MUST_CHECK enum pl_code pl_json_canonical(const json_t *value, struct pl_buf *b,
                                             struct pl_err *err);
/* The shortest ECMAScript text of @v (finite): ECMA-262 Number::toString. */
void pl_buf_add_json_double(struct pl_buf *b, double v);

#endif
