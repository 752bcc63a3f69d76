/* SPDX-License-Identifier: Apache-2.0 */
/* verifier.c - from PEM text to a verifier, and the cache in front of that. */
#include "core/crypto/verifier.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/enc.h"
#include "core/base/limits.h"

#ifndef __clang__ /* gcc's analyzer takes counted references for leaks */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* What pl_verifier_* hand out is the first member. */
struct holder {
    struct pl_verifier v;
    atomic_size_t refs;
    struct pl_key *key;  /* of a bare public key */
    struct pl_cert cert; /* else of the first certificate */
    struct pl_bytes certs[PL_CERTS_MAX];
    struct pl_arena arena; /* PEM, its base64, DER of the certificates */
};

static struct holder *holder_of(const struct pl_verifier *v)
{
    union { /* the first member; only the counter changes */
        const struct pl_verifier *v;
        struct holder *h;
    } u = {.v = v};

    return u.h;
}

const struct pl_verifier *pl_verifier_ref(const struct pl_verifier *v)
{
    atomic_fetch_add_explicit(&holder_of(v)->refs, 1, memory_order_relaxed);
    return v;
}

void pl_verifier_unref(const struct pl_verifier *v)
{
    struct holder *h = holder_of(v);

    if (h == NULL || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
        return;
    pl_key_unref(h->key);
    pl_cert_free(&h->cert);
    pl_arena_free(&h->arena);
    free(h);
}

/* ---- making one ---- */

static struct holder *new_holder(void)
{
    struct holder *h = calloc(1, sizeof(*h));

    if (h != NULL) {
        atomic_init(&h->refs, 1);
        pl_arena_init(&h->arena, 16 * PL_PEM_MAX);
    }
    return h;
}

/* The canonical PEM and what follows from it. */
static enum pl_code set_pem(struct holder *h, struct pl_err *err)
{
    struct pl_buf pem;
    enum pl_code rc;

    pl_buf_init_arena(&pem, &h->arena, 2 * PL_PEM_MAX);
    if (h->key != NULL)
        pl_key_add_pem(h->key, &pem);
    for (size_t i = 0; i < h->v.ncerts; i++)
        pl_buf_add_pem(&pem, "CERTIFICATE", h->certs[i]);
    PL_TRY(pl_buf_check(&pem, "public key PEM", err));
    h->v.pem = pl_buf_bytes(&pem);
    h->v.pem_base64 = pl_base64_arena(h->v.pem, &h->arena);
    if (h->v.pem_base64.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "public key: out of memory");
    pl_sha256(h->v.pem, &h->v.pem_hash);
out:
    return rc;
}

static enum pl_code set_key(struct holder *h, struct pl_bytes spki, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_key_from_spki(spki, &h->key, err));
    h->v.key = h->key;
out:
    return rc;
}

/* The first one is the signer's and gives the key; the others only have to be certificates. */
static enum pl_code add_cert(struct holder *h, struct pl_bytes der, struct pl_err *err)
{
    enum pl_code rc;

    if (h->v.ncerts == PL_CERTS_MAX)
        return PL_FAIL(err, PL_EINVAL, "too many certificates: at most %d are accepted",
                       PL_CERTS_MAX);
    if (h->v.ncerts == 0) {
        PL_TRY(pl_cert_parse(der, &h->cert, err));
        h->v.cert = &h->cert;
        h->v.key = h->cert.key;
        der = h->cert.der;
    } else {
        PL_TRY(pl_cert_check_der(der, err));
    }
    h->certs[h->v.ncerts++] = der;
    h->v.certs = h->certs;
out:
    return rc;
}

/* Certificates behind the first one; nothing else may follow. */
static enum pl_code read_list(struct holder *h, struct pl_bytes rest, struct pl_err *err)
{
    struct pl_pem block;
    enum pl_code rc = PL_OK;

