/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - a sample of the answers, taken apart and verified with the log's public key.
 *
 * A rate counts only if the answers hold: body and UUID, SET, inclusion proof, checkpoint, and that
 * the entry is the one that was submitted or asked for.
 */
#include "core/attest/entry.h"
#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/tlog/checkpoint.h"
#include "core/tlog/proof.h"

#include "loadtest/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct checker {
    struct pl_key *log_key;
    struct pl_arena arena;
};

static enum pl_code load_key(const char *path, struct pl_key **out, struct pl_err *err)
{
    char text[8192];
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "%s: %s", path, strerror(errno));
    size_t n = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    return pl_key_from_pem(pl_bytes(text, n), out, err);
}

static enum pl_code get_hash(const json_t *obj, const char *where, const char *name,
                             struct pl_hash *out, struct pl_err *err)
{
    struct pl_bytes hex;
    enum pl_code rc = pl_json_string(obj, where, name, &hex, err);

    if (rc != PL_OK)
        return rc;
    if (!pl_hex_decode(hex, out->b, sizeof(out->b)))
        return PL_FAIL(err, PL_EINVAL, "%s.%s is not 64 hex digits", where, name);
    return PL_OK;
}

/* The checkpoint is the authority: proof size and root are believed because it says the same. */
static enum pl_code check_proof(struct checker *c, const json_t *verification,
                                const struct pl_hash *leaf, uint64_t index, struct pl_err *err)
{
    enum pl_code rc;
    json_t *proof, *hashes;
    struct pl_hash hash[PL_PROOF_MAX], root;
    struct pl_bytes note;
    struct pl_checkpoint cp;
    uint64_t proof_index, size;

    PL_TRY(pl_json_object(verification, "verification", "inclusionProof", &proof, err));
    PL_TRY(pl_json_string(proof, "inclusionProof", "checkpoint", &note, err));
    PL_TRY(pl_json_u64(proof, "inclusionProof", "logIndex", &proof_index, err));
    PL_TRY(pl_json_u64(proof, "inclusionProof", "treeSize", &size, err));
    PL_TRY(get_hash(proof, "inclusionProof", "rootHash", &root, err));
    PL_TRY(pl_json_array(proof, "inclusionProof", "hashes", &hashes, err));
    PL_TRY(pl_checkpoint_open(note, c->log_key, &cp, err));
    if (cp.size != size || !pl_hash_eq(&cp.root, &root) || proof_index != index)
        return PL_FAIL(err, PL_EVERIFY, "checkpoint, proof and entry name different trees");
    size_t n = json_array_size(hashes);
    if (n > PL_PROOF_MAX)
        return PL_FAIL(err, PL_EVERIFY, "%zu hashes in a proof", n);
    for (size_t i = 0; i < n; i++) {
        struct pl_bytes hex = pl_json_text(json_array_get(hashes, i));
        if (!pl_hex_decode(hex, hash[i].b, sizeof(hash[i].b)))
            return PL_FAIL(err, PL_EVERIFY, "hash %zu of the proof is not hex", i);
    }
    PL_TRY(pl_verify_inclusion(index, size, leaf, hash, n, &cp.root, err));
out:
    return rc;
}

static enum pl_code check_set(struct checker *c, const json_t *entry, const json_t *verification,
                              struct pl_bytes body, uint64_t index, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_bytes set;
    struct pl_hash log_id;
    struct pl_buf msg;
    uint64_t time;

    pl_buf_init_arena(&msg, &c->arena, (size_t)1 << 20);
    PL_TRY(
        pl_json_base64(verification, "verification", "signedEntryTimestamp", &c->arena, &set, err));
    PL_TRY(get_hash(entry, "entry", "logID", &log_id, err));
    PL_TRY(pl_json_u64(entry, "entry", "integratedTime", &time, err));
    if (!pl_hash_eq(&log_id, pl_key_id(c->log_key)))
        return PL_FAIL(err, PL_EVERIFY, "logID is not that of the log's key");
    pl_set_message(body, (int64_t)time, &log_id, index, &msg);
    PL_TRY(pl_buf_check(&msg, "SET message", err));
    PL_TRY(pl_sig_verify(c->log_key, PL_SHA256, pl_buf_bytes(&msg), set, err));
out:
    return rc;
}

