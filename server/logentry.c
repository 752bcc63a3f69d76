/* SPDX-License-Identifier: Apache-2.0 */
/* logentry.c - writes LogEntry objects, byte for byte as Rekor v1 lays them out. */
#include "server/logentry.h"

#include "core/base/enc.h"
#include "core/base/json.h"

#define TREE_ID_LEN 16
#define FIXED_ROOM  1024 /* names, ids, numbers, SET and checkpoint of one entry */

const char *pl_entry_id(const struct pl_v1_log *log, const struct pl_hash *leaf,
                        char out[PL_ENTRY_ID_SIZE])
{
    memcpy(out, log->tree_id_hex, TREE_ID_LEN);
    pl_hash_hex(leaf, out + TREE_ID_LEN);
    return out;
}

bool pl_entry_ref_parse(struct pl_bytes text, struct pl_entry_ref *out)
{
    struct pl_entry_ref ref = {.has_tree = text.n == PL_ENTRY_ID_LEN};
    uint8_t tree[TREE_ID_LEN / 2];

    if (ref.has_tree) {
        struct pl_reader r = pl_reader(pl_bytes(tree, sizeof(tree)));
        if (!pl_hex_decode(pl_bytes(text.p, TREE_ID_LEN), tree, sizeof(tree)) ||
            !pl_read_u64(&r, &ref.tree_id))
            return false;
        text = pl_bytes(text.p + TREE_ID_LEN, text.n - TREE_ID_LEN);
    }
    if (!pl_hex_decode(text, ref.leaf.b, PL_HASH_SIZE))
        return false;
    *out = ref;
    return true;
}

static void add_proof(const struct pl_logentry *e, struct pl_buf *out)
{
    pl_buf_add_str(out, "\"inclusionProof\":{\"checkpoint\":");
    pl_buf_add_json_string(out, e->state->note);
    pl_buf_add_str(out, ",\"hashes\":[");
    for (size_t i = 0; i < e->proof.n; i++) {
        pl_buf_add_str(out, i == 0 ? "\"" : ",\"");
        pl_buf_add_hex(out, pl_hash_bytes(&e->proof.hash[i]));
        pl_buf_add_byte(out, '"');
    }
    pl_buf_add_str(out, "],\"logIndex\":");
    pl_buf_add_u64(out, e->index);
    pl_buf_add_str(out, ",\"rootHash\":\"");
    pl_buf_add_hex(out, pl_hash_bytes(&e->state->root));
    pl_buf_add_str(out, "\",\"treeSize\":");
    pl_buf_add_u64(out, e->state->size);
    pl_buf_add_byte(out, '}');
}

void pl_logentry_write(const struct pl_logentry *e, struct pl_buf *out)
{
    char id[PL_ENTRY_ID_SIZE];

    /* All of it at once: growing step by step would copy the body several times. */
    (void)pl_buf_reserve(out, FIXED_ROOM + PL_BASE64_LEN(e->body.n) + e->attestation.n +
                                  e->proof.n * (PL_HASH_HEX_SIZE + 2));
    pl_buf_add_str(out, "{\"");
    pl_buf_add_str(out, pl_entry_id(e->log, &e->leaf, id));
    pl_buf_add_str(out, "\":{");
    if (e->attestation.n != 0) {
        pl_buf_add_str(out, "\"attestation\":{\"data\":\"");
        pl_buf_add_bytes(out, e->attestation);
        pl_buf_add_str(out, "\"},");
    }
    pl_buf_add_str(out, "\"body\":\"");
    pl_buf_add_base64(out, e->body);
    pl_buf_add_str(out, "\",\"integratedTime\":");
    pl_buf_add_i64(out, e->time);
    pl_buf_add_str(out, ",\"logID\":\"");
    pl_buf_add_str(out, e->log->log_id_hex);
    pl_buf_add_str(out, "\",\"logIndex\":");
    pl_buf_add_u64(out, e->index);
    pl_buf_add_str(out, ",\"verification\":{");
    add_proof(e, out);
    if (e->set.n != 0) { /* none is stored, and the log may not sign at present */
        pl_buf_add_str(out, ",\"signedEntryTimestamp\":\"");
        pl_buf_add_base64(out, e->set);
        pl_buf_add_byte(out, '"');
    }
    pl_buf_add_str(out, "}}}");
}
