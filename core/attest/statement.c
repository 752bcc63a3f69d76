/* SPDX-License-Identifier: Apache-2.0 */
/* statement.c - in-toto statements, read for search and matching, and written by the client. */
#include "core/attest/statement.h"

#include <stdio.h>

#include "core/base/enc.h"

static enum pl_code no_memory(struct pl_err *err)
{
    return PL_FAIL(err, PL_ENOMEM, "statement: out of memory for this request");
}

static enum pl_code dup_to(struct pl_arena *arena, struct pl_bytes in, struct pl_bytes *out,
                           struct pl_err *err)
{
    *out = pl_arena_dup(arena, in);
    return out->p != NULL ? PL_OK : no_memory(err);
}

/* Appends the pairs of @set, an object of strings, to @out. */
static enum pl_code add_digests(json_t *set, const char *where, struct pl_arena *arena,
                                struct pl_digest_entry **out, size_t *n, struct pl_err *err)
{
    size_t at = *n, all = at + json_object_size(set);
    struct pl_digest_entry *entries =
        pl_arena_grow(arena, *out, at * sizeof(**out), all * sizeof(**out));
    const char *alg;
    json_t *value;
    enum pl_code rc = PL_OK;

    if (entries == NULL)
        return no_memory(err);
    json_object_foreach(set, alg, value)
    {
        if (!json_is_string(value))
            return PL_FAIL(err, PL_EINVAL, "%s." PL_FMT " must be a string", where,
                           PL_ARG(pl_str(alg)));
        PL_TRY(dup_to(arena, pl_str(alg), &entries[at].alg, err));
        PL_TRY(dup_to(arena, pl_json_text(value), &entries[at].value, err));
        at++;
    }
    *out = entries;
    *n = at;
out:
    return rc;
}

static enum pl_code read_subject(const json_t *obj, size_t i, struct pl_arena *arena,
                                 struct pl_subject *out, struct pl_err *err)
{
    char where[48], path[56];
    json_t *digest = NULL;
    struct pl_bytes name;
    enum pl_code rc;

    (void)snprintf(where, sizeof(where), "subject[%zu]", i);
    (void)snprintf(path, sizeof(path), "%s.digest", where);
    PL_TRY(pl_json_string_opt(obj, where, "name", &name, err));
    PL_TRY(dup_to(arena, name, &out->name, err));
    PL_TRY(pl_json_object_opt(obj, where, "digest", &digest, err));
    if (digest != NULL)
        PL_TRY(add_digests(digest, path, arena, &out->digests, &out->ndigests, err));
out:
    return rc;
}

static enum pl_code read_subjects(const json_t *root, struct pl_arena *arena,
                                  struct pl_statement *out, struct pl_err *err)
{
    json_t *list = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_array_opt(root, "", "subject", &list, err));
    out->nsubjects = json_array_size(list);
    if (out->nsubjects > PL_SUBJECTS_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "statement has %zu subjects, the limit is %d",
                       out->nsubjects, PL_SUBJECTS_MAX);
    if (out->nsubjects == 0)
        return PL_OK;
    out->subjects = pl_arena_array(arena, out->nsubjects, sizeof(*out->subjects));
    if (out->subjects == NULL)
        return no_memory(err);
    for (size_t i = 0; i < out->nsubjects; i++)
        PL_TRY(read_subject(json_array_get(list, i), i, arena, &out->subjects[i], err));
out:
    return rc;
}

/*
 * Digests of a list of resources. A predicate has any form its type likes, so what does not look
 * like such a list is passed over.
 */
static enum pl_code read_materials(const json_t *list, struct pl_arena *arena,
                                   struct pl_statement *out, struct pl_err *err)
{
    size_t i;
    json_t *item;
    enum pl_code rc = PL_OK;

    json_array_foreach(list, i, item)
    {
        json_t *digest = json_object_get(item, "digest");
        const char *alg;
        json_t *value;
        bool good = json_is_object(digest);

        json_object_foreach(digest, alg, value) good = good && json_is_string(value);
        if (good)
            PL_TRY(add_digests(digest, "digest", arena, &out->materials, &out->nmaterials, err));
    }
out:
    return rc;
}

static enum pl_code read_root(const json_t *root, struct pl_arena *arena, struct pl_statement *out,
                              struct pl_err *err)
{
    struct pl_bytes type, predicate_type;
    const json_t *predicate;
    enum pl_code rc;

