/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_log.c - loginfo and logproof. */
#include "client/client.h"
#include "core/base/enc.h"
#include "core/tlog/proof.h"

enum pl_code pl_cmd_loginfo(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_log_info info;
    struct pl_checkpoint checkpoint;
    enum pl_code rc;

    PL_TRY(pl_client_log_info(c, &info, &checkpoint, err));
    pl_out_text(c, "origin", checkpoint.origin);
    pl_out_u64(c, "tree_size", info.size);
    pl_out_hash(c, "root_hash", &info.root);
    pl_out_text(c, "checkpoint", info.checkpoint);
out:
    return rc;
}

/* ---- logproof ---- */

/* Number of bits in @x. */
static unsigned bit_length(uint64_t x)
{
    unsigned n = 0;
    for (; x != 0; x >>= 1)
        n++;
    return n;
}

/*
 * pl_root_before - the root of the tree of the first @index leaves, out of the inclusion proof of
 * leaf @index.
 *
 * The proof's left siblings are exactly the perfect subtrees that [0, index) falls into, from the
 * smallest (rightmost) to the largest. The caller has verified the proof: so the root that comes
 * out is the one that the larger tree commits to.
 */
static enum pl_code root_before(const struct pl_tlog_entry *e, struct pl_hash *out,
                                struct pl_err *err)
{
    uint64_t index = e->proof_index;
    /* Below @inner each level has a sibling, left or right by the bit; above all are left ones. */
    unsigned inner = bit_length(index ^ (e->tree_size - 1));
    bool any = false;

    for (size_t i = 0; i < e->nhashes; i++) {
        if (i < inner && ((index >> i) & 1) == 0)
            continue;
        if (any)
            pl_node_hash(&e->hashes[i], out, out);
        else
            *out = e->hashes[i];
        any = true;
    }
    return any ? PL_OK : PL_FAIL(err, PL_EVERIFY, "the proof has no left siblings");
}

/* The root at @size, as the log's present tree has it: signed, or out of a verified proof. */
static enum pl_code root_at(struct pl_client *c, const struct pl_checkpoint *now, uint64_t size,
                            struct pl_hash *out, struct pl_err *err)
{
    struct pl_rekor_entry entry;
    enum pl_code rc = PL_OK;

    if (size > now->size)
        return PL_FAIL(err, PL_EINVAL, "size %llu: the log has %llu entries",
                       (unsigned long long)size, (unsigned long long)now->size);
    if (size == now->size) {
        *out = now->root;
        return PL_OK;
    }
    PL_TRY(pl_client_get(c, size, pl_str(NULL), &entry, err));
    if (entry.entry.proof_index != size)
        return PL_FAIL(err, PL_EINVAL,
                       "entry %llu has another place (%llu) in its tree: a log of several trees "
                       "needs --checkpoint",
                       (unsigned long long)size, (unsigned long long)entry.entry.proof_index);
    PL_TRY(root_before(&entry.entry, out, err));
out:
    return rc;
}

static enum pl_code fetch_proof(struct pl_client *c, uint64_t first, uint64_t last,
                                struct pl_proof *out, struct pl_err *err)
{
    struct pl_rekor_request req;
    struct pl_http_answer answer;
    json_t *json = NULL, *hashes = NULL;
    enum pl_code rc;

    PL_TRY(pl_rekor_log_proof(first, last, &c->arena, &req, err));
    PL_TRY(pl_client_call(c, &req, &answer, err));
    rc = pl_json_load(answer.body, PL_HTTP_ANSWER_MAX, &json, err);
    if (rc == PL_OK)
        rc = pl_json_array_opt(json, "", "hashes", &hashes, err);
    if (rc == PL_OK && json_array_size(hashes) > PL_PROOF_MAX)
        rc = PL_FAIL(err, PL_EINVAL, "more than %d hashes", PL_PROOF_MAX);
    out->n = rc == PL_OK ? json_array_size(hashes) : 0;
    for (size_t i = 0; i < out->n && rc == PL_OK; i++) {
        const json_t *item = json_array_get(hashes, i);
        struct pl_bytes text = json_is_string(item) ? pl_json_text(item) : pl_str(NULL);
        if (text.n != sizeof(out->hash[i].b) * 2 ||
            !pl_hex_decode(text, out->hash[i].b, PL_HASH_SIZE))
            rc = PL_FAIL(err, PL_EINVAL, "hash %zu is not 64 hex digits", i);
    }
    if (rc != PL_OK) {
        err->code = rc = PL_EIO;
        (void)pl_err_wrap(err, "the proof of %s", pl_http_server(c->http));
    }
out:
    json_decref(json);
    return rc;
}

