/* Property: what parses is read back from its PAE, and its signatures from their text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/dsse.h"
#include "core/base/enc.h"
#include "core/base/num.h"

#include "tests/fuzz/fuzz.h"

#define MAX ((size_t)4 << 20)

/* "LEN SP", then that many bytes. */
static struct pl_bytes read_sized(struct pl_reader *r)
{
    struct pl_bytes len, out;
    uint64_t n = 0;

    MUST(pl_read_until(r, ' ', &len));
    MUST(pl_parse_u64(len, MAX, &n));
    MUST(pl_read_bytes(r, (size_t)n, &out));
    return out;
}

/* The encoding keeps type and payload apart, whatever bytes they hold. */
static void check_pae(const struct pl_dsse *d)
{
    struct pl_buf pae;
    struct pl_bytes word;

    pl_buf_init(&pae, MAX);
    pl_dsse_pae(d->payload_type, d->payload, &pae);
    MUST(pl_buf_ok(&pae));
    struct pl_reader r = pl_reader(pl_buf_bytes(&pae));
    MUST(pl_read_until(&r, ' ', &word) && pl_bytes_eq_str(word, "DSSEv1"));
    MUST(pl_bytes_eq(read_sized(&r), d->payload_type));
    MUST(pl_read_bytes(&r, 1, &word) && pl_bytes_eq_str(word, " "));
    MUST(pl_bytes_eq(read_sized(&r), d->payload));
    MUST(r.left.n == 0);
    pl_buf_free(&pae);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_arena arena;
    struct pl_dsse d = {.nsigs = 0};
    struct pl_err err;

    pl_arena_init(&arena, (size_t)16 << 20);
    if (pl_dsse_parse(pl_bytes(data, size), &arena, &d, &err) == PL_OK) {
        MUST(d.nsigs >= 1 && d.nsigs <= PL_SIGNATURES_MAX);
        check_pae(&d);
        for (size_t i = 0; i < d.nsigs; i++) {
            struct pl_bytes raw;
            MUST(pl_base64_decode_arena(d.sigs[i].sig_text, PL_BASE64_STD, "sig", &arena, &raw,
                                        &err) == PL_OK);
            MUST(pl_bytes_eq(raw, d.sigs[i].sig));
        }
    } else {
        MUST(d.nsigs == 0 && err.text[0] != '\0');
    }
    pl_arena_free(&arena);
    return 0;
}
