/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - the checks in their order; the first that fails ends it.
 *
 * Nothing is read out of a payload before the signature over it was verified, and no time or index
 * is reported that a trusted log did not sign.
 */
#include "core/verify/verify.h"

#include "core/attest/entry.h"
#include "core/base/enc.h"
#include "core/base/num.h"
#include "core/tlog/checkpoint.h"
#include "core/tlog/proof.h"
#include "core/verify/verify_internal.h"

const char *pl_check_name(enum pl_check check)
{
    static const char *const names[PL_CHECK_COUNT] = {
        [PL_CHECK_BUNDLE] = "bundle",
        [PL_CHECK_KEY] = "key",
        [PL_CHECK_LOG_UNKNOWN] = "trusted-log",
        [PL_CHECK_SET] = "set",
        [PL_CHECK_INCLUSION] = "inclusion-proof",
        [PL_CHECK_CHECKPOINT] = "checkpoint",
        [PL_CHECK_BODY] = "body",
        [PL_CHECK_SIGNATURE] = "signature",
        [PL_CHECK_PREDICATE_TYPE] = "predicate-type",
        [PL_CHECK_ARTIFACT] = "artifact",
    };

    return (unsigned)check < PL_CHECK_COUNT ? names[check] : "?";
}

/* ---- one entry ---- */

static enum pl_code check_set(const struct pl_tlog_entry *e, const struct pl_trusted_log *log,
                              struct pl_err *err)
{
    struct pl_buf message;
    enum pl_code rc;

    if (e->set.n == 0)
        return PL_FAIL(err, PL_EVERIFY,
                       "the log entry has no signed entry timestamp (inclusionPromise)");
    if (pl_key_type(log->key) != PL_KEY_P256)
        return PL_FAIL(err, PL_EVERIFY,
                       "the log's key is %s: signed entry timestamps are made by ECDSA P-256 keys",
                       pl_keytype_name(pl_key_type(log->key)));
    pl_buf_init(&message, 2 * PL_BODY_MAX);
    pl_set_message(e->body, e->integrated_time, &e->log_id, e->log_index, &message);
    PL_TRY(pl_buf_check(&message, "log entry's body", err));
    PL_TRY(pl_sig_verify(log->key, PL_SHA256, pl_buf_bytes(&message), e->set, err));
    if (e->integrated_time < log->start || e->integrated_time > log->end) {
        char when[PL_RFC3339_LEN + 1];

        pl_format_rfc3339(e->integrated_time, when);
        rc = PL_FAIL(err, PL_EVERIFY,
                     "the entry was logged at %s, when its log's key was not valid", when);
    }
out:
    pl_buf_free(&message);
    return rc != PL_OK ? pl_err_wrap(err, "signed entry timestamp") : rc;
}

static enum pl_code check_inclusion(const struct pl_tlog_entry *e, struct pl_err *err)
{
    struct pl_hash leaf;

    if (!e->has_proof)
        return PL_FAIL(err, PL_EVERIFY, "the log entry has no inclusion proof");
    pl_leaf_hash(e->body, &leaf);
    return pl_verify_inclusion(e->proof_index, e->tree_size, &leaf, e->hashes, e->nhashes, &e->root,
                               err);
}

/* "NAME - TREEID": what a log that signs entry timestamps has. */
static bool is_v1_origin(struct pl_bytes origin)
{
    size_t digits = 0;
    uint64_t tree;

    while (digits < origin.n && origin.p[origin.n - 1 - digits] >= '0' &&
           origin.p[origin.n - 1 - digits] <= '9')
        digits++;
    return origin.n > digits + 3 && memcmp(origin.p + (origin.n - digits - 3), " - ", 3) == 0 &&
           pl_parse_u64(pl_bytes(origin.p + (origin.n - digits), digits), INT64_MAX, &tree) &&
           tree != 0;
}

static enum pl_code check_checkpoint(const struct pl_tlog_entry *e,
                                     const struct pl_trusted_log *log, struct pl_bytes *origin,
                                     struct pl_err *err)
{
    struct pl_checkpoint c;
    enum pl_code rc;

    if (e->checkpoint.n == 0)
        return PL_FAIL(err, PL_EVERIFY, "the inclusion proof has no checkpoint");
    PL_TRY(pl_checkpoint_open(e->checkpoint, log->key, &c, err));
    if (!is_v1_origin(c.origin))
        rc = PL_FAIL(err, PL_EVERIFY,
                     "checkpoint: the origin is \"" PL_FMT "\", not \"HOST - TREEID\"",
                     PL_ARG(c.origin));
    else if (c.size != e->tree_size)
        rc = PL_FAIL(err, PL_EVERIFY, "checkpoint: its size is %llu, the inclusion proof's %llu",
                     (unsigned long long)c.size, (unsigned long long)e->tree_size);
    else if (!pl_hash_eq(&c.root, &e->root))
        rc = PL_FAIL(err, PL_EVERIFY, "checkpoint: its root is not the inclusion proof's");
    else
        *origin = c.origin;
out:
    return rc;
}

