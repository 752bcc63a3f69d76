/* SPDX-License-Identifier: Apache-2.0 */
/* entry_keys.c - what search finds an entry by. */
#include <stdlib.h>

#include "core/attest/entry_internal.h"
#include "core/attest/statement.h"
#include "core/base/enc.h"

static enum pl_code no_memory(struct pl_err *err)
{
    return PL_FAIL(err, PL_ENOMEM, "search keys: out of memory for this request");
}

/* Room for @n bytes of one more key; its bytes are the caller's to write. */
static enum pl_code new_key(struct pl_keyset *set, size_t n, uint8_t **text, struct pl_err *err)
{
    if (n > PL_SEARCH_KEY_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "search key of %zu bytes, the limit is %zu", n,
                       PL_SEARCH_KEY_MAX);
    if (set->n == set->cap) {
        size_t cap = set->cap == 0 ? 16 : 2 * set->cap;
        struct pl_bytes *keys =
            pl_arena_grow(set->arena, set->keys, set->cap * sizeof(*keys), cap * sizeof(*keys));

        if (keys == NULL)
            return no_memory(err);
        set->keys = keys;
        set->cap = cap;
    }
    *text = pl_arena_alloc(set->arena, n + 1);
    if (*text == NULL)
        return no_memory(err);
    set->keys[set->n++] = pl_bytes(*text, n);
    return PL_OK;
}

static void put_lower(struct pl_bytes in, uint8_t *out)
{
    for (size_t i = 0; i < in.n; i++)
        out[i] = (uint8_t)(in.p[i] >= 'A' && in.p[i] <= 'Z' ? in.p[i] + ('a' - 'A') : in.p[i]);
}

enum pl_code pl_keys_add(struct pl_keyset *set, struct pl_bytes prefix, struct pl_bytes text,
                         struct pl_err *err)
{
    uint8_t *key;
    enum pl_code rc;

    if (new_key(set, prefix.n + text.n, &key, err) != PL_OK)
        return pl_err_wrap(err, PL_FMT PL_FMT, PL_ARG(prefix), PL_ARG(text));
    rc = PL_OK;
    put_lower(prefix, key);
    put_lower(text, key + prefix.n);
    return rc;
}

enum pl_code pl_keys_add_hash(struct pl_keyset *set, const struct pl_hash *hash, struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];

    return pl_keys_add(set, PL_LIT("sha256:"), pl_str(pl_hash_hex(hash, hex)), err);
}

enum pl_code pl_keys_add_verifier(struct pl_keyset *set, const struct pl_verifier *v,
                                  struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    struct pl_bytes text = pl_str(pl_hash_hex(&v->pem_hash, hex));
    enum pl_code rc;

    PL_TRY(pl_keys_add(set, PL_LIT("sha256:"), text, err));
    PL_TRY(pl_keys_add(set, PL_LIT(""), text, err));
    for (size_t i = 0; v->cert != NULL && i < v->cert->nsans; i++)
        PL_TRY(pl_keys_add(set, PL_LIT(""), v->cert->sans[i].text, err));
out:
    return rc;
}

/* "alg:value" */
static enum pl_code add_digests(struct pl_keyset *set, const struct pl_digest_entry *digests,
                                size_t n, struct pl_err *err)
{
    uint8_t *key;
    enum pl_code rc = PL_OK;

    for (size_t i = 0; i < n; i++) {
        struct pl_bytes alg = digests[i].alg, value = digests[i].value;

        rc = new_key(set, alg.n + 1 + value.n, &key, err);
        if (rc != PL_OK)
            return pl_err_wrap(err, "digest " PL_FMT ":" PL_FMT, PL_ARG(alg), PL_ARG(value));
        put_lower(alg, key);
        key[alg.n] = ':';
        put_lower(value, key + alg.n + 1);
    }
    return rc;
}

static enum pl_code add_statement(struct pl_entry_job *job, const struct pl_statement *s,
                                  struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(add_digests(&job->keys, s->materials, s->nmaterials, err));
    for (size_t i = 0; i < s->nsubjects; i++)
        PL_TRY(add_digests(&job->keys, s->subjects[i].digests, s->subjects[i].ndigests, err));
    job->out->predicate_type = s->predicate_type;
    if (s->predicate_type.n != 0)
        PL_TRY(pl_keys_add(&job->keys, PL_LIT("predicate:"), s->predicate_type, err));
out:
    return rc;
}

enum pl_code pl_keys_add_statement(struct pl_entry_job *job, struct pl_err *err)
{
    struct pl_statement statement;
    enum pl_code rc;

    if (!pl_bytes_eq_str(job->out->payload_type, PL_PAYLOAD_TYPE_INTOTO))
        return PL_OK;
    rc = pl_statement_parse(job->out->statement, job->arena, &statement, err);
    if (rc == PL_EINVAL) {
        pl_err_clear(err);
        return PL_OK;
    }
    PL_TRY(rc);
    PL_TRY(add_statement(job, &statement, err));
out:
    return rc;
}

static int compare_keys(const void *a, const void *b)
{
    return pl_bytes_cmp(*(const struct pl_bytes *)a, *(const struct pl_bytes *)b);
}

enum pl_code pl_keys_finish(struct pl_entry_job *job, struct pl_err *err)
{
    struct pl_keyset *set = &job->keys;
    size_t n = 0;

    if (set->n != 0)
        qsort(set->keys, set->n, sizeof(*set->keys), compare_keys);
    for (size_t i = 0; i < set->n; i++) {
        if (n == 0 || !pl_bytes_eq(set->keys[i], set->keys[n - 1]))
            set->keys[n++] = set->keys[i];
    }
    if (n > PL_SEARCH_KEYS_MAX)
        return PL_FAIL(err, PL_ETOOBIG,
                       "entry has %zu search keys (digests of subjects and materials), the limit "
                       "is %d; split the statement",
                       n, PL_SEARCH_KEYS_MAX);
    job->out->keys = set->keys;
    job->out->nkeys = n;
    return PL_OK;
}
