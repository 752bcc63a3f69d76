/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - one list of values, as text or JSON. */
#include <errno.h>
#include <stdio.h>

#include "client/client.h"
#include "core/base/enc.h"
#include "core/base/num.h"

#define COLUMN 16

void pl_out_begin(struct pl_client *c, const char *name)
{
    c->json = c->args.output != NULL && strcmp(c->args.output, "json") == 0;
    c->first = true;
    if (c->json) {
        pl_buf_addf(&c->out, "{\"schema\":\"provlog/%s/v1\"", name);
        c->first = false;
    }
}

/* "log_index" reads "log index       " as text. */
static void add_name(struct pl_client *c, const char *name)
{
    if (c->json) {
        pl_buf_addf(&c->out, ",\"%s\":", name);
        return;
    }
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        pl_buf_add_byte(&c->out, name[i] == '_' ? ' ' : (uint8_t)name[i]);
    pl_buf_addf(&c->out, "%*s", n < COLUMN ? (int)(COLUMN - n) : 1, "");
}

/* Is the byte at @i part of what could steer a terminal? C0, DEL, and both bytes of C1 in UTF-8. */
static bool steers(struct pl_bytes text, size_t i)
{
    uint8_t ch = text.p[i];
    uint8_t before = i > 0 ? text.p[i - 1] : 0;
    uint8_t after = i + 1 < text.n ? text.p[i + 1] : 0;

    return ch < 0x20 || ch == 0x7f || (before == 0xc2 && ch >= 0x80 && ch < 0xa0) ||
           (ch == 0xc2 && after >= 0x80 && after < 0xa0);
}

/* Further lines stand below the first; control characters become blanks, so that a name in the log
 * can't steer a terminal. */
static void add_lines(struct pl_buf *b, struct pl_bytes value)
{
    while (value.n > 0 && value.p[value.n - 1] == '\n')
        value.n--;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t ch = value.p[i];
        if (ch == '\n')
            pl_buf_addf(b, "\n%*s", value.p[i + 1] == '\n' ? 0 : COLUMN, "");
        else
            pl_buf_add_byte(b, steers(value, i) ? ' ' : ch);
    }
    pl_buf_add_str(b, "\n");
}

void pl_out_error(const char *text)
{
    struct pl_bytes all = pl_str(text);

    (void)fputs("provlog: ", stderr);
    for (size_t i = 0; i < all.n; i++)
        (void)fputc(steers(all, i) ? ' ' : all.p[i], stderr);
    (void)fputc('\n', stderr);
}

void pl_out_text(struct pl_client *c, const char *name, struct pl_bytes value)
{
    add_name(c, name);
    if (c->json)
        pl_buf_add_json_lossy(&c->out, value);
    else
        add_lines(&c->out, value);
}

void pl_out_u64(struct pl_client *c, const char *name, uint64_t value)
{
    add_name(c, name);
    pl_buf_add_u64(&c->out, value);
    if (!c->json)
        pl_buf_add_str(&c->out, "\n");
}

void pl_out_time(struct pl_client *c, const char *name, int64_t unix_seconds)
{
    char text[PL_RFC3339_LEN + 1];
    pl_format_rfc3339(unix_seconds, text);
    pl_out_text(c, name, pl_str(text));
}

void pl_out_hash(struct pl_client *c, const char *name, const struct pl_hash *value)
{
    char hex[PL_HASH_HEX_SIZE];
    pl_out_text(c, name, pl_str(pl_hash_hex(value, hex)));
}

void pl_out_json(struct pl_client *c, const char *name, struct pl_bytes json)
{
    if (!c->json)
        return;
    add_name(c, name);
    pl_buf_add_bytes(&c->out, json);
}

void pl_out_entry(struct pl_client *c, const struct pl_rekor_entry *entry)
{
    const struct pl_tlog_entry *e = &entry->entry;
    pl_out_u64(c, "log_index", e->log_index);
    pl_out_text(c, "entry_id", entry->entry_id);
    pl_out_text(c, "uuid", entry->uuid);
    pl_out_text(c, "kind", e->kind);
    pl_out_text(c, "kind_version", e->version);
    pl_out_time(c, "integrated", e->integrated_time);
    pl_out_hash(c, "log_id", &e->log_id);
    pl_out_u64(c, "tree_size", e->tree_size);
    pl_out_text(c, "checkpoint", e->checkpoint);
}

enum pl_code pl_out_end(struct pl_client *c, struct pl_err *err)
{
    enum pl_code rc;

    if (c->json)
        pl_buf_add_str(&c->out, "}\n");
    PL_TRY(pl_buf_check(&c->out, "the output", err));
    bool written = c->out.n == 0 || fwrite(c->out.p, 1, c->out.n, stdout) == c->out.n;
    if (!written || fflush(stdout) != 0)
        rc = PL_FAIL_CAUSE(err, PL_EINVAL, errno, "standard output: %s", strerror(errno));
    pl_buf_reset(&c->out);
out:
    return rc;
}