    for (; rest.n != 0; rest = pl_bytes_trim(rest)) {
        rc = pl_pem_next(&rest, &h->arena, &block, err);
        if (rc == PL_ENOTFOUND)
            return PL_FAIL(err, PL_EINVAL, "failure decoding PEM: text after the last certificate");
        PL_TRY(rc);
        if (!pl_bytes_eq_str(block.label, "CERTIFICATE"))
            return PL_FAIL(err, PL_EINVAL,
                           "cannot handle type " PL_FMT ": only certificates may follow a "
                           "certificate",
                           PL_ARG(block.label));
        PL_TRY(add_cert(h, block.der, err));
    }
out:
    return rc;
}

static enum pl_code read_text(struct holder *h, struct pl_bytes text, struct pl_err *err)
{
    struct pl_pem block;
    enum pl_code rc;

    rc = pl_pem_next(&text, &h->arena, &block, err);
    if (rc == PL_ENOTFOUND)
        return PL_FAIL(err, PL_EINVAL, "%s", err->text);
    PL_TRY(rc);
    if (pl_bytes_eq_str(block.label, "PUBLIC KEY")) {
        if (text.n != 0)
            return PL_FAIL(err, PL_EINVAL,
                           "failure decoding PEM: text after the public key; only certificates may "
                           "be several");
        return set_key(h, block.der, err);
    }
    if (!pl_bytes_eq_str(block.label, "CERTIFICATE"))
        return PL_FAIL(err, PL_EINVAL,
                       "cannot handle type " PL_FMT ": PUBLIC KEY and CERTIFICATE are accepted",
                       PL_ARG(block.label));
    PL_TRY(add_cert(h, block.der, err));
    PL_TRY(read_list(h, text, err));
out:
    return rc;
}

/* A holder filled by @fill from @in, or nothing. */
static enum pl_code make(enum pl_code (*fill)(struct holder *, struct pl_bytes, struct pl_err *),
                         struct pl_bytes in, const struct pl_verifier **out, struct pl_err *err)
{
    struct holder *h = new_holder();
    enum pl_code rc;

    if (h == NULL)
        return PL_FAIL(err, PL_ENOMEM, "public key: out of memory");
    PL_TRY(fill(h, in, err));
    PL_TRY(set_pem(h, err));
    *out = &h->v;
    h = NULL;
out:
    if (h != NULL)
        pl_verifier_unref(&h->v);
    return rc;
}

enum pl_code pl_verifier_from_cert_der(struct pl_bytes der, const struct pl_verifier **out,
                                       struct pl_err *err)
{
    return make(add_cert, der, out, err);
}

enum pl_code pl_verifier_from_spki(struct pl_bytes der, const struct pl_verifier **out,
                                   struct pl_err *err)
{
    return make(set_key, der, out, err);
}

/* ---- the cache: chained hash table over a fixed array, and a list by last use ---- */

#define CACHED_PEM_MAX                                                         \
    ((size_t)4096) /* longer ones are rare, and would let a sender fill memory \
                    */
#define NONE UINT32_MAX

struct slot {
    struct pl_hash key; /* SHA-256 of the text as sent */
    const struct pl_verifier *v;
    uint32_t chain;        /* next in the bucket */
    uint32_t newer, older; /* in the list */
};

struct pl_verifier_cache {
    struct slot *slots;
    uint32_t *buckets; /* first slot of each */
    uint32_t mask;     /* buckets - 1 */
    uint32_t max, used;
    uint32_t newest, oldest;
    size_t hits;
};

struct pl_verifier_cache *pl_verifier_cache_new(size_t max)
{
    struct pl_verifier_cache *c = calloc(1, sizeof(*c));
    uint32_t buckets = 1;

