/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - test inputs. */
#include "tests/lib/file.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)4 << 20)

struct pl_bytes pl_test_file(struct pl_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    static uint8_t content[FILE_MAX];
    struct pl_bytes copy = {NULL, 0};
    size_t n = 0;

    if (file != NULL && (n = fread(content, 1, FILE_MAX, file)) != 0 && n < FILE_MAX)
        copy = pl_arena_dup(arena, pl_bytes(content, n));
    if (copy.p == NULL) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return copy;
}
