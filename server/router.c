/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - route table, paths, queries and media types of a request. */
#include "server/router.h"

#include "core/base/enc.h"

#include <stdlib.h>
#include <strings.h>

static const struct {
    const char *name;
    enum pl_method method;
} METHODS[] = {
    {"GET", PL_GET}, {"HEAD", PL_HEAD},     {"POST", PL_POST},
    {"PUT", PL_PUT}, {"DELETE", PL_DELETE}, {"OPTIONS", PL_OPTIONS},
};
#define METHOD_COUNT (sizeof(METHODS) / sizeof(METHODS[0]))

enum pl_method pl_method_parse(struct pl_bytes name)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (pl_bytes_eq_str(name, METHODS[i].name))
            return METHODS[i].method;
    return PL_OTHER_METHOD;
}

const char *pl_method_name(enum pl_method method)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (METHODS[i].method == method)
            return METHODS[i].name;
    return "OTHER";
}

const char *pl_methods_text(unsigned methods, char out[PL_METHODS_TEXT_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < METHOD_COUNT; i++) {
        if ((methods & METHODS[i].method) == 0 || METHODS[i].method == PL_HEAD)
            continue;
        if (at != 0)
            out[at++] = ',';
        size_t n = strlen(METHODS[i].name);
        memcpy(out + at, METHODS[i].name, n);
        at += n;
    }
    out[at] = '\0';
    return out;
}

/* ---- paths ---- */

/* The next non-empty segment of *@path, which moves behind it; false at the end. */
static bool next_segment(struct pl_bytes *path, struct pl_bytes *out)
{
    while (path->n != 0 && path->p[0] == '/') {
        path->p++;
        path->n--;
    }
    if (path->n == 0)
        return false;
    const uint8_t *end = memchr(path->p, '/', path->n);
    size_t n = end != NULL ? (size_t)(end - path->p) : path->n;
    *out = pl_bytes(path->p, n);
    path->p += n;
    path->n -= n;
    return true;
}

static bool is_clean(struct pl_bytes path)
{
    struct pl_bytes segment, rest = path;
    size_t n = 0;

    while (next_segment(&rest, &segment)) {
        if (pl_bytes_eq_str(segment, ".") || pl_bytes_eq_str(segment, ".."))
            return false;
        n += 1 + segment.n;
    }
    return n == path.n || (n == 0 && path.n == 1);
}

struct pl_bytes pl_path_clean(struct pl_bytes path, struct pl_arena *arena)
{
    struct pl_bytes segment;
    size_t n = 0;

    if (path.n == 0 || path.p[0] != '/' || is_clean(path))
        return path;
    uint8_t *out = pl_arena_alloc(arena, path.n + 1);
    if (out == NULL)
        return pl_bytes(NULL, 0);
    while (next_segment(&path, &segment)) {
        if (pl_bytes_eq_str(segment, "."))
            continue;
        if (pl_bytes_eq_str(segment, "..")) {
            while (n != 0 && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, segment.p, segment.n);
        n += segment.n;
    }
    if (n == 0)
        out[n++] = '/';
    return pl_bytes(out, n);
}

struct pl_bytes pl_percent_decode(struct pl_bytes in, bool form, struct pl_arena *arena)
{
    size_t n = 0;

    if (in.n == 0 ||
        (memchr(in.p, '%', in.n) == NULL && (!form || memchr(in.p, '+', in.n) == NULL)))
        return in;
    uint8_t *out = pl_arena_alloc(arena, in.n);
    if (out == NULL)
        return pl_bytes(NULL, 0);
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        if (c == '%' && in.n - i > 2 && pl_hex_decode(pl_bytes(in.p + i + 1, 2), &c, 1))
            i += 2;
        else if (c == '+' && form)
            c = ' ';
        out[n++] = c;
    }
    return pl_bytes(out, n);
}

/* ---- the table ---- */

struct match {
    struct pl_bytes params[2]; /* undecoded */
    unsigned nparams;
};

static bool same_text(struct pl_bytes a, struct pl_bytes b, bool any_case)
{
    if (a.n != b.n)
        return false;
    if (any_case)
        return strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0;
    return memcmp(a.p, b.p, a.n) == 0;
}

static bool matches(const struct pl_route *route, struct pl_bytes path, struct match *out)
{
    struct pl_bytes pattern = pl_str(route->pattern), want, have;

    out->nparams = 0;
    while (next_segment(&pattern, &want)) {
        if (!next_segment(&path, &have))
            return false;
        if (want.p[0] == '{' && out->nparams < 2)
            out->params[out->nparams++] = have;
        else if (!same_text(want, have, (route->flags & PL_ROUTE_ANY_CASE) != 0))
            return false;
    }
    return !next_segment(&path, &have);
}

static unsigned methods_of(const struct pl_route *route)
{
    return route->methods | ((route->methods & PL_GET) != 0 ? (unsigned)PL_HEAD : 0);
}

