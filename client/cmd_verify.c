/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_verify.c - verify: offline; status 0 only behind pl_verify_bundle. */
#include "client/client.h"

static enum pl_code check_args(const struct pl_args *a, struct pl_err *err)
{
    if (a->identity != NULL || a->identity_regexp != NULL || a->issuer != NULL ||
        a->issuer_regexp != NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "certificate identities can't be verified by this version: only signatures "
                       "under a key, with --key FILE. Nothing was verified");
    const char *missing = a->bundle == NULL ? "--bundle FILE"
                          : a->key == NULL  ? "--key FILE"
                                            : NULL;
    if (missing != NULL)
        return PL_FAIL(err, PL_EINVAL, "%s is missing; see provlog help verify", missing);
    if (a->type != NULL && pl_predicate_type_expand(pl_str(a->type)).n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "--type \"" PL_FMT "\" is neither a URI nor a known short name",
                       PL_ARG(pl_str(a->type)));
    return PL_OK;
}

static enum pl_code load_bundle(struct pl_client *c, struct pl_bundle *out, struct pl_err *err)
{
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_client_read(c, c->args.bundle, &text, err));
    if ((rc = pl_bundle_parse(text, &c->arena, out, err)) != PL_OK) {
        /* What came with the artifact is malformed: that is a failed verification. */
        if (rc == PL_EINVAL)
            err->code = rc = PL_EVERIFY;
        (void)pl_err_wrap(err, "%s", c->args.bundle);
    }
out:
    return rc;
}

static void print_report(struct pl_client *c, const struct pl_artifact *artifact,
                         const struct pl_verify_report *report)
{
    pl_out_text(c, "result", PL_LIT("verified"));
    pl_out_hash(c, "artifact_sha256", &artifact->sha256);
    if (report->subject_name.n != 0)
        pl_out_text(c, "subject", report->subject_name);
    if (report->predicate_type.n != 0)
        pl_out_text(c, "predicate_type", report->predicate_type);
    pl_out_u64(c, "log_index", report->log_index);
    pl_out_time(c, "integrated", report->integrated_time);
    pl_out_text(c, "origin", report->origin);
    pl_out_u64(c, "tree_size", report->tree_size);
}

static enum pl_code verify(struct pl_client *c, const struct pl_verifier *key, struct pl_err *err)
{
    struct pl_artifact artifact;
    struct pl_bundle bundle;
    struct pl_verify_report report = {.failed = PL_CHECK_COUNT};
    enum pl_code rc;

    PL_TRY(load_bundle(c, &bundle, err));
    PL_TRY(pl_client_artifact(c, c->args.operand[0], &artifact, err));
    struct pl_verify_in in = {
        .bundle = &bundle, .root = &c->root, .key = key, .artifact_sha256 = artifact.sha256};
    if (c->args.type != NULL)
        in.predicate_type = pl_predicate_type_expand(pl_str(c->args.type));
    if ((rc = pl_verify_bundle(&in, &c->arena, &report, err)) != PL_OK) {
        if (rc == PL_EINVAL)
            err->code = rc = PL_EVERIFY;
        (void)pl_err_wrap(err, "not verified (%s)", pl_check_name(report.failed));
        goto out;
    }
    print_report(c, &artifact, &report);
out:
    return rc;
}

enum pl_code pl_cmd_verify(struct pl_client *c, struct pl_err *err)
{
    const struct pl_verifier *key = NULL;
    enum pl_code rc;

    PL_TRY(check_args(&c->args, err));
    PL_TRY(pl_client_trust(c, true, err));
    PL_TRY(pl_client_verifier(c, c->args.key, &key, err));
    PL_TRY(verify(c, key, err));
out:
    pl_verifier_unref(key);
    return rc;
}
