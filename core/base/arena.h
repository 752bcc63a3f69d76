/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - bump memory that is released all at once, one arena per request.
 *
 * Not for secrets. Single-threaded; a job that moves to another thread takes its arena along.
 */
#ifndef PL_CORE_BASE_ARENA_H
#define PL_CORE_BASE_ARENA_H

#include "core/base/buf.h"

struct pl_arena_block;
struct pl_arena {
    struct pl_arena_block *head;
    size_t used, max; /* bytes handed out, ceiling */
};

void pl_arena_init(struct pl_arena *a, size_t max);
void pl_arena_free(struct pl_arena *a); /* also of NULL and a zeroed object */
/* Overwrites all memory before it is released: for what passed through a decoder. */
void pl_arena_free_secret(struct pl_arena *a);
/* Releases all but one block of at most 64 KiB and starts anew: for keep-alive connections. */
void pl_arena_reset(struct pl_arena *a);
/* @n bytes aligned for any type, zeroed; NULL when the ceiling or memory is reached. */
void *pl_arena_alloc(struct pl_arena *a, size_t n);
/* Array form with overflow check. */
void *pl_arena_array(struct pl_arena *a, size_t count, size_t size);
/* Grows the last allocation in place if it can, else copies; NULL as above. */
void *pl_arena_grow(struct pl_arena *a, void *p, size_t old_n, size_t new_n);
/* Copy with a NUL behind it (not counted). p == NULL in the result means failure (also for n = 0).
 */
struct pl_bytes pl_arena_dup(struct pl_arena *a, struct pl_bytes x);
/* NUL-terminated text, NULL on failure. */
char *pl_arena_printf(struct pl_arena *a, const char *fmt, ...) PL_PRINTF(2, 3);

#endif
