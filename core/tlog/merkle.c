/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle.c - RFC 6962 section 2.1: the two hash functions and the empty root.
 *
 * The prefixes 0x00 (leaf) and 0x01 (node) keep an inner node from passing as an entry and the
 * reverse: without them one root would fit two trees.
 */
#include "core/tlog/merkle.h"

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

/* SHA-256 of no bytes; RFC 6962: the hash of an empty list is the hash of an empty string. */
const struct pl_hash PL_EMPTY_ROOT = {{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                       0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                       0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                       0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

int pl_node_cmp(const struct pl_node *a, const struct pl_node *b)
{
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return 0;
}

/* Streamed, so that an entry of any size is hashed where it lies instead of behind a copied prefix.
 */
void pl_leaf_hash(struct pl_bytes entry, struct pl_hash *out)
{
    static const uint8_t prefix = LEAF_PREFIX;
    struct pl_sha256 s;

    pl_sha256_init(&s);
    pl_sha256_add(&s, pl_bytes(&prefix, 1));
    pl_sha256_add(&s, entry);
    pl_sha256_end(&s, out);
}

/* Both children are copied before @out is written, which is why @out may be one of them. */
void pl_node_hash(const struct pl_hash *left, const struct pl_hash *right, struct pl_hash *out)
{
    uint8_t in[1 + 2 * PL_HASH_SIZE];

    in[0] = NODE_PREFIX;
    memcpy(in + 1, left->b, PL_HASH_SIZE);
    memcpy(in + 1 + PL_HASH_SIZE, right->b, PL_HASH_SIZE);
    pl_sha256(pl_bytes(in, sizeof(in)), out);
}