bool pl_route_find(struct pl_req *req, const struct pl_route *routes, unsigned *allowed_out)
{
    struct match found = {.nparams = UINT32_MAX}, m;

    *allowed_out = 0;
    for (const struct pl_route *r = routes; r->pattern != NULL; r++) {
        if (!matches(r, req->path, &m))
            continue;
        *allowed_out |= methods_of(r);
        if ((methods_of(r) & req->method) == 0 || m.nparams >= found.nparams)
            continue;
        found = m;
        req->route = r;
    }
    if (req->route == NULL)
        return false;
    for (unsigned i = 0; i < found.nparams; i++)
        req->params[i] = pl_percent_decode(found.params[i], false, &req->arena);
    return true;
}

struct pl_route *pl_routes_join(const struct pl_route *const *tables, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        for (const struct pl_route *r = tables[i]; r->pattern != NULL; r++)
            count++;
    struct pl_route *all = calloc(count + 1, sizeof(*all));
    if (all == NULL)
        return NULL;
    count = 0;
    for (size_t i = 0; i < n; i++)
        for (const struct pl_route *r = tables[i]; r->pattern != NULL; r++)
            all[count++] = *r;
    return all;
}

/* ---- headers and queries ---- */

static bool is_named(const struct pl_header *h, const char *name)
{
    return h->name.n == strlen(name) && strncasecmp((const char *)h->name.p, name, h->name.n) == 0;
}

struct pl_bytes pl_req_header(const struct pl_req *req, const char *name)
{
    for (size_t i = 0; i < req->nheaders; i++)
        if (is_named(&req->headers[i], name))
            return req->headers[i].value;
    return pl_bytes(NULL, 0);
}

/* Splits @in at the first @sep; the rest is empty if there is none. */
static struct pl_bytes cut(struct pl_bytes *in, uint8_t sep)
{
    const uint8_t *end = in->n != 0 ? memchr(in->p, sep, in->n) : NULL;
    size_t n = end != NULL ? (size_t)(end - in->p) : in->n;
    struct pl_bytes head = pl_bytes(in->p, n);
    size_t skip = end != NULL ? n + 1 : n;

    *in = skip < in->n ? pl_bytes(in->p + skip, in->n - skip) : pl_bytes(NULL, 0);
    return head;
}

bool pl_req_query(struct pl_req *req, const char *name, struct pl_bytes *out)
{
    struct pl_bytes left = req->query, found = {NULL, 0};

    while (left.n != 0) {
        struct pl_bytes value = cut(&left, '&');
        struct pl_bytes key = pl_percent_decode(cut(&value, '='), true, &req->arena);
        if (pl_bytes_eq_str(key, name))
            found = value;
    }
    found = pl_percent_decode(found, true, &req->arena);
    if (found.n == 0)
        return false;
    *out = found;
    return true;
}

bool pl_media_is(struct pl_bytes type, const char *want)
{
    return type.n == strlen(want) && strncasecmp((const char *)type.p, want, type.n) == 0;
}

/* "q=0", "q=0.0", ...: explicitly not wanted. */
static bool is_refused(struct pl_bytes params)
{
    while (params.n != 0) {
        struct pl_bytes value = pl_bytes_trim(cut(&params, ';'));
        struct pl_bytes key = pl_bytes_trim(cut(&value, '='));
        bool zero = value.n != 0;
        for (size_t i = 0; i < value.n; i++)
            zero = zero && (value.p[i] == '0' || value.p[i] == '.');
        if (pl_media_is(key, "q") && zero)
            return true;
    }
    return false;
}

static bool admits(struct pl_bytes list, const char *type)
{
    while (list.n != 0) {
        struct pl_bytes params = cut(&list, ',');
        struct pl_bytes range = pl_bytes_trim(cut(&params, ';'));
        size_t major = (size_t)(strchr(type, '/') - type) + 1;
        bool fits = pl_media_is(range, "*/*") || pl_media_is(range, type) ||
                    (range.n == major + 1 && range.p[major] == '*' &&
                     strncasecmp((const char *)range.p, type, major) == 0);
        if (fits && !is_refused(params))
            return true;
    }
    return false;
}

bool pl_accepts(const struct pl_req *req, const char *type)
{
    bool any = false;

    for (size_t i = 0; i < req->nheaders; i++) {
        if (!is_named(&req->headers[i], "Accept") || req->headers[i].value.n == 0)
            continue;
        if (admits(req->headers[i].value, type))
            return true;
        any = true;
    }
    return !any;
}

struct pl_bytes pl_content_type(const struct pl_req *req)
{
    struct pl_bytes value = pl_req_header(req, "Content-Type");
    struct pl_bytes type = pl_bytes_trim(cut(&value, ';'));

    return type.n != 0 ? type : PL_LIT("application/octet-stream");
}
