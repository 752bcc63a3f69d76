/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - test inputs. */
#include "tests/lib/file.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)4 << 20)

struct pl_bytes pl_test_file(struct pl_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *p = pl_arena_alloc(arena, FILE_MAX);
    size_t n = 0;

    if (file == NULL || p == NULL || (n = fread(p, 1, FILE_MAX - 1, file)) == 0 || ferror(file)) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return pl_bytes(p, n);
}
