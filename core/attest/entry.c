/* SPDX-License-Identifier: Apache-2.0 */
/* entry.c - from a proposal, or from what is stored, to an entry: dispatch by kind and version. */
#include "core/attest/entry.h"

#include "core/attest/entry_internal.h"

typedef enum pl_code (*make_fn)(struct pl_entry_job *job, const json_t *spec, struct pl_err *err);

static const struct {
    const char *name, *version;
    make_fn make, from_stored;
} kinds[] = {
    [PL_KIND_HASHEDREKORD_001] = {"hashedrekord", "0.0.1", pl_entry_hashedrekord,
                                  pl_entry_hashedrekord_stored},
    [PL_KIND_DSSE_001] = {"dsse", "0.0.1", pl_entry_dsse, pl_entry_dsse_stored},
    [PL_KIND_INTOTO_001] = {"intoto", "0.0.1", pl_entry_intoto1, pl_entry_intoto1_stored},
    [PL_KIND_INTOTO_002] = {"intoto", "0.0.2", pl_entry_intoto2, pl_entry_intoto2_stored},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *pl_kind_name(enum pl_kind kind)
{
    return kinds[kind].name;
}

const char *pl_kind_version(enum pl_kind kind)
{
    return kinds[kind].version;
}

bool pl_kind_parse(struct pl_bytes name, struct pl_bytes version, enum pl_kind *out)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (pl_bytes_eq_str(name, kinds[i].name) && pl_bytes_eq_str(version, kinds[i].version)) {
            *out = (enum pl_kind)i;
            return true;
        }
    }
    return false;
}

bool pl_kind_is_known_name(struct pl_bytes name)
{
    static const char *const known[] = {"hashedrekord", "dsse",   "intoto", "rekord",
                                        "rpm",          "alpine", "helm",   "jar",
                                        "rfc3161",      "cose",   "tuf"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (pl_bytes_eq_str(name, known[i]))
            return true;
    }
    return false;
}

static bool is_taken(struct pl_bytes name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (pl_bytes_eq_str(name, kinds[i].name))
            return true;
    }
    return false;
}

/* Why pl_kind_parse said no. */
static enum pl_code say_kind(struct pl_bytes name, struct pl_bytes version, struct pl_err *err)
{
    if (!pl_kind_is_known_name(name))
        return PL_FAIL(err, PL_EINVAL, "invalid kind value: \"" PL_FMT "\"", PL_ARG(name));
    if (!is_taken(name))
        return PL_FAIL(err, PL_EINVAL,
                       "entry kind '" PL_FMT "' is not enabled for submission on this server; "
                       "it takes hashedrekord 0.0.1, dsse 0.0.1, intoto 0.0.1 and intoto 0.0.2",
                       PL_ARG(name));
    return PL_FAIL(err, PL_EINVAL,
                   PL_FMT " implementation for version '" PL_FMT
                          "' not found: unable to locate entry for version " PL_FMT,
                   PL_ARG(name), PL_ARG(version), PL_ARG(version));
}

/* Kind, version and spec of a proposal or a body, in the order in which Rekor asks for them. */
static enum pl_code read_frame(const json_t *root, enum pl_kind *kind, json_t **spec,
                               struct pl_err *err)
{
    struct pl_bytes name, version;
    enum pl_code rc;

    PL_TRY(pl_json_string_opt(root, "", "kind", &name, err));
    if (name.n == 0)
        return PL_FAIL(err, PL_EINVAL, "kind in body is required");
    if (!pl_kind_is_known_name(name))
        return say_kind(name, name, err);
    PL_TRY(pl_json_string_opt(root, "", "apiVersion", &version, err));
    if (version.n == 0)
        return PL_FAIL(err, PL_EINVAL, "apiVersion in body is required");
    PL_TRY(pl_json_object_opt(root, "", "spec", spec, err));
    if (*spec == NULL)
        return PL_FAIL(err, PL_EINVAL, "spec in body is required");
    if (!pl_kind_parse(name, version, kind))
        return say_kind(name, version, err);
out:
    return rc;
}

enum pl_code pl_entry_from_json(const json_t *proposal, const struct pl_entry_opts *opts,
                                struct pl_arena *arena, struct pl_entry *out, struct pl_err *err)
{
    struct pl_entry entry = {0};
    struct pl_entry_job job = {.arena = arena, .opts = opts, .out = &entry, .keys = {arena}};
    json_t *spec = NULL;
    enum pl_code rc;

    PL_TRY(read_frame(proposal, &entry.kind, &spec, err));
    PL_TRY(kinds[entry.kind].make(&job, spec, err));
    if (entry.deferred)
        entry = (struct pl_entry){.kind = entry.kind, .deferred = true};
    else
        PL_TRY(pl_keys_finish(&job, err));
    *out = entry;
out:
    return rc;
}

/* A body is exactly the RFC 8785 text of what it says. */
static enum pl_code check_canonical(const json_t *root, struct pl_bytes body, struct pl_err *err)
{
    struct pl_buf again;
    enum pl_code rc;

    pl_buf_init(&again, 2 * PL_BODY_MAX);
    PL_TRY(pl_json_canonical(root, &again, err));
    PL_TRY(pl_buf_check(&again, "body", err));
    if (!pl_bytes_eq(pl_buf_bytes(&again), body))
        rc = PL_FAIL(err, PL_ECORRUPT, "the body is not in canonical form (RFC 8785)");
out:
    pl_buf_free(&again);
    return rc;
}

static enum pl_code read_stored(const json_t *root, struct pl_entry_job *job, struct pl_err *err)
{
    json_t *spec = NULL;
    enum pl_code rc;

    PL_TRY(read_frame(root, &job->out->kind, &spec, err));
    PL_TRY(check_canonical(root, job->out->body, err));
    if (job->out->kind != PL_KIND_HASHEDREKORD_001 && job->out->payload.n == 0)
        return PL_FAIL(err, PL_ECORRUPT, "the envelope of this entry is missing");
    PL_TRY(kinds[job->out->kind].from_stored(job, spec, err));
    PL_TRY(pl_keys_finish(job, err));
out:
    return rc;
}

enum pl_code pl_entry_from_stored(struct pl_bytes body, struct pl_bytes payload,
                                  struct pl_arena *arena, struct pl_entry *out, struct pl_err *err)
{
    static const struct pl_entry_opts opts = {0};
    struct pl_entry entry = {.body = pl_arena_dup(arena, body),
                             .payload = pl_arena_dup(arena, payload)};
    struct pl_entry_job job = {.arena = arena, .opts = &opts, .out = &entry, .keys = {arena}};
    json_t *root = NULL;
    enum pl_code rc;

    if (entry.body.p == NULL || entry.payload.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "stored entry: out of memory");
    PL_TRY(pl_json_load(body, PL_BODY_MAX, &root, err));
    PL_TRY(read_stored(root, &job, err));
    *out = entry;
out:
    json_decref(root);
    /* These bytes were checked when they came in: whatever is wrong now is the store's. */
    if (rc != PL_OK && rc != PL_ENOMEM && rc != PL_ECORRUPT) {
        pl_err_wrap(err, "stored entry");
        err->code = rc = PL_ECORRUPT;
    }
    return rc;
}
