/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rekor1_bind.c - parameters and bodies as Rekor's framework checks them, with its codes and texts.
 *
 * Where we differ on purpose: JSON that does not parse is a 400, not Rekor's 500.
 */
#include "core/attest/entry.h"
#include "core/base/num.h"
#include "server/rekor1.h"

#include <stdio.h>

#define API_VERSION_PATTERN                                 \
    "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)"        \
    "(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)"       \
    "(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?" \
    "(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$"

bool pl_binding_fail(struct pl_binding *b, int code, const char *fmt, ...)
{
    va_list args;

    if (b->code != 0)
        return false;
    b->code = code;
    va_start(args, fmt);
    (void)vsnprintf(b->text, sizeof(b->text), fmt, args);
    va_end(args);
    return false;
}

void pl_binding_reply(struct pl_req *req, const struct pl_binding *b)
{
    pl_reply_binding(req, b->code, "%s", b->text);
}

bool pl_bind_object(struct pl_bytes body, const char *what, const char *prefix, json_t **out,
                    struct pl_binding *b)
{
    json_t *root = NULL;
    struct pl_err err;

    if (body.n == 0)
        return pl_binding_fail(b, 602, "%s in body is required", what);
    enum pl_code rc = pl_json_load(body, body.n, &root, &err);
    if (rc != PL_OK)
        return pl_binding_fail(b, pl_reply_status(rc), "%s%s", prefix, err.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return pl_binding_fail(b, 400, "%s%s in body must be an object", prefix, what);
    }
    *out = root;
    return true;
}

/* ---- proposals ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* "0" or digits that do not begin with it; advances @in. */
static bool take_number(struct pl_bytes *in)
{
    size_t n = 0;

    while (n < in->n && is_digit(in->p[n]))
        n++;
    if (n == 0 || (n > 1 && in->p[0] == '0'))
        return false;
    *in = pl_bytes(in->p + n, in->n - n);
    return true;
}

static bool take(struct pl_bytes *in, uint8_t c)
{
    if (in->n == 0 || in->p[0] != c)
        return false;
    *in = pl_bytes(in->p + 1, in->n - 1);
    return true;
}

/* Words between dots; a word of digits alone must be a number when @numbers says so. */
static bool take_words(struct pl_bytes *in, bool numbers)
{
    do {
        size_t n = 0, digits = 0;
        while (n < in->n && is_word(in->p[n]))
            digits += is_digit(in->p[n++]);
        if (n == 0 || (numbers && n == digits && n > 1 && in->p[0] == '0'))
            return false;
        *in = pl_bytes(in->p + n, in->n - n);
    } while (take(in, '.'));
    return true;
}

/* Semantic Versioning 2.0, which API_VERSION_PATTERN says too. */
static bool is_version(struct pl_bytes v)
{
    bool ok =
        take_number(&v) && take(&v, '.') && take_number(&v) && take(&v, '.') && take_number(&v);

    if (ok && take(&v, '-'))
        ok = take_words(&v, true);
    if (ok && take(&v, '+'))
        ok = take_words(&v, false);
    return ok && v.n == 0;
}

/* A string member; absent, null and empty are the same to Rekor. */
static bool read_text(const json_t *obj, const char *where, const char *name, struct pl_bytes *out,
                      struct pl_binding *b)
{
    struct pl_err err;

    if (pl_json_string_opt(obj, where, name, out, &err) != PL_OK)
        return pl_binding_fail(b, 400, "%s", err.text);
    return true;
}

bool pl_bind_proposal(const json_t *proposal, const char *where, struct pl_binding *b)
{
    const char *dot = where[0] != '\0' ? "." : "";
    /* Within a list the framework has not got to validation yet when the kind decides. */
    const char *parse = where[0] != '\0' ? "parsing entry body from \"\" failed, because " : "";
    struct pl_bytes kind, version;

    if (!read_text(proposal, where, "kind", &kind, b))
        return false;
    if (kind.n == 0)
        return pl_binding_fail(b, where[0] != '\0' ? 400 : 602, "%s%s%skind in body is required",
                               parse, where, dot);
    if (!pl_kind_is_known_name(kind))
        return pl_binding_fail(b, where[0] != '\0' ? 400 : 422,
                               "%sinvalid kind value: \"" PL_FMT "\"", parse, PL_ARG(kind));
    if (!read_text(proposal, where, "apiVersion", &version, b))
        return false;
    if (version.n == 0)
        return pl_binding_fail(b, 602, "%s%sapiVersion in body is required", where, dot);
    if (!is_version(version))
        return pl_binding_fail(b, 605, "%s%sapiVersion in body should match '%s'", where, dot,
                               API_VERSION_PATTERN);
    const json_t *spec = json_object_get(proposal, "spec");
    if (spec == NULL || json_is_null(spec))
        return pl_binding_fail(b, 602, "%s%sspec in body is required", where, dot);
    return true;
}

/* ---- query parameters ---- */

bool pl_bind_i64(struct pl_req *req, const char *name, bool required, int64_t least, int64_t *out,
                 struct pl_binding *b)
{
    struct pl_bytes text;
    int64_t value;

    if (!pl_req_query(req, name, &text))
        return !required || pl_binding_fail(b, 602, "%s in query is required", name);
    if (!pl_parse_i64(text, &value))
        return pl_binding_fail(b, 601, "%s in query must be of type int64: \"" PL_FMT "\"", name,
                               PL_ARG(text));
    if (value < least)
        return pl_binding_fail(b, 609, "%s in query should be greater than or equal to %lld", name,
                               (long long)least);
    *out = value;
    return true;
}

bool pl_bind_tree(struct pl_req *req, struct pl_bytes *out, struct pl_binding *b)
{
    *out = pl_bytes(NULL, 0);
    if (!pl_req_query(req, "treeID", out))
        return true;
    for (size_t i = 0; i < out->n; i++)
        if (!is_digit(out->p[i]))
            return pl_binding_fail(b, 605, "treeID in query should match '^[0-9]+$'");
    return true;
}
