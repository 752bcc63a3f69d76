/* Property: requests read the same however their bytes are cut, and what is taken is strict. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/limits.h"
#include "server/http_parse.h"

#include "tests/fuzz/fuzz.h"

#define FUZZ_BODY_MAX ((size_t)4096)

/* One connection's reading of @in, as http_conn.c does it, pieces of @piece bytes; a transcript. */
struct reading {
    struct pl_bytes in;
    size_t piece, seen; /* bytes that have arrived */
    size_t at;          /* bytes of complete messages */
    struct pl_buf *out;
};

static bool more(struct reading *r)
{
    size_t left = r->in.n - r->seen;

    r->seen += left < r->piece ? left : r->piece;
    return left != 0;
}

static void check_head(const struct pl_head *head)
{
    MUST(head->method.n != 0 && head->target.n != 0 && head->minor <= 1);
    MUST(!(head->chunked && head->has_length) && !(head->chunked && head->minor == 0));
    for (size_t i = 0; i < head->nheaders; i++) {
        struct pl_bytes v = head->headers[i].value;
        MUST(head->headers[i].name.n != 0);
        for (size_t j = 0; j < v.n; j++)
            MUST(v.p[j] == '\t' || (v.p[j] >= 0x20 && v.p[j] != 0x7f));
    }
}

static size_t find_head(struct reading *r, struct pl_refusal *no)
{
    struct pl_head_scan scan = {0, 0};
    size_t n = 0;

    for (;;) {
        struct pl_bytes have = pl_bytes(r->in.p + r->at, r->seen - r->at);
        enum pl_scan got = pl_head_scan(&scan, have, &n, no);
        if (got == PL_SCAN_DONE)
            return n;
        if (got == PL_SCAN_BAD || !more(r))
            return 0;
    }
}

static bool read_body(struct reading *r, struct pl_message *m, struct pl_refusal *no)
{
    while (!m->complete) {
        if (r->seen == r->at && !more(r))
            return false;
        size_t used = pl_message_feed(m, pl_bytes(r->in.p + r->at, r->seen - r->at), no);
        if (used == SIZE_MAX)
            return false;
        MUST(used <= r->seen - r->at && (used != 0 || m->complete));
        r->at += used;
    }
    return true;
}

/* False at the end: refused or incomplete. */
static bool read_message(struct reading *r, struct pl_arena *arena, struct pl_buf *body)
{
    struct pl_refusal no = {.status = 0};
    struct pl_head head;
    struct pl_message m;
    size_t n = find_head(r, &no);
    struct pl_bytes raw = pl_bytes(r->in.p + r->at, n);
    bool good = n != 0 && pl_head_parse(raw, arena, &head, &no);

    MUST(n <= PL_HEAD_MAX);
    pl_buf_reset(body);
    if (good) {
        check_head(&head);
        good = pl_message_begin(&m, raw, &head, body, FUZZ_BODY_MAX, &no);
        r->at += n;
    }
    good = good && read_body(r, &m, &no);
    if (good) {
        MUST(!head.has_length || body->n == head.length);
        pl_buf_addf(r->out, "%zu ", r->at);
        pl_buf_add_bytes(r->out, head.method);
        pl_buf_add_bytes(r->out, head.target);
        pl_buf_add_bytes(r->out, pl_buf_bytes(body));
        pl_buf_add_byte(r->out, m.keep_alive ? 'k' : 'c');
        return m.keep_alive;
    }
    MUST(no.status == 0 || (no.status >= 400 && no.text[0] != '\0'));
    /* Over the limit and malformed behind it: which comes first depends on the cut. */
    pl_buf_addf(r->out, "end %d", no.status == 413 ? 400 : no.status);
    return false;
}

static void read_all(struct pl_bytes in, size_t piece, struct pl_buf *out)
{
    struct reading r = {.in = in, .piece = piece, .out = out};
    struct pl_arena arena;
    struct pl_buf body;

    pl_arena_init(&arena, (size_t)4 << 20);
    pl_buf_init(&body, SIZE_MAX / 2);
    while (read_message(&r, &arena, &body) && r.at < in.n)
        pl_arena_reset(&arena);
    pl_buf_free(&body);
    pl_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_buf whole, cut;

    if (size == 0 || size > (1 << 16))
        return 0;
    pl_buf_init(&whole, (size_t)8 << 20);
    pl_buf_init(&cut, (size_t)8 << 20);
    /* The first byte says how the rest arrives. */
    read_all(pl_bytes(data + 1, size - 1), SIZE_MAX / 2, &whole);
    read_all(pl_bytes(data + 1, size - 1), (size_t)1 + data[0] % 64, &cut);
    MUST(pl_buf_ok(&whole) && pl_bytes_eq(pl_buf_bytes(&whole), pl_buf_bytes(&cut)));
    pl_buf_free(&whole);
    pl_buf_free(&cut);
    return 0;
}