static enum pl_code verify_entry(const struct pl_tlog_entry *e, const struct pl_trusted_log *log,
                                 enum pl_check *failed, struct pl_bytes *origin, struct pl_err *err)
{
    enum pl_code rc;

    *failed = PL_CHECK_LOG_UNKNOWN;
    if (!pl_hash_eq(&e->log_id, &log->log_id))
        return PL_FAIL(err, PL_EVERIFY, "the log entry is of another log");
    *failed = PL_CHECK_SET;
    PL_TRY(check_set(e, log, err));
    *failed = PL_CHECK_INCLUSION;
    PL_TRY(check_inclusion(e, err));
    *failed = PL_CHECK_CHECKPOINT;
    PL_TRY(check_checkpoint(e, log, origin, err));
out:
    return rc;
}

enum pl_code pl_verify_entry(const struct pl_tlog_entry *entry, const struct pl_trusted_log *log,
                             enum pl_check *failed, struct pl_err *err)
{
    struct pl_bytes origin;

    return verify_entry(entry, log, failed, &origin, err);
}

/* ---- the bundle ---- */

/* What the parser leaves to us. */
static enum pl_code check_form(const struct pl_bundle *b, struct pl_err *err)
{
    size_t i, j;

    if (b->is_dsse && b->dsse.nsigs != 1)
        return PL_FAIL(err, PL_EINVAL, "the envelope has %zu signatures, a bundle's has one",
                       b->dsse.nsigs);
    if (b->is_dsse && !pl_bytes_eq_str(b->dsse.payload_type, PL_PAYLOAD_TYPE_INTOTO))
        return PL_FAIL(err, PL_EINVAL, "payloadType is \"" PL_FMT "\", not %s",
                       PL_ARG(b->dsse.payload_type), PL_PAYLOAD_TYPE_INTOTO);
    for (i = 0; i < b->nentries; i++) {
        for (j = 0; j < i; j++) {
            if (b->entries[i].log_index == b->entries[j].log_index &&
                pl_hash_eq(&b->entries[i].log_id, &b->entries[j].log_id))
                return PL_FAIL(err, PL_EINVAL, "tlogEntries[%zu] and [%zu] are the same entry", j,
                               i);
        }
    }
    return PL_OK;
}

/* A hint is believed only where it speaks against the key: base64 of 32 bytes is a key's hash. */
static enum pl_code check_key(const struct pl_bundle *b, const struct pl_key *key,
                              struct pl_err *err)
{
    uint8_t hint[48];
    size_t n = 0;

    if (b->ncerts != 0 || !b->has_public_key)
        return PL_FAIL(err, PL_EVERIFY, "the bundle is signed by a certificate, a key is expected");
    if (b->public_key_hint.n != PL_BASE64_LEN((size_t)PL_HASH_SIZE) ||
        !pl_base64_decode(b->public_key_hint, PL_BASE64_STD, hint, &n) || n != PL_HASH_SIZE)
        return PL_OK;
    if (!pl_bytes_eq(pl_bytes(hint, n), pl_hash_bytes(pl_key_id(key))))
        return PL_FAIL(err, PL_EVERIFY,
                       "the bundle names the key " PL_FMT " (SHA-256 of its SPKI), which is not "
                       "the expected one",
                       PL_ARG(b->public_key_hint));
    return PL_OK;
}

/* Without a messageDigest, the signature has to be over the artifact. */
static struct pl_body_want wanted(const struct pl_verify_in *in)
{
    const struct pl_bundle *b = in->bundle;
    struct pl_body_want want = {.key = in->key->key, .alg = PL_SHA256};

    want.dsse = b->is_dsse ? &b->dsse : NULL;
    want.signature = b->signature;
    want.digest = pl_hash_bytes(&in->artifact_sha256);
    if (b->digest.n != 0) {
        want.alg = b->digest_alg;
        want.digest = b->digest;
    }
    return want;
}

/*
 * Entries of unknown logs are skipped; of the others, one has to pass everything. When none does,
 * the report is about the first of them.
 */
static enum pl_code check_entries(const struct pl_verify_in *in, const struct pl_body_want *want,
                                  struct pl_arena *arena, struct pl_verify_report *report,
                                  struct pl_err *err)
{
    const struct pl_bundle *b = in->bundle;
    enum pl_code first = PL_OK, rc;
    size_t i;

    for (i = 0; i < b->nentries; i++) {
        const struct pl_tlog_entry *e = &b->entries[i];
        const struct pl_trusted_log *log = pl_trusted_root_log(in->root, &e->log_id);
        enum pl_check failed;
        struct pl_err why;

        if (log == NULL)
            continue;
        rc = verify_entry(e, log, &failed, &report->origin, &why);
        if (rc == PL_OK) {
            failed = PL_CHECK_BODY;
            rc = pl_body_check(e, want, arena, &why);
        }
        if (rc == PL_OK) {
            report->log_index = e->log_index;
            report->tree_size = e->tree_size;
            report->integrated_time = e->integrated_time;
            return PL_OK;
        }
        if (first == PL_OK) {
            first = rc;
            report->failed = failed;
            *err = why;
        }
    }
    if (first != PL_OK)
        return first;
    report->failed = PL_CHECK_LOG_UNKNOWN;
    if (b->nentries == 0)
        return PL_FAIL(err, PL_EVERIFY, "the bundle has no log entry");
    return PL_FAIL(err, PL_EVERIFY, "none of the bundle's log entries is of a trusted log");
}

