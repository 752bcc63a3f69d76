/* SPDX-License-Identifier: Apache-2.0 */
/* capture.h - recorded HTTP exchanges of tests/data: from bytes on the wire to head and body. */
#ifndef PL_TESTS_LIB_CAPTURE_H
#define PL_TESTS_LIB_CAPTURE_H

#include "core/base/arena.h"
#include "core/base/json.h"

struct pl_capture {
    struct pl_bytes line; /* first line, without CRLF */
    int status;           /* of a response, else 0 */
    struct pl_bytes body; /* chunks put together */
};

/* Reads @path, through gzip when it ends in .gz. What cannot be read ends the test program. */
struct pl_capture pl_test_capture(struct pl_arena *arena, const char *path);
/* The canonical body in a 201 response: base64-decoded "body" of its one member. */
struct pl_bytes pl_test_logged_body(struct pl_arena *arena, const struct pl_capture *response);

#endif
