/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - the ordered checks of one bundle against an artifact, a key and a trusted root.
 *
 * Offline. Everything that the input could leave out to skip a check is a refusal. Source: bundles
 * reference sections 2.2 and 4.7.
 */
#ifndef PL_CORE_VERIFY_VERIFY_H
#define PL_CORE_VERIFY_VERIFY_H

#include "core/attest/bundle.h"
#include "core/attest/statement.h"
#include "core/trust/root.h"

/* In the order in which they are made. A report names the first that failed. */
enum pl_check {
    PL_CHECK_BUNDLE,      /* form */
    PL_CHECK_KEY,         /* material names a key that is not the expected one */
    PL_CHECK_LOG_UNKNOWN, /* no entry of a trusted log */
    PL_CHECK_SET,
    PL_CHECK_INCLUSION,  /* proof does not lead to the root */
    PL_CHECK_CHECKPOINT, /* signature, origin, size or root */
    PL_CHECK_BODY,       /* canonical body differs from what the bundle says */
    PL_CHECK_SIGNATURE,
    PL_CHECK_PREDICATE_TYPE,
    PL_CHECK_ARTIFACT, /* digest is not among the subjects, or not the signed one */
    PL_CHECK_COUNT
};
const char *pl_check_name(enum pl_check check); /* "set", "inclusion-proof", ... */

struct pl_verify_in {
    const struct pl_bundle *bundle;
    const struct pl_trusted_root *root;
    const struct pl_verifier *key;  /* expected signer */
    struct pl_hash artifact_sha256; /* digest of the artifact or of the model */
    struct pl_bytes predicate_type; /* empty: any */
};
struct pl_verify_report {
    enum pl_check failed; /* meaningful when pl_verify_bundle fails */
    uint64_t log_index, tree_size;
    int64_t integrated_time;
    struct pl_bytes origin, subject_name, predicate_type; /* views into bundle and arena */
};
/* PL_OK only when every check passed; PL_EVERIFY or PL_EINVAL otherwise with one sentence why. */
PL_MUST_CHECK enum pl_code pl_verify_bundle(const struct pl_verify_in *in, struct pl_arena *arena,
                                            struct pl_verify_report *report, struct pl_err *err);

/* One entry alone, for answers of a server: SET, inclusion proof, checkpoint under @log. The
 * checkpoint and SET are required. */
PL_MUST_CHECK enum pl_code pl_verify_entry(const struct pl_tlog_entry *entry,
                                           const struct pl_trusted_log *log, enum pl_check *failed,
                                           struct pl_err *err);

#endif