    PL_TRY(pl_json_string(root, "", "_type", &type, err));
    out->v1 = pl_bytes_eq_str(type, PL_STATEMENT_V1);
    if (!out->v1 && !pl_bytes_eq_str(type, PL_STATEMENT_V01))
        return PL_FAIL(err, PL_EINVAL,
                       "_type \"" PL_FMT "\" is neither " PL_STATEMENT_V1 " nor " PL_STATEMENT_V01,
                       PL_ARG(type));
    PL_TRY(pl_json_string_opt(root, "", "predicateType", &predicate_type, err));
    PL_TRY(dup_to(arena, predicate_type, &out->predicate_type, err));
    PL_TRY(read_subjects(root, arena, out, err));
    predicate = json_object_get(root, "predicate");
    PL_TRY(read_materials(json_object_get(predicate, "materials"), arena, out, err));
    PL_TRY(read_materials(
        json_object_get(json_object_get(predicate, "buildDefinition"), "resolvedDependencies"),
        arena, out, err));
out:
    return rc;
}

enum pl_code pl_statement_parse(struct pl_bytes payload, struct pl_arena *arena,
                                struct pl_statement *out, struct pl_err *err)
{
    struct pl_statement statement = {0};
    json_t *root = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_load(payload, PL_ARENA_REQUEST_MAX, &root, err));
    PL_TRY(read_root(root, arena, &statement, err));
    *out = statement;
out:
    json_decref(root);
    return rc;
}

enum pl_code pl_statement_write(const struct pl_statement_subject_in *subjects, size_t nsubjects,
                                struct pl_bytes predicate_type, struct pl_bytes predicate,
                                struct pl_buf *out, struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc = PL_OK;

    pl_buf_add_str(out, "{\"_type\":\"" PL_STATEMENT_V1 "\",\"subject\":[");
    for (size_t i = 0; i < nsubjects; i++) {
        if (subjects[i].sha256_hex.n != 64 || !pl_is_hex(subjects[i].sha256_hex))
            return PL_FAIL(err, PL_EINVAL, "subject[%zu]: the SHA-256 must be 64 hex digits", i);
        pl_buf_add_str(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        pl_buf_add_json_string(out, subjects[i].name);
        pl_buf_add_str(out, ",\"digest\":{\"sha256\":");
        pl_buf_add_json_string(out, subjects[i].sha256_hex);
        pl_buf_add_str(out, "}}");
    }
    pl_buf_add_str(out, "],\"predicateType\":");
    pl_buf_add_json_string(out, predicate_type);
    pl_buf_add_str(out, ",\"predicate\":");
    if (predicate.n == 0) {
        pl_buf_add_str(out, "{}");
    } else {
        if (pl_json_load(predicate, PL_REQUEST_MAX, &value, err) != PL_OK)
            return pl_err_wrap(err, "predicate");
        if (!json_is_object(value))
            rc = PL_FAIL(err, PL_EINVAL, "the predicate must be a JSON object");
        if (rc == PL_OK && pl_json_canonical(value, out, err) != PL_OK)
            rc = pl_err_wrap(err, "predicate");
        PL_TRY(rc);
    }
    pl_buf_add_byte(out, '}');
    PL_TRY(pl_buf_check(out, "statement", err));
out:
    json_decref(value);
    return rc;
}

struct pl_bytes pl_predicate_type_expand(struct pl_bytes name)
{
    static const char *const known[][2] = {
        {"slsaprovenance", "https://slsa.dev/provenance/v0.2"},
        {"slsaprovenance02", "https://slsa.dev/provenance/v0.2"},
        {"slsaprovenance1", "https://slsa.dev/provenance/v1"},
        {"link", "https://in-toto.io/Link/v1"},
        {"spdx", "https://spdx.dev/Document"},
        {"spdxjson", "https://spdx.dev/Document"},
        {"cyclonedx", "https://cyclonedx.org/bom"},
        {"vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"},
        {"openvex", "https://openvex.dev/ns"},
        {"custom", "https://cosign.sigstore.dev/attestation/v1"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (pl_bytes_eq_str(name, known[i][0]))
            return pl_str(known[i][1]);
    }
    /* A URI has a scheme: letters first, then a colon. */
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

        if (c == ':')
            return i > 0 && i + 1 < name.n ? name : pl_bytes(NULL, 0);
        if (!letter && (i == 0 || !other))
            break;
    }
    return pl_bytes(NULL, 0);
}