static enum pl_code check_signature(const struct pl_verify_in *in, const struct pl_body_want *want,
                                    struct pl_arena *arena, struct pl_err *err)
{
    enum pl_code rc;
    size_t which;

    if (want->dsse != NULL)
        rc = pl_dsse_verify_key(want->dsse, want->key, arena, &which, err);
    else
        rc = pl_sig_verify_digest(want->key, want->alg, want->digest, in->bundle->signature, err);
    return rc != PL_OK ? pl_err_wrap(err, "signature") : rc;
}

/* Also that the payload is a statement at all. */
static enum pl_code check_predicate_type(const struct pl_verify_in *in, struct pl_arena *arena,
                                         struct pl_statement *st, struct pl_err *err)
{
    enum pl_code rc;

    if (!in->bundle->is_dsse) {
        if (in->predicate_type.n != 0)
            return PL_FAIL(err, PL_EVERIFY,
                           "the bundle signs a message: it has no predicate, " PL_FMT
                           " is expected",
                           PL_ARG(in->predicate_type));
        return PL_OK;
    }
    rc = pl_statement_parse(in->bundle->dsse.payload, arena, st, err);
    if (rc != PL_OK)
        return pl_err_wrap(err, "payload");
    if (in->predicate_type.n != 0 && !pl_bytes_eq(st->predicate_type, in->predicate_type))
        return PL_FAIL(err, PL_EVERIFY, "the predicate type is " PL_FMT ", " PL_FMT " is expected",
                       PL_ARG(st->predicate_type), PL_ARG(in->predicate_type));
    return PL_OK;
}

static bool is_of(const struct pl_subject *subject, const struct pl_hash *artifact)
{
    struct pl_hash digest;
    size_t i;

    for (i = 0; i < subject->ndigests; i++) {
        if (pl_bytes_eq_str(subject->digests[i].alg, "sha256") &&
            pl_hex_decode(subject->digests[i].value, digest.b, PL_HASH_SIZE) &&
            pl_hash_eq(&digest, artifact))
            return true;
    }
    return false;
}

/* By digest alone: names are labels. A statement without subjects is about nothing. */
static enum pl_code check_subjects(const struct pl_verify_in *in, const struct pl_statement *st,
                                   struct pl_bytes *name, struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    size_t i;

    for (i = 0; i < st->nsubjects; i++) {
        if (is_of(&st->subjects[i], &in->artifact_sha256)) {
            *name = st->subjects[i].name;
            return PL_OK;
        }
    }
    return PL_FAIL(err, PL_EVERIFY, "none of the statement's %zu subjects has sha256:%s",
                   st->nsubjects, pl_hash_hex(&in->artifact_sha256, hex));
}

static enum pl_code check_artifact(const struct pl_verify_in *in, const struct pl_body_want *want,
                                   const struct pl_statement *st, struct pl_bytes *name,
                                   struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];

    if (want->dsse != NULL)
        return check_subjects(in, st, name, err);
    if (want->alg != PL_SHA256)
        return PL_FAIL(err, PL_EVERIFY,
                       "the signature is over a %s digest, of the artifact only sha256 is known",
                       pl_hashalg_name(want->alg));
    if (!pl_bytes_eq(want->digest, pl_hash_bytes(&in->artifact_sha256)))
        return PL_FAIL(err, PL_EVERIFY, "what was signed is not sha256:%s",
                       pl_hash_hex(&in->artifact_sha256, hex));
    return PL_OK;
}

enum pl_code pl_verify_bundle(const struct pl_verify_in *in, struct pl_arena *arena,
                              struct pl_verify_report *report, struct pl_err *err)
{
    struct pl_body_want want = wanted(in);
    struct pl_verify_report r = {.failed = PL_CHECK_BUNDLE};
    struct pl_statement st = {.nsubjects = 0};
    enum pl_code rc;

    PL_TRY(check_form(in->bundle, err));
    r.failed = PL_CHECK_KEY;
    PL_TRY(check_key(in->bundle, want.key, err));
    PL_TRY(check_entries(in, &want, arena, &r, err)); /* says itself which check failed */
    r.failed = PL_CHECK_SIGNATURE;
    PL_TRY(check_signature(in, &want, arena, err));
    r.failed = PL_CHECK_PREDICATE_TYPE;
    PL_TRY(check_predicate_type(in, arena, &st, err));
    r.failed = PL_CHECK_ARTIFACT;
    PL_TRY(check_artifact(in, &want, &st, &r.subject_name, err));
    r.failed = PL_CHECK_COUNT;
    r.predicate_type = st.predicate_type;
out:
    /* Of a bundle that was refused nothing is told but the check. */
    *report = rc == PL_OK ? r : (struct pl_verify_report){.failed = r.failed};
    return rc;
}
