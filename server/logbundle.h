/* SPDX-License-Identifier: Apache-2.0 */
/* logbundle.h - a Sigstore v0.3 bundle from what the log keeps of one entry. */
#ifndef PL_SERVER_LOGBUNDLE_H
#define PL_SERVER_LOGBUNDLE_H

#include "server/logentry.h"

/*
 * @e with its proof; @payload is the stored envelope, empty for a hashedrekord. Through @cache, in
 * @arena. PL_EINVAL: this entry does not fit into a bundle (several signatures, a SHA-1 digest).
 */
PL_MUST_CHECK enum pl_code pl_logbundle_write(const struct pl_logentry *e, struct pl_bytes payload,
                                              struct pl_verifier_cache *cache,
                                              struct pl_arena *arena, struct pl_buf *out,
                                              struct pl_err *err);

#endif
