/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - views, bounded buffers, read cursors. */
#include "core/base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"

bool pl_bytes_eq(struct pl_bytes a, struct pl_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool pl_bytes_eq_str(struct pl_bytes a, const char *s)
{
    return pl_bytes_eq(a, pl_str(s));
}

bool pl_bytes_has_prefix(struct pl_bytes a, const char *prefix)
{
    size_t n = strlen(prefix);

    return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

int pl_bytes_cmp(struct pl_bytes a, struct pl_bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int cmp = n != 0 ? memcmp(a.p, b.p, n) : 0;

    if (cmp != 0)
        return cmp;
    return (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct pl_bytes pl_bytes_trim(struct pl_bytes a)
{
    while (a.n != 0 && is_blank(a.p[0]))
        a = pl_bytes(a.p + 1, a.n - 1);
    while (a.n != 0 && is_blank(a.p[a.n - 1]))
        a.n--;
    return a;
}

/* Length of the well-formed non-ASCII sequence at @p, of which @left bytes are there; 0 if none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    /* RFC 3629 section 4: what may follow each lead byte. */
    uint8_t lead = p[0], low = 0x80, high = 0xbf;
    size_t n;

    if (lead >= 0xc2 && lead <= 0xdf)
        n = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        n = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        n = 4;
    else
        return 0;
    if (lead == 0xe0)
        low = 0xa0; /* overlong below */
    else if (lead == 0xed)
        high = 0x9f; /* surrogates above */
    else if (lead == 0xf0)
        low = 0x90; /* overlong below */
    else if (lead == 0xf4)
        high = 0x8f; /* beyond U+10FFFF above */
    if (n > left || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

bool pl_utf8_valid(struct pl_bytes a)
{
    size_t i = 0;

    while (i < a.n) {
        uint64_t eight;
        size_t n;

        if (a.n - i >= 8) {
            memcpy(&eight, a.p + i, 8);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        if (a.p[i] < 0x80) {
            i++;
            continue;
        }
        n = utf8_sequence(a.p + i, a.n - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* ---- buffers ---- */

void pl_buf_init(struct pl_buf *b, size_t max)
{
    *b = (struct pl_buf){.max = max};
}

void pl_buf_init_arena(struct pl_buf *b, struct pl_arena *arena, size_t max)
{
    *b = (struct pl_buf){.max = max, .arena = arena};
}

/* Lets go of the memory, wiped first if it held a secret. */
static void drop_memory(struct pl_buf *b)
{
    if (b->secret && b->p != NULL)
        explicit_bzero(b->p, b->cap);
    if (b->arena == NULL)
        free(b->p);
    b->p = NULL;
    b->n = b->cap = 0;
}

void pl_buf_free(struct pl_buf *b)
{
    if (b != NULL)
        drop_memory(b);
}

void pl_buf_reset(struct pl_buf *b)
{
    if (b->secret && b->p != NULL)
        explicit_bzero(b->p, b->cap);
    b->n = 0;
    b->failed = b->nomem = false;
}

static void set_failed(struct pl_buf *b, bool nomem)
{
    drop_memory(b);
    b->failed = true;
    b->nomem = nomem;
}

/* Moves the content to a block of @cap bytes. The old one of a secret is wiped, so no realloc. */
static bool move_to(struct pl_buf *b, size_t cap)
{
    uint8_t *p;

    if (b->arena != NULL && !b->secret)
        p = pl_arena_grow(b->arena, b->p, b->cap, cap);
    else if (b->arena != NULL)
        p = pl_arena_alloc(b->arena, cap);
    else if (b->secret)
        p = malloc(cap);
    else
        p = realloc(b->p, cap);
    if (p == NULL)
        return false;
    if (b->secret && b->p != NULL) {
        memcpy(p, b->p, b->n);
        explicit_bzero(b->p, b->cap);
        if (b->arena == NULL)
            free(b->p);
    }
    b->p = p;
    b->cap = cap;
    return true;
}

/* Room for @n more bytes plus one that pl_buf_cstr may need; @max does not count that one. */
static bool make_room(struct pl_buf *b, size_t n)
{
    size_t need, cap;

    if (b->failed)
        return false;
    if (n > b->max || b->n > b->max - n) {
        set_failed(b, false);
        return false;
    }
    need = b->n + n + 1;
    if (need == 0) { /* @max is SIZE_MAX */
        set_failed(b, true);
        return false;
    }
    if (need <= b->cap)
        return true;
    cap = b->cap < 64 ? 64 : b->cap <= SIZE_MAX / 2 ? b->cap * 2 : need;
    if (cap > b->max && b->max != SIZE_MAX)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    if (!move_to(b, cap)) {
        set_failed(b, true);
        return false;
    }
    return true;
}

void pl_buf_add(struct pl_buf *b, const void *p, size_t n)
{
    if (!make_room(b, n) || n == 0)
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void pl_buf_add_bytes(struct pl_buf *b, struct pl_bytes x)
{
    pl_buf_add(b, x.p, x.n);
}

void pl_buf_add_str(struct pl_buf *b, const char *s)
{
    pl_buf_add(b, s, strlen(s));
}

void pl_buf_add_byte(struct pl_buf *b, uint8_t c)
{
    if (make_room(b, 1))
        b->p[b->n++] = c;
}

void pl_buf_add_u64(struct pl_buf *b, uint64_t v)
{
    char digits[20];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    pl_buf_add(b, digits + i, sizeof(digits) - i);
}

void pl_buf_add_i64(struct pl_buf *b, int64_t v)
{
    if (v < 0)
        pl_buf_add_byte(b, '-');
    pl_buf_add_u64(b, v < 0 ? UINT64_C(0) - (uint64_t)v : (uint64_t)v);
}

void pl_buf_addf(struct pl_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int want;

    va_start(ap, fmt);
    va_copy(again, ap);
    want = vsnprintf(NULL, 0, fmt, ap);
    if (want < 0) {
        set_failed(b, true);
    } else if (make_room(b, (size_t)want)) {
        (void)vsnprintf((char *)b->p + b->n, (size_t)want + 1, fmt, again);
        b->n += (size_t)want;
    }
    va_end(again);
    va_end(ap);
}

uint8_t *pl_buf_reserve(struct pl_buf *b, size_t n)
{
    return make_room(b, n) ? b->p + b->n : NULL;
}

void pl_buf_commit(struct pl_buf *b, size_t n)
{
    if (b->failed || PL_NEVER(n > b->cap - b->n))
        return;
    b->n += n;
}

const char *pl_buf_cstr(struct pl_buf *b)
{
    if (!make_room(b, 0))
        return "";
    b->p[b->n] = '\0';
    return (const char *)b->p;
}

enum pl_code pl_buf_check(const struct pl_buf *b, const char *what, struct pl_err *err)
{
    if (!b->failed)
        return PL_OK;
    if (b->nomem)
        return PL_FAIL(err, PL_ENOMEM, "%s: out of memory", what);
    return PL_FAIL(err, PL_ETOOBIG, "%s is larger than the maximum of %zu bytes", what, b->max);
}

/* ---- cursors ---- */

bool pl_read_bytes(struct pl_reader *r, size_t n, struct pl_bytes *out)
{
    if (n > r->left.n)
        return false;
    *out = pl_bytes(r->left.p, n);
    r->left.n -= n;
    if (n != 0)
        r->left.p += n;
    return true;
}

/* Big-endian number of @n <= 8 bytes. */
static bool read_number(struct pl_reader *r, size_t n, uint64_t *out)
{
    struct pl_bytes x;
    uint64_t v = 0;

    if (!pl_read_bytes(r, n, &x))
        return false;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | x.p[i];
    *out = v;
    return true;
}

bool pl_read_u8(struct pl_reader *r, uint8_t *out)
{
    uint64_t v;

    if (!read_number(r, 1, &v))
        return false;
    *out = (uint8_t)v;
    return true;
}

bool pl_read_u16(struct pl_reader *r, uint16_t *out)
{
    uint64_t v;

    if (!read_number(r, 2, &v))
        return false;
    *out = (uint16_t)v;
    return true;
}

bool pl_read_u32(struct pl_reader *r, uint32_t *out)
{
    uint64_t v;

    if (!read_number(r, 4, &v))
        return false;
    *out = (uint32_t)v;
    return true;
}

bool pl_read_u64(struct pl_reader *r, uint64_t *out)
{
    return read_number(r, 8, out);
}

bool pl_read_until(struct pl_reader *r, uint8_t end, struct pl_bytes *out)
{
    const uint8_t *at = r->left.n != 0 ? memchr(r->left.p, end, r->left.n) : NULL;
    size_t n;

    if (at == NULL)
        return false;
    n = (size_t)(at - r->left.p);
    *out = pl_bytes(r->left.p, n);
    r->left = pl_bytes(at + 1, r->left.n - n - 1);
    return true;
}
