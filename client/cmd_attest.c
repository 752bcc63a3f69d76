/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_attest.c - attest: statement, signature, submission. */
#include "client/password.h"
#include "core/base/enc.h"

static enum pl_code check_args(const struct pl_args *a, struct pl_err *err)
{
    const char *missing = a->key == NULL         ? "--key FILE"
                          : a->type == NULL      ? "--type TYPE"
                          : a->predicate == NULL ? "--predicate FILE"
                                                 : NULL;
    if (missing != NULL)
        return PL_FAIL(err, PL_EINVAL, "%s is missing; see provlog help attest", missing);
    if (pl_predicate_type_expand(pl_str(a->type)).n == 0)
        return PL_FAIL(err, PL_EINVAL,
                       "--type \"" PL_FMT "\" is neither a URI nor a known short name; see provlog "
                       "help attest",
                       PL_ARG(pl_str(a->type)));
    return PL_OK;
}

/* Opens --key; a password is asked for only when the file is encrypted. */
static enum pl_code load_key(struct pl_client *c, struct pl_privkey **out, struct pl_err *err)
{
    static const char encrypted[] = "-----BEGIN ENCRYPTED ";
    struct pl_password password = {{0}, 0};
    struct pl_bytes pem;
    enum pl_code rc;

    PL_TRY(pl_client_read(c, c->args.key, &pem, err));
    if (memmem(pem.p, pem.n, encrypted, sizeof(encrypted) - 1) != NULL)
        PL_TRY(pl_password_get("password of the private key", false, &password, err));
    rc = pl_privkey_from_pem(pem, pl_password_bytes(&password), out, err);
    if (rc == PL_EVERIFY) {
        /* Nothing about an artifact failed to verify: the caller gave the wrong password. */
        rc = PL_FAIL(err, PL_EINVAL,
                     "%s does not open with this password (COSIGN_PASSWORD); a line end at its end "
                     "counts",
                     c->args.key);
    } else if (rc != PL_OK) {
        (void)pl_err_wrap(err, "%s", c->args.key);
    }
out:
    pl_password_wipe(&password);
    return rc;
}

/* The predicate must not be a whole statement: the log would then hold one within another. */
static enum pl_code load_predicate(struct pl_client *c, struct pl_bytes *out, struct pl_err *err)
{
    json_t *json = NULL;
    enum pl_code rc;

    PL_TRY(pl_client_read(c, c->args.predicate, out, err));
    if ((rc = pl_json_load(*out, PL_CLIENT_FILE_MAX, &json, err)) != PL_OK)
        (void)pl_err_wrap(err, "%s", c->args.predicate);
    else if (!json_is_object(json))
        rc = PL_FAIL(err, PL_EINVAL, "%s: the predicate must be a JSON object", c->args.predicate);
    else if (json_object_get(json, "_type") != NULL &&
             json_object_get(json, "predicateType") != NULL)
        rc = PL_FAIL(err, PL_EINVAL,
                     "%s is a whole in-toto statement; --predicate takes what stands in its member "
                     "predicate",
                     c->args.predicate);
out:
    json_decref(json);
    return rc;
}

static enum pl_code write_statement(struct pl_client *c, const struct pl_artifact *artifact,
                                    struct pl_buf *out, struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    struct pl_bytes predicate;
    struct pl_statement_subject_in subject = {
        .name = c->args.name != NULL ? pl_str(c->args.name) : artifact->name,
        .sha256_hex = pl_str(pl_hash_hex(&artifact->sha256, hex))};
    enum pl_code rc;

    if (!pl_utf8_valid(subject.name))
        return PL_FAIL(err, PL_EINVAL,
                       "the name of the artifact is not UTF-8; give one with --name");
    PL_TRY(load_predicate(c, &predicate, err));
    PL_TRY(pl_statement_write(&subject, 1, pl_predicate_type_expand(pl_str(c->args.type)),
                              predicate, out, err));
    PL_TRY(pl_buf_check(out, "the statement", err));
out:
    return rc;
}

/* The envelope as RFC 8785 writes it: what pl_bundle_parse makes of a bundle too, so that
 * submitting the bundle later names the same entry. */
static enum pl_code canonical(struct pl_client *c, struct pl_bytes envelope, struct pl_bytes *out,
                              struct pl_err *err)
{
    json_t *json = NULL;
    struct pl_buf b;
    enum pl_code rc;

    pl_buf_init(&b, 2 * PL_CLIENT_FILE_MAX);
    PL_TRY(pl_json_load(envelope, 2 * PL_CLIENT_FILE_MAX, &json, err));
    PL_TRY(pl_json_canonical(json, &b, err));
    PL_TRY(pl_buf_check(&b, "the envelope", err));
    *out = pl_arena_dup(&c->arena, pl_buf_bytes(&b));
    if (out->p == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "out of memory");
out:
    json_decref(json);
    pl_buf_free(&b);
    return rc;
}

/* Signs the statement; the envelope goes to the arena. */
static enum pl_code sign(struct pl_client *c, const struct pl_privkey *key, struct pl_bytes payload,
                         struct pl_bytes *out, struct pl_err *err)
{
    struct pl_buf b;
    enum pl_code rc;

    pl_buf_init(&b, 2 * PL_CLIENT_FILE_MAX);
    PL_TRY(pl_dsse_sign(PL_LIT(PL_PAYLOAD_TYPE_INTOTO), payload, key, &b, err));
    PL_TRY(pl_buf_check(&b, "the envelope", err));
    PL_TRY(canonical(c, pl_buf_bytes(&b), out, err));
out:
    pl_buf_free(&b);
    return rc;
}

enum pl_code pl_cmd_attest(struct pl_client *c, struct pl_err *err)
{
    struct pl_privkey *key = NULL;
    struct pl_push push = {.is_dsse = true};
    struct pl_artifact artifact;
    struct pl_buf statement;
    enum pl_code rc;

    pl_buf_init(&statement, PL_CLIENT_FILE_MAX);
    PL_TRY(check_args(&c->args, err));
    PL_TRY(pl_client_connect(c, err));
    PL_TRY(load_key(c, &key, err));
    PL_TRY(pl_client_artifact(c, c->args.operand[0], &artifact, err));
    PL_TRY(write_statement(c, &artifact, &statement, err));
    PL_TRY(sign(c, key, pl_buf_bytes(&statement), &push.envelope, err));
    PL_TRY(pl_verifier_from_spki(pl_key_spki(pl_privkey_public(key)), &push.signer, err));
    PL_TRY(pl_push_prepare(c, &push, err));
    pl_out_hash(c, "subject_sha256", &artifact.sha256);
    pl_out_text(c, "predicate_type", pl_predicate_type_expand(pl_str(c->args.type)));
    PL_TRY(pl_push_send(c, &push, err));
out:
    pl_buf_free(&statement);
    pl_verifier_unref(push.signer);
    pl_privkey_free(key);
    return rc;
}
