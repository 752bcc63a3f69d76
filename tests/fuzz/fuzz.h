/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what every fuzz target shares: the entry point and a check that is never compiled out.
 */
#ifndef PL_TESTS_FUZZ_FUZZ_H
#define PL_TESTS_FUZZ_FUZZ_H

#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property of the target: says what was broken and where, then aborts. */
#define MUST(x)                                                                      \
    do {                                                                             \
        if (!(x)) {                                                                  \
            fprintf(stderr, "%s:%d: property broken: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                                 \
        }                                                                            \
    } while (0)

#endif
