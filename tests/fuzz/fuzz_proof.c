/* Property: of all proofs for a pair of numbers only the one that is built verifies. */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: u64 a, u64 b, u8 kind, u8 length change, then bytes that are XORed onto the built proof.
 * Sizes are any 64-bit numbers; every leaf is zero, so a node depends on its level alone.
 * For a verified proof that hides positions, which the unit tests look at; lengths, overflow, reads
 * past the end and accepting a changed hash do show.
 */
#include "core/tlog/proof.h"
#include "core/tlog/range.h"

#include "tests/fuzz/fuzz.h"

static struct pl_hash level_hash[64];

static enum pl_code hashes(void *ctx, const struct pl_node *want, size_t n, struct pl_hash *got,
                           struct pl_err *err)
{
    uint64_t size = *(uint64_t *)ctx;

    (void)err;
    MUST(n > 0);
    for (size_t i = 0; i < n; i++) {
        MUST(want[i].level <= 63 && want[i].index < size >> want[i].level);
        MUST(i == 0 || pl_node_cmp(&want[i - 1], &want[i]) < 0);
        got[i] = level_hash[want[i].level];
    }
    return PL_OK;
}

static struct pl_hash root_of(uint64_t size)
{
    struct pl_node node[64];
    unsigned n = pl_range_nodes(size, node);

    if (n == 0)
        return PL_EMPTY_ROOT;
    struct pl_hash root = level_hash[node[n - 1].level];
    for (unsigned i = n - 1; i > 0; i--)
        pl_node_hash(&level_hash[node[i - 1].level], &root, &root);
    return root;
}

struct pair {
    uint64_t a, b;
    bool consistency;
    struct pl_hash root_a, root_b;
};

static enum pl_code build(struct pair *p, struct pl_proof *out, struct pl_err *err)
{
    return p->consistency ? pl_proof_consistency(p->a, p->b, hashes, &p->b, out, err)
                          : pl_proof_inclusion(p->a, p->b, hashes, &p->b, out, err);
}
static enum pl_code verify(const struct pair *p, const struct pl_hash *proof, size_t n,
                           struct pl_err *err)
{
    return p->consistency
               ? pl_verify_consistency(p->a, p->b, proof, n, &p->root_a, &p->root_b, err)
               : pl_verify_inclusion(p->a, p->b, &level_hash[0], proof, n, &p->root_b, err);
}

/* The proof as built must verify; as changed by the rest of the input it must not. */
static void check(struct pair *p, struct pl_bytes change, int8_t longer)
{
    struct pl_proof built;
    struct pl_err err;
    bool changed = false;

    if (build(p, &built, &err) != PL_OK) {
        MUST(err.code == PL_EINVAL);
        /* From size 0 there is no proof to build; verifying takes the empty one. */
        MUST(p->a == 0 || verify(p, NULL, 0, &err) != PL_OK);
        return;
    }
    MUST(built.n <= PL_PROOF_MAX);
    MUST(verify(p, built.hash, built.n, &err) == PL_OK);
    long n = (long)built.n + longer;
    if (n < 0 || n > 2L * PL_PROOF_MAX)
        return;
    struct pl_hash *mutant = calloc((size_t)n + 1, sizeof(*mutant));
    MUST(mutant != NULL);
    memcpy(mutant, built.hash, (size_t)(longer < 0 ? n : (long)built.n) * sizeof(*mutant));
    uint8_t *raw = (uint8_t *)mutant;
    for (size_t i = 0; i < change.n && i < (size_t)n * sizeof(*mutant); i++) {
        raw[i] ^= change.p[i];
        changed = changed || change.p[i] != 0;
    }
    MUST((verify(p, mutant, (size_t)n, &err) == PL_OK) == (!changed && longer == 0));
    free(mutant);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_reader r = pl_reader(pl_bytes(data, size));
    struct pair p = {.a = 0};
    uint8_t kind, longer;

    for (unsigned k = 1; k < 64; k++)
        pl_node_hash(&level_hash[k - 1], &level_hash[k - 1], &level_hash[k]);
    if (!pl_read_u64(&r, &p.a) || !pl_read_u64(&r, &p.b) || !pl_read_u8(&r, &kind) ||
        !pl_read_u8(&r, &longer))
        return 0;
    p.consistency = kind & 1;
    p.root_a = root_of(p.a);
    p.root_b = root_of(p.b);
    check(&p, r.left, (int8_t)longer);
    return 0;
}
