/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.c - what a statement is about: a file, a folder, a digest. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "client/model.h"
#include "core/base/enc.h"

bool pl_parse_sha256(const char *text, struct pl_hash *out)
{
    struct pl_bytes hex = pl_str(text);
    if (pl_bytes_has_prefix(hex, "sha256:"))
        hex = pl_bytes(hex.p + 7, hex.n - 7);
    return hex.n == sizeof(out->b) * 2 && pl_hex_decode(hex, out->b, PL_HASH_SIZE);
}

/* ---- progress: nothing for what takes less than two seconds ---- */

struct progress {
    time_t start, last;
    bool terminal, shown;
};

static void show(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    time_t now = time(NULL);
    time_t every = p->terminal ? 1 : 10;

    if (now - p->start < 2 || now - p->last < every)
        return;
    p->last = now;
    p->shown = true;
    (void)fprintf(stderr, "%sprovlog: hashing: %llu of %llu MiB%s", p->terminal ? "\r" : "",
                  (unsigned long long)(done >> 20), (unsigned long long)(total >> 20),
                  p->terminal ? "" : "\n");
    (void)fflush(stderr);
}

/* The last part of @path: of "a/b/" it is "b". */
static struct pl_bytes last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return pl_bytes(path + start, end - start);
}

enum pl_code pl_client_artifact(struct pl_client *c, const char *text, struct pl_artifact *out,
                                struct pl_err *err)
{
    struct pl_artifact a = {.name = last_part(text)};
    enum pl_code rc = PL_OK;

    (void)c;
    if (strncmp(text, "sha256:", 7) == 0) {
        if (!pl_parse_sha256(text, &a.sha256))
            return PL_FAIL(err, PL_EINVAL,
                           "\"" PL_FMT "\" is not sha256: and 64 hex digits; a file of that name "
                           "is ./" PL_FMT,
                           PL_ARG(pl_str(text)), PL_ARG(pl_str(text)));
        a.name = pl_str(text);
    } else {
        struct progress p = {.start = time(NULL), .terminal = isatty(STDERR_FILENO) == 1};
        struct pl_model model;
        rc = pl_model_digest(text, show, &p, &model, err);
        if (p.shown && p.terminal)
            (void)fputs("\n", stderr);
        PL_TRY(rc);
        a.sha256 = model.sha256;
    }
    *out = a;
out:
    return rc;
}
