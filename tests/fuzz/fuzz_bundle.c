/* Property: what parses keeps the limits; with a certificate it is written and read the same. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/bundle.h"

#include "tests/fuzz/fuzz.h"

#define MAX ((size_t)4 << 20)

static void check_limits(const struct pl_bundle *b)
{
    MUST(b->nentries <= PL_BUNDLE_ENTRIES_MAX);
    MUST(b->has_public_key ? b->ncerts == 0 : b->ncerts > 0);
    MUST(!b->is_dsse || (b->dsse.nsigs >= 1 && b->dsse.nsigs <= PL_SIGNATURES_MAX));
    for (size_t i = 0; i < b->nentries; i++) {
        const struct pl_tlog_entry *e = &b->entries[i];
        struct pl_buf text;
        json_t *value = NULL;
        struct pl_err err;
        MUST(e->nhashes <= PL_PROOF_MAX);
        pl_buf_init(&text, MAX);
        pl_tlog_entry_write(e, &text);
        MUST(pl_buf_ok(&text));
        MUST(pl_json_load(pl_buf_bytes(&text), MAX, &value, &err) == PL_OK);
        json_decref(value);
        pl_buf_free(&text);
    }
}

static enum pl_code write_again(const struct pl_bundle *b, const struct pl_verifier *v,
                                struct pl_buf *out, struct pl_err *err)
{
    if (b->is_dsse)
        return pl_bundle_write_dsse(b->dsse_envelope, v, &b->entries[0], out, err);
    return pl_bundle_write_message(b->digest_alg, b->digest, b->signature, v, &b->entries[0], out,
                                   err);
}

static void check_round_trip(const struct pl_bundle *b, struct pl_arena *arena)
{
    const struct pl_verifier *v = NULL;
    struct pl_bundle again;
    struct pl_buf text;
    struct pl_err err;

    if (b->ncerts == 0 || b->nentries == 0 ||
        pl_verifier_from_cert_der(b->certs[0], &v, &err) != PL_OK)
        return;
    pl_buf_init(&text, MAX);
    if (write_again(b, v, &text, &err) == PL_OK) {
        MUST(pl_bundle_parse(pl_buf_bytes(&text), arena, &again, &err) == PL_OK);
        MUST(pl_bytes_eq_str(again.media_type, PL_BUNDLE_V03));
        MUST(again.ncerts == 1 && pl_bytes_eq(again.certs[0], b->certs[0]));
        MUST(again.is_dsse == b->is_dsse && again.nentries == 1);
        MUST(pl_bytes_eq(again.entries[0].body, b->entries[0].body));
        MUST(pl_bytes_eq(again.entries[0].checkpoint, b->entries[0].checkpoint));
        MUST(again.entries[0].nhashes == b->entries[0].nhashes);
        MUST(!b->is_dsse || pl_bytes_eq(again.dsse.payload, b->dsse.payload));
        MUST(b->is_dsse || pl_bytes_eq(again.signature, b->signature));
    }
    pl_buf_free(&text);
    pl_verifier_unref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena arena;
    struct pl_bundle b = {.nentries = 0};
    struct pl_err err;

    pl_arena_init(&arena, 16 * MAX);
    if (pl_bundle_parse(pl_bytes(data, size), &arena, &b, &err) == PL_OK) {
        check_limits(&b);
        check_round_trip(&b, &arena);
    } else {
        MUST(b.nentries == 0 && err.text[0] != '\0');
    }
    pl_arena_free(&arena);
    return 0;
}