    if (c == NULL)
        return NULL;
    c->max = max < 1 ? 1 : max > 1 << 20 ? 1 << 20 : (uint32_t)max;
    while (buckets < 2 * c->max)
        buckets *= 2;
    c->mask = buckets - 1;
    c->newest = c->oldest = NONE;
    c->slots = calloc(c->max, sizeof(*c->slots));
    c->buckets = malloc(buckets * sizeof(*c->buckets));
    if (c->slots == NULL || c->buckets == NULL) {
        pl_verifier_cache_free(c);
        return NULL;
    }
    memset(c->buckets, 0xff, buckets * sizeof(*c->buckets)); /* NONE */
    return c;
}

void pl_verifier_cache_free(struct pl_verifier_cache *cache)
{
    if (cache == NULL)
        return;
    for (uint32_t i = 0; i < cache->used; i++)
        pl_verifier_unref(cache->slots[i].v);
    free(cache->slots);
    free(cache->buckets);
    free(cache);
}

size_t pl_verifier_cache_hits(const struct pl_verifier_cache *cache)
{
    return cache->hits;
}

static uint32_t *bucket_of(const struct pl_verifier_cache *c, const struct pl_hash *key)
{
    uint32_t h;

    memcpy(&h, key->b, sizeof(h)); /* a hash already */
    return &c->buckets[h & c->mask];
}

static void unlink_from_list(struct pl_verifier_cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];

    *(s->newer != NONE ? &c->slots[s->newer].older : &c->newest) = s->older;
    *(s->older != NONE ? &c->slots[s->older].newer : &c->oldest) = s->newer;
}

static void put_newest(struct pl_verifier_cache *c, uint32_t i)
{
    c->slots[i].newer = NONE;
    c->slots[i].older = c->newest;
    *(c->newest != NONE ? &c->slots[c->newest].newer : &c->oldest) = i;
    c->newest = i;
}

static const struct pl_verifier *find(struct pl_verifier_cache *c, const struct pl_hash *key)
{
    for (uint32_t i = *bucket_of(c, key); i != NONE; i = c->slots[i].chain) {
        if (!pl_hash_eq(&c->slots[i].key, key))
            continue;
        if (c->newest != i) {
            unlink_from_list(c, i);
            put_newest(c, i);
        }
        c->hits++;
        return c->slots[i].v;
    }
    return NULL;
}

/* Empties the slot of the least recently used one and returns it. */
static uint32_t evict(struct pl_verifier_cache *c)
{
    uint32_t i = c->oldest;
    uint32_t *link = bucket_of(c, &c->slots[i].key);

    while (*link != i)
        link = &c->slots[*link].chain;
    *link = c->slots[i].chain;
    unlink_from_list(c, i);
    pl_verifier_unref(c->slots[i].v);
    return i;
}

static void insert(struct pl_verifier_cache *c, const struct pl_hash *key,
                   const struct pl_verifier *v)
{
    uint32_t i = c->used < c->max ? c->used++ : evict(c);
    uint32_t *bucket = bucket_of(c, key);

    c->slots[i] = (struct slot){.key = *key, .v = pl_verifier_ref(v), .chain = *bucket};
    *bucket = i;
    put_newest(c, i);
}

enum pl_code pl_verifier_load(struct pl_verifier_cache *cache, struct pl_bytes pem,
                              const struct pl_verifier **out, struct pl_err *err)
{
    const struct pl_verifier *v;
    struct pl_bytes text = pl_bytes_trim(pem);
    struct pl_hash key;
    enum pl_code rc;

    if (text.n > PL_PEM_MAX)
        return PL_FAIL(err, PL_EINVAL, "public key: %zu bytes of PEM, the limit is %zu", text.n,
                       PL_PEM_MAX);
    if (cache == NULL || text.n > CACHED_PEM_MAX)
        return make(read_text, text, out, err);
    pl_sha256(text, &key);
    v = find(cache, &key);
    if (v != NULL) {
        *out = pl_verifier_ref(v);
        return PL_OK;
    }
    PL_TRY(make(read_text, text, &v, err));
    insert(cache, &key, v);
    *out = v;
out:
    return rc;
}