/* The older end: a kept checkpoint, or a size of the present tree. */
static enum pl_code first_end(struct pl_client *c, const struct pl_checkpoint *now, uint64_t *size,
                              struct pl_hash *root, struct pl_err *err)
{
    struct pl_checkpoint kept;
    struct pl_bytes note;
    enum pl_code rc;

    if (c->args.checkpoint == NULL) {
        *size = c->args.first_size;
        return root_at(c, now, *size, root, err);
    }
    PL_TRY(pl_client_read(c, c->args.checkpoint, &note, err));
    if ((rc = pl_client_checkpoint(c, note, &kept, err)) != PL_OK) {
        (void)pl_err_wrap(err, "%s", c->args.checkpoint);
        goto out;
    }
    if (!pl_bytes_eq(kept.origin, now->origin)) {
        rc = PL_FAIL(err, PL_EINVAL, "%s is of \"" PL_FMT "\", the log is \"" PL_FMT "\"",
                     c->args.checkpoint, PL_ARG(kept.origin), PL_ARG(now->origin));
        goto out;
    }
    *size = kept.size;
    *root = kept.root;
out:
    return rc;
}

static enum pl_code check_args(const struct pl_args *a, struct pl_err *err)
{
    if (a->has_first_size == (a->checkpoint != NULL))
        return PL_FAIL(err, PL_EINVAL, "give --first-size N or --checkpoint FILE, one of them");
    if (a->has_first_size && a->has_last_size && a->first_size > a->last_size)
        return PL_FAIL(err, PL_EINVAL, "--first-size is larger than --last-size");
    return PL_OK;
}

/* A log that is smaller than what it once signed has lost entries. */
static enum pl_code check_order(uint64_t first, uint64_t last, uint64_t now, struct pl_err *err)
{
    if (first > now)
        return PL_FAIL(err, PL_EVERIFY,
                       "the kept checkpoint has size %llu, the log now only %llu: it lost entries",
                       (unsigned long long)first, (unsigned long long)now);
    if (first > last)
        return PL_FAIL(err, PL_EINVAL, "--last-size is below the checkpoint's size %llu",
                       (unsigned long long)first);
    return PL_OK;
}

enum pl_code pl_cmd_logproof(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_log_info info;
    struct pl_checkpoint now;
    struct pl_hash first_root, last_root;
    struct pl_proof proof;
    uint64_t first = 0;
    enum pl_code rc;

    PL_TRY(check_args(&c->args, err));
    PL_TRY(pl_client_log_info(c, &info, &now, err));
    PL_TRY(first_end(c, &now, &first, &first_root, err));
    uint64_t last = c->args.has_last_size ? c->args.last_size : now.size;
    PL_TRY(check_order(first, last, now.size, err));
    PL_TRY(root_at(c, &now, last, &last_root, err));
    PL_TRY(fetch_proof(c, first, last, &proof, err));
    if ((rc = pl_verify_consistency(first, last, proof.hash, proof.n, &first_root, &last_root,
                                    err)) != PL_OK) {
        if (rc == PL_EINVAL)
            err->code = rc = PL_EVERIFY;
        (void)pl_err_wrap(err, "the log of size %llu is not the beginning of that of size %llu",
                          (unsigned long long)first, (unsigned long long)last);
        goto out;
    }
    pl_out_text(c, "result", PL_LIT("consistent"));
    pl_out_text(c, "origin", now.origin);
    pl_out_u64(c, "first_size", first);
    pl_out_hash(c, "first_root", &first_root);
    pl_out_u64(c, "last_size", last);
    pl_out_hash(c, "last_root", &last_root);
out:
    return rc;
}
