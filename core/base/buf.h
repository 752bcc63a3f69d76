/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - borrowed views, bounded buffers and read cursors over bytes. */
#ifndef PL_CORE_BASE_BUF_H
#define PL_CORE_BASE_BUF_H

#include "core/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pl_arena;

/* A borrowed view; whoever hands one out says until when it lives. {NULL, 0} is empty. */
struct pl_bytes {
    const uint8_t *p;
    size_t n;
};

#define PL_LIT(s) ((struct pl_bytes){(const uint8_t *)("" s), sizeof(s) - 1})

static inline struct pl_bytes pl_bytes(const void *p, size_t n)
{
    return (struct pl_bytes){(const uint8_t *)p, n};
}
/* View of a NUL-terminated string, without the NUL; NULL gives empty. */
static inline struct pl_bytes pl_str(const char *s)
{
    return (struct pl_bytes){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}
bool pl_bytes_eq(struct pl_bytes a, struct pl_bytes b);
bool pl_bytes_eq_str(struct pl_bytes a, const char *s);
bool pl_bytes_has_prefix(struct pl_bytes a, const char *prefix);
/* memcmp order, then length. Returns <0, 0, >0. */
int pl_bytes_cmp(struct pl_bytes a, struct pl_bytes b);
/* View without leading and trailing SP, TAB, CR, LF. */
struct pl_bytes pl_bytes_trim(struct pl_bytes a);
/* True if @a is well-formed UTF-8 (RFC 3629: no surrogates, no overlongs). */
bool pl_utf8_valid(struct pl_bytes a);

/* For printf: PL_FMT with PL_ARG(bytes); cut at 64 bytes, for error texts and logs. */
#define PL_FMT    "%.*s"
#define PL_ARG(b) (int)((b).n < 64 ? (b).n : 64), ((b).n != 0 ? (const char *)(b).p : "")

/*
 * A growable buffer with a hard maximum. The first append that fails (over @max, or out of memory)
 * empties it and sets @failed; later ones do nothing. So: build the message, then ask pl_buf_ok()
 * once. Memory comes from the heap, or from @arena when it has one (then free is a no-op).
 */
struct pl_buf {
    uint8_t *p;
    size_t n, cap, max;
    struct pl_arena *arena; /* borrowed; NULL = heap */
    bool failed;
    bool nomem;  /* the failure was memory, not @max */
    bool secret; /* cleanse memory before it is released or moved */
};

void pl_buf_init(struct pl_buf *b, size_t max);
void pl_buf_init_arena(struct pl_buf *b, struct pl_arena *arena, size_t max);
void pl_buf_free(struct pl_buf *b);  /* also of NULL and a zeroed object */
void pl_buf_reset(struct pl_buf *b); /* empties, keeps memory, clears @failed */
void pl_buf_add(struct pl_buf *b, const void *p, size_t n);
void pl_buf_add_bytes(struct pl_buf *b, struct pl_bytes x);
void pl_buf_add_str(struct pl_buf *b, const char *s);
void pl_buf_add_byte(struct pl_buf *b, uint8_t c);
void pl_buf_add_u64(struct pl_buf *b, uint64_t v); /* decimal */
void pl_buf_add_i64(struct pl_buf *b, int64_t v);  /* decimal */
void pl_buf_addf(struct pl_buf *b, const char *fmt, ...) PL_PRINTF(2, 3);
/* Makes room for @n bytes and returns where to write them, or NULL (then @failed is set). */
uint8_t *pl_buf_reserve(struct pl_buf *b, size_t n);
/* After pl_buf_reserve: @n bytes were written. */
void pl_buf_commit(struct pl_buf *b, size_t n);
/* NUL after the content, not counted in n; returns the text, "" on failure. */
const char *pl_buf_cstr(struct pl_buf *b);
static inline bool pl_buf_ok(const struct pl_buf *b)
{
    return !b->failed;
}
/* PL_OK, or PL_ETOOBIG/PL_ENOMEM naming @what and the maximum. */
PL_MUST_CHECK enum pl_code pl_buf_check(const struct pl_buf *b, const char *what,
                                        struct pl_err *err);
/* Borrowed view of the content until the next append or free. */
static inline struct pl_bytes pl_buf_bytes(const struct pl_buf *b)
{
    return (struct pl_bytes){b->p, b->n};
}

/* Cursor over binary input; the only way to parse it. A failed read leaves the cursor. */
struct pl_reader {
    struct pl_bytes left;
};
static inline struct pl_reader pl_reader(struct pl_bytes in)
{
    return (struct pl_reader){in};
}
bool pl_read_u8(struct pl_reader *r, uint8_t *out);
bool pl_read_u16(struct pl_reader *r, uint16_t *out); /* big-endian, as all of these */
bool pl_read_u32(struct pl_reader *r, uint32_t *out);
bool pl_read_u64(struct pl_reader *r, uint64_t *out);
bool pl_read_bytes(struct pl_reader *r, size_t n, struct pl_bytes *out);
/* Up to the next @end, which is consumed and not part of @out; false if there is none. */
bool pl_read_until(struct pl_reader *r, uint8_t end, struct pl_bytes *out);

#endif
