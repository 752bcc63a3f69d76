/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - bump memory.
 *
 * A list of blocks, newest first; only the newest is allocated from. Under AddressSanitizer the
 * unused part of a block is poisoned and each allocation is followed by a red zone.
 */
#include "core/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/num.h"

#define BLOCK_MIN ((size_t)8 << 10)
#define BLOCK_MAX ((size_t)64 << 10) /* larger requests get a block of their own size */
#define ALIGN     alignof(max_align_t)

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define RED_ZONE       ALIGN
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define RED_ZONE       ((size_t)0)
#define POISON(p, n)   ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

struct pl_arena_block {
    struct pl_arena_block *next;
    size_t cap, used; /* of bytes[], used is a multiple of ALIGN */
    alignas(max_align_t) uint8_t bytes[];
};

void pl_arena_init(struct pl_arena *a, size_t max)
{
    *a = (struct pl_arena){.max = max};
}

static void free_blocks(struct pl_arena_block *block)
{
    while (block != NULL) {
        struct pl_arena_block *next = block->next;

        UNPOISON(block->bytes, block->cap);
        free(block);
        block = next;
    }
}

void pl_arena_free(struct pl_arena *a)
{
    if (a == NULL)
        return;
    free_blocks(a->head);
    a->head = NULL;
    a->used = 0;
}

void pl_arena_free_secret(struct pl_arena *a)
{
    for (struct pl_arena_block *block = a->head; block != NULL; block = block->next) {
        UNPOISON(block->bytes, block->cap);
        explicit_bzero(block->bytes, block->cap);
    }
    pl_arena_free(a);
}

void pl_arena_reset(struct pl_arena *a)
{
    struct pl_arena_block *keep = NULL, **link = &a->head;

    while (*link != NULL && (*link)->cap > BLOCK_MAX)
        link = &(*link)->next;
    if (*link != NULL) {
        keep = *link;
        *link = keep->next;
    }
    free_blocks(a->head);
    a->head = keep;
    a->used = 0;
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = 0;
        POISON(keep->bytes, keep->cap);
    }
}

/* A new head with room for @room bytes. */
static bool add_block(struct pl_arena *a, size_t room)
{
    size_t cap = a->head == NULL ? BLOCK_MIN : a->head->cap * 2;
    struct pl_arena_block *block;

    if (cap > BLOCK_MAX)
        cap = BLOCK_MAX;
    if (cap < room)
        cap = room;
    if (cap > SIZE_MAX - sizeof(*block))
        return false;
    block = malloc(sizeof(*block) + cap);
    if (block == NULL)
        return false;
    block->next = a->head;
    block->cap = cap;
    block->used = 0;
    a->head = block;
    POISON(block->bytes, cap);
    return true;
}

/* @n rounded up to the alignment, red zone included; 0 on overflow. */
static size_t footprint(size_t n)
{
    if (n > SIZE_MAX - ALIGN - RED_ZONE)
        return 0;
    n = n == 0 ? 1 : n;
    return (n + ALIGN - 1) / ALIGN * ALIGN + RED_ZONE;
}

void *pl_arena_alloc(struct pl_arena *a, size_t n)
{
    size_t room = footprint(n);
    uint8_t *p;

    if (room == 0 || n > a->max || a->used > a->max - n)
        return NULL;
    if ((a->head == NULL || a->head->cap - a->head->used < room) && !add_block(a, room))
        return NULL;
    p = a->head->bytes + a->head->used;
    a->head->used += room;
    a->used += n;
    UNPOISON(p, n);
    memset(p, 0, n);
    return p;
}

void *pl_arena_array(struct pl_arena *a, size_t count, size_t size)
{
    size_t n;

    if (PL_MUL_OVERFLOW(count, size, &n))
        return NULL;
    return pl_arena_alloc(a, n);
}

/* Is @p, of @n bytes, what the head block gave last? */
static bool is_last(const struct pl_arena *a, const uint8_t *p, size_t n)
{
    return a->head != NULL && p + footprint(n) == a->head->bytes + a->head->used;
}

void *pl_arena_grow(struct pl_arena *a, void *p, size_t old_n, size_t new_n)
{
    void *q;

    if (p == NULL)
        return pl_arena_alloc(a, new_n);
    if (new_n <= old_n)
        return p;
    if (is_last(a, p, old_n)) {
        size_t before = a->head->used - footprint(old_n), room = footprint(new_n);

        if (new_n - old_n > a->max || a->used > a->max - (new_n - old_n))
            return NULL;
        if (room != 0 && room <= a->head->cap - before) {
            a->head->used = before + room;
            a->used += new_n - old_n;
            UNPOISON(p, new_n);
            memset((uint8_t *)p + old_n, 0, new_n - old_n);
            return p;
        }
    }
    q = pl_arena_alloc(a, new_n);
    if (q != NULL)
        memcpy(q, p, old_n);
    return q;
}

struct pl_bytes pl_arena_dup(struct pl_arena *a, struct pl_bytes x)
{
    uint8_t *p = x.n < SIZE_MAX ? pl_arena_alloc(a, x.n + 1) : NULL;

    if (p == NULL)
        return pl_bytes(NULL, 0);
    if (x.n != 0)
        memcpy(p, x.p, x.n);
    return pl_bytes(p, x.n);
}

char *pl_arena_printf(struct pl_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char *text = NULL;
    int want;

    va_start(ap, fmt);
    va_copy(again, ap);
    want = vsnprintf(NULL, 0, fmt, ap);
    if (want >= 0 && (text = pl_arena_alloc(a, (size_t)want + 1)) != NULL)
        (void)vsnprintf(text, (size_t)want + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return text;
}