/* The body's payloadHash is that of the statement that was sent. */
static enum pl_code check_payload(struct pl_bytes body, const struct pl_hash *want,
                                  struct pl_err *err)
{
    enum pl_code rc;
    json_t *root = NULL, *spec, *payload;
    struct pl_hash got;

    PL_TRY(pl_json_load(body, PL_BODY_MAX, &root, err));
    PL_TRY(pl_json_object(root, "", "spec", &spec, err));
    PL_TRY(pl_json_object(spec, "spec", "payloadHash", &payload, err));
    PL_TRY(get_hash(payload, "spec.payloadHash", "value", &got, err));
    if (!pl_hash_eq(&got, want))
        rc = PL_FAIL(err, PL_EVERIFY, "the answer is about another payload than was sent");
out:
    json_decref(root);
    return rc;
}

static enum pl_code check_entry(struct checker *c, const struct options *o,
                                const struct request *req, const char *id, const json_t *entry,
                                struct pl_err *err)
{
    enum pl_code rc;
    json_t *verification;
    struct pl_bytes body;
    struct pl_hash leaf;
    char hex[PL_HASH_HEX_SIZE];
    uint64_t index;

    PL_TRY(pl_json_base64(entry, "entry", "body", &c->arena, &body, err));
    PL_TRY(pl_json_u64(entry, "entry", "logIndex", &index, err));
    PL_TRY(pl_json_object(entry, "entry", "verification", &verification, err));
    pl_leaf_hash(body, &leaf);
    if (strlen(id) != 80 || strcmp(id + 16, pl_hash_hex(&leaf, hex)) != 0)
        return PL_FAIL(err, PL_EVERIFY, "UUID %s is not the leaf hash of the body", id);
    PL_TRY(check_set(c, entry, verification, body, index, err));
    PL_TRY(check_proof(c, verification, &leaf, index, err));
    if (!o->reads)
        PL_TRY(check_payload(body, &req->payload, err));
    else if (index != req->index)
        rc = PL_FAIL(err, PL_EVERIFY, "asked for index %" PRIu64 ", got %" PRIu64, req->index,
                     index);
out:
    return rc;
}

static enum pl_code check_answer(struct checker *c, const struct options *o,
                                 const struct request *req, struct pl_bytes body,
                                 struct pl_err *err)
{
    enum pl_code rc;
    json_t *root = NULL;
    const char *id;
    json_t *entry;

    PL_TRY(pl_json_load(body, (size_t)1 << 20, &root, err));
    if (!json_is_object(root) || json_object_size(root) != 1) {
        rc = PL_FAIL(err, PL_EVERIFY, "the answer does not hold exactly one entry");
        goto out;
    }
    json_object_foreach(root, id, entry)
    {
        PL_TRY(check_entry(c, o, req, id, entry, err));
    }
out:
    json_decref(root);
    return rc;
}

enum pl_code check_samples(const struct options *o, const struct requests *reqs,
                           const struct outcome *out, struct pl_err *err)
{
    enum pl_code rc;
    struct checker c = {.log_key = NULL};

    pl_arena_init(&c.arena, (size_t)16 << 20);
    PL_TRY(load_key(o->log_key, &c.log_key, err));
    for (size_t i = 0; i < out->nsamples; i++) {
        const struct sample *s = &out->samples[i];
        rc = check_answer(&c, o, &reqs->list[s->request], s->body, err);
        if (rc != PL_OK) {
            pl_err_wrap(err, "answer to request %zu does not verify", s->request);
            goto out;
        }
        pl_arena_reset(&c.arena);
    }
out:
    pl_key_unref(c.log_key);
    pl_arena_free(&c.arena);
    return rc;
}
