/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - reads a test's input; the tests run in the project's top folder. */
#ifndef PL_TESTS_LIB_FILE_H
#define PL_TESTS_LIB_FILE_H

#include "core/base/arena.h"

/* The file's content with a NUL behind it; a file that cannot be read ends the test program. */
struct pl_bytes pl_test_file(struct pl_arena *arena, const char *path);

#endif
