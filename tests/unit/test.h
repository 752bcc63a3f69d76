/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - the only include of cmocka, which needs these headers before it. */
#ifndef PL_TESTS_UNIT_TEST_H
#define PL_TESTS_UNIT_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "core/base/buf.h"
#include "core/base/err.h"

/* The call succeeds; a failure prints the error's text. */
#define assert_ok(call, err)                                              \
    do {                                                                  \
        enum pl_code rc_ = (call);                                        \
        if (rc_ != PL_OK)                                                 \
            fail_msg("%s: %s: %s", #call, pl_code_name(rc_), (err).text); \
    } while (0)
/* The call fails with @code and a text that contains @part. */
#define assert_fails(call, want, part, err)                                                \
    do {                                                                                   \
        enum pl_code rc_ = (call);                                                         \
        if (rc_ != (want))                                                                 \
            fail_msg("%s: got %s, want %s", #call, pl_code_name(rc_), pl_code_name(want)); \
        if (strstr((err).text, (part)) == NULL)                                            \
            fail_msg("%s: text \"%s\" lacks \"%s\"", #call, (err).text, (part));           \
    } while (0)
#define assert_bytes(got, want)                                                                \
    do {                                                                                       \
        struct pl_bytes g_ = (got), w_ = (want);                                               \
        if (!pl_bytes_eq(g_, w_))                                                              \
            fail_msg("got \"%.*s\" (%zu), want \"%.*s\" (%zu)", (int)g_.n, (const char *)g_.p, \
                     g_.n, (int)w_.n, (const char *)w_.p, w_.n);                               \
    } while (0)

#endif
