/* SPDX-License-Identifier: Apache-2.0 */
/* tekton.c - result files. */
#include "client/tekton.h"

#include <stdio.h>

#include "client/client.h"

const char *pl_result_name(enum pl_result result)
{
    static const char *const names[PL_RESULT_COUNT] = {"log-index", "entry-uuid", "bundle-digest",
                                                       "checkpoint"};
    return names[result];
}

static enum pl_code add_named(struct pl_tekton *t, const char *text, struct pl_err *err)
{
    struct pl_bytes name = pl_bytes(text, strcspn(text, "="));
    const char *path = text[name.n] == '=' ? text + name.n + 1 : "";

    if (*path == '\0')
        return PL_FAIL(err, PL_EINVAL, "--result \"" PL_FMT "\" is not NAME=PATH",
                       PL_ARG(pl_str(text)));
    for (unsigned i = 0; i < PL_RESULT_COUNT; i++) {
        if (!pl_bytes_eq_str(name, pl_result_name((enum pl_result)i)))
            continue;
        if (t->path[i] != NULL)
            return PL_FAIL(err, PL_EINVAL, "--result %s is given twice",
                           pl_result_name((enum pl_result)i));
        t->path[i] = path;
        return PL_OK;
    }
    return PL_FAIL(err, PL_EINVAL,
                   "--result \"" PL_FMT "\": the results are log-index, entry-uuid, bundle-digest "
                   "and checkpoint",
                   PL_ARG(name));
}

enum pl_code pl_tekton_init(const char *dir, const char *const *named, size_t n,
                            struct pl_tekton *out, struct pl_err *err)
{
    struct pl_tekton t = {.dir = dir};
    enum pl_code rc = PL_OK;

    for (size_t i = 0; i < n; i++)
        PL_TRY(add_named(&t, named[i], err));
    *out = t;
out:
    return rc;
}

bool pl_tekton_wanted(const struct pl_tekton *t)
{
    for (unsigned i = 0; i < PL_RESULT_COUNT; i++)
        if (t->path[i] != NULL)
            return true;
    return t->dir != NULL;
}

enum pl_code pl_tekton_write(const struct pl_tekton *t, enum pl_result result,
                             struct pl_bytes value, struct pl_err *err)
{
    char joined[4096];
    const char *path = t->path[result];

    if (path == NULL && t->dir == NULL)
        return PL_OK;
    if (value.n > PL_RESULT_MAX)
        return PL_FAIL(err, PL_ETOOBIG,
                       "result %s has %zu bytes, %d are possible; leave --results out and give the "
                       "others with --result",
                       pl_result_name(result), value.n, PL_RESULT_MAX);
    if (path == NULL) {
        int n = snprintf(joined, sizeof(joined), "%s/%s", t->dir, pl_result_name(result));
        if (n < 0 || (size_t)n >= sizeof(joined))
            return PL_FAIL(err, PL_EINVAL, "--results: the path is too long");
        path = joined;
    }
    return pl_write_file(path, value, err);
}
