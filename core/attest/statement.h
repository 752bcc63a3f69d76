/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - in-toto Statement v0.1 and v1: subjects, predicate type, materials. */
#ifndef PL_CORE_ATTEST_STATEMENT_H
#define PL_CORE_ATTEST_STATEMENT_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/limits.h"

#define PL_STATEMENT_V01 "https://in-toto.io/Statement/v0.1"
#define PL_STATEMENT_V1  "https://in-toto.io/Statement/v1"

struct pl_digest_entry {
    struct pl_bytes alg;   /* "sha256", "gitCommit", ... as written */
    struct pl_bytes value; /* hex, as written */
};
struct pl_subject {
    struct pl_bytes name; /* may be empty */
    struct pl_digest_entry *digests;
    size_t ndigests;
};
struct pl_statement {
    bool v1; /* else v0.1 */
    struct pl_bytes predicate_type;
    struct pl_subject *subjects; /* may be none: Chains makes such */
    size_t nsubjects;
    /* digests of SLSA v0.2 predicate.materials and v1 buildDefinition.resolvedDependencies */
    struct pl_digest_entry *materials;
    size_t nmaterials;
};
/* Views are copies in @arena. PL_EINVAL names the member; PL_ETOOBIG over PL_SUBJECTS_MAX. */
PL_MUST_CHECK enum pl_code pl_statement_parse(struct pl_bytes payload, struct pl_arena *arena,
                                              struct pl_statement *out, struct pl_err *err);

struct pl_statement_subject_in {
    struct pl_bytes name;
    struct pl_bytes sha256_hex; /* 64 digits */
};
/* Writes a compact Statement v1. @predicate is JSON text of an object, embedded canonically. */
PL_MUST_CHECK enum pl_code pl_statement_write(const struct pl_statement_subject_in *subjects,
                                              size_t nsubjects, struct pl_bytes predicate_type,
                                              struct pl_bytes predicate, struct pl_buf *out,
                                              struct pl_err *err);
/* "slsaprovenance1" -> https://slsa.dev/provenance/v1 and cosign's other short names; any URI stays
 * as it is. Empty when neither. */
struct pl_bytes pl_predicate_type_expand(struct pl_bytes name);

#endif
