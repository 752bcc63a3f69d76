/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.c - the three lines that a log signs, and who has to sign them.
 *
 *   origin LF              C2SP: a URL without scheme, which is also the signer's name
 *   size LF                Rekor v1: "NAME - TREEID"; the signer's name is NAME alone
 *   base64(root) LF
 *   further lines          allowed and signed, without meaning here (old Rekor wrote a time)
 */
#include "core/tlog/checkpoint.h"

#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/tlog/merkle.h"

#include <inttypes.h>

#define ROOT_TEXT_LEN PL_BASE64_LEN((size_t)PL_HASH_SIZE)
#define V1_SEPARATOR  " - "

void pl_checkpoint_add_text(const struct pl_checkpoint *c, struct pl_buf *b)
{
    pl_buf_add_bytes(b, c->origin);
    pl_buf_add_byte(b, '\n');
    pl_buf_add_u64(b, c->size);
    pl_buf_add_byte(b, '\n');
    pl_buf_add_base64(b, pl_hash_bytes(&c->root));
    pl_buf_add_byte(b, '\n');
}

static enum pl_code read_line(struct pl_reader *r, const char *what, struct pl_bytes *out,
                              struct pl_err *err)
{
    if (!pl_read_until(r, '\n', out))
        return PL_FAIL(err, PL_EINVAL, "checkpoint: the %s line is missing or not ended by LF",
                       what);
    if (out->n == 0)
        return PL_FAIL(err, PL_EINVAL, "checkpoint: the %s line is empty", what);
    return PL_OK;
}

static enum pl_code read_root(struct pl_bytes line, struct pl_hash *out, struct pl_err *err)
{
    uint8_t raw[3 * (ROOT_TEXT_LEN / 4) + 2];
    size_t n = 0;

    if (line.n != ROOT_TEXT_LEN || !pl_base64_decode(line, PL_BASE64_STD, raw, &n) ||
        n != PL_HASH_SIZE)
        return PL_FAIL(err, PL_EINVAL, "checkpoint: \"" PL_FMT "\" is not a root hash in base64",
                       PL_ARG(line));
    memcpy(out->b, raw, PL_HASH_SIZE);
    return PL_OK;
}

enum pl_code pl_checkpoint_parse(struct pl_bytes text, struct pl_checkpoint *out,
                                 struct pl_err *err)
{
    enum pl_code rc;
    struct pl_reader r = pl_reader(text);
    struct pl_checkpoint c = {.size = 0};
    struct pl_bytes line;

    PL_TRY(read_line(&r, "origin", &c.origin, err));
    if (c.origin.n > PL_ORIGIN_MAX)
        return PL_FAIL(err, PL_EINVAL, "checkpoint: the origin has %zu bytes, the limit is %d",
                       c.origin.n, PL_ORIGIN_MAX);
    PL_TRY(read_line(&r, "size", &line, err));
    if (!pl_parse_u64(line, PL_TREE_SIZE_MAX, &c.size))
        return PL_FAIL(err, PL_EINVAL,
                       "checkpoint: \"" PL_FMT "\" is not a tree size (decimal, at most 2^63)",
                       PL_ARG(line));
    PL_TRY(read_line(&r, "root", &line, err));
    PL_TRY(read_root(line, &c.root, err));
    /* An empty tree has one root only; another one here is a log that contradicts itself. */
    if (c.size == 0 && !pl_hash_eq(&c.root, &PL_EMPTY_ROOT))
        return PL_FAIL(err, PL_EINVAL, "checkpoint: size 0 with a root that is not SHA-256(\"\")");
    /* A blank line among these would be where another reader ends the text. */
    while (r.left.n != 0)
        PL_TRY(read_line(&r, "extension", &line, err));
    *out = c;
out:
    return rc;
}

enum pl_code pl_checkpoint_sign_v1(struct pl_bytes host, uint64_t tree_id, uint64_t size,
                                   const struct pl_hash *root, const struct pl_privkey *key,
                                   struct pl_buf *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_buf origin, text;
    struct pl_checkpoint c = {.size = size, .root = *root}, check;

    pl_buf_init(&origin, PL_ORIGIN_MAX);
    pl_buf_init(&text, PL_CHECKPOINT_MAX);
    pl_buf_add_bytes(&origin, host);
    pl_buf_add_str(&origin, V1_SEPARATOR);
    pl_buf_add_u64(&origin, tree_id);
    PL_TRY(pl_buf_check(&origin, "checkpoint origin", err));
    c.origin = pl_buf_bytes(&origin);
    pl_checkpoint_add_text(&c, &text);
    PL_TRY(pl_buf_check(&text, "checkpoint", err));
    /* Never sign what our own reader would refuse. */
    PL_TRY(pl_checkpoint_parse(pl_buf_bytes(&text), &check, err));
    PL_TRY(pl_note_sign(pl_buf_bytes(&text), host, key, out, err));
out:
    pl_buf_free(&text);
    pl_buf_free(&origin);
    return rc;
}

/*
 * Who must have signed a checkpoint of @origin. "NAME - DIGITS", split at the last " - ", is Rekor
 * v1 and signed by NAME; anything else is signed by the origin itself. (sigstore-go decides by the
 * same pattern.)
 */
static struct pl_bytes signer_of(struct pl_bytes origin)
{
    const size_t sep = sizeof(V1_SEPARATOR) - 1;
    size_t digits = 0;

    while (digits < origin.n && origin.p[origin.n - 1 - digits] >= '0' &&
           origin.p[origin.n - 1 - digits] <= '9')
        digits++;
    if (digits == 0 || origin.n < digits + sep)
        return origin;
    struct pl_bytes before = pl_bytes(origin.p, origin.n - digits);
    if (!pl_bytes_has_prefix(pl_bytes(before.p + before.n - sep, sep), V1_SEPARATOR))
        return origin;
    return pl_bytes(before.p, before.n - sep);
}

enum pl_code pl_checkpoint_open(struct pl_bytes note, const struct pl_key *key,
                                struct pl_checkpoint *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_arena arena;
    struct pl_note n;
    struct pl_checkpoint c;

    /* Holds the decoded signatures, which are shorter than their text. */
    pl_arena_init(&arena, 2 * PL_NOTE_MAX);
    PL_TRY(pl_note_parse(note, &arena, &n, err));
    PL_TRY(pl_checkpoint_parse(n.text, &c, err));
    PL_TRY(pl_note_verify(&n, signer_of(c.origin), key, err));
    *out = c; /* views into @note, not into the arena */
out:
    pl_arena_free(&arena);
    return rc;
}
