/* SPDX-License-Identifier: Apache-2.0 */
/* verify_internal.h - the tie between a log entry's body and a bundle. Private to core/verify. */
#ifndef PL_CORE_VERIFY_VERIFY_INTERNAL_H
#define PL_CORE_VERIFY_VERIFY_INTERNAL_H

#include "core/attest/bundle.h"

/* What a body has to say. */
struct pl_body_want {
    const struct pl_key *key;
    const struct pl_dsse *dsse; /* NULL: a message signature, of the three below */
    enum pl_hashalg alg;
    struct pl_bytes digest, signature;
};
/*
 * @entry's body is canonical, well formed, of the kind that the entry names, and about exactly the
 * signature that is wanted. PL_EVERIFY says which member differs, PL_EINVAL what is malformed.
 */
PL_MUST_CHECK enum pl_code pl_body_check(const struct pl_tlog_entry *entry,
                                         const struct pl_body_want *want, struct pl_arena *arena,
                                         struct pl_err *err);

#endif
