/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tekton.h - results of a Tekton step: small files, one value each, without a line end.
 *
 * Tekton takes a result from the step's termination message, which has 4 KiB for all of them: none
 * is over PL_RESULT_MAX bytes. Each file is complete or not there.
 */
#ifndef PL_CLIENT_TEKTON_H
#define PL_CLIENT_TEKTON_H

#include "core/base/buf.h"

#define PL_RESULT_MAX 1024

enum pl_result {
    PL_RESULT_LOG_INDEX,
    PL_RESULT_ENTRY_UUID,
    PL_RESULT_BUNDLE_DIGEST,
    PL_RESULT_CHECKPOINT,
    PL_RESULT_COUNT
};
const char *pl_result_name(enum pl_result result); /* "log-index", ... */

struct pl_tekton {
    const char *dir;                   /* NULL: only what has a path of its own */
    const char *path[PL_RESULT_COUNT]; /* NULL: NAME in @dir */
};
/* @named: NAME=PATH texts. PL_EINVAL: an unknown name, no path, a name twice. */
PL_MUST_CHECK enum pl_code pl_tekton_init(const char *dir, const char *const *named, size_t n,
                                          struct pl_tekton *out, struct pl_err *err);
/* Is there anything to write? */
bool pl_tekton_wanted(const struct pl_tekton *t);
/* PL_ETOOBIG, PL_EINVAL when it can't be written. A result that nobody wants is PL_OK. */
PL_MUST_CHECK enum pl_code pl_tekton_write(const struct pl_tekton *t, enum pl_result result,
                                           struct pl_bytes value, struct pl_err *err);

#endif
