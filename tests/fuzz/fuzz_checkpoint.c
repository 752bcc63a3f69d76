/* Property: what is written for a parsed text is its beginning; none opens unless it was signed. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlog/checkpoint.h"

#include "tests/fuzz/fuzz.h"

/* The key and the two notes of the worked examples; a fuzzer cannot forge a third. */
static const char KEY[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
                          "-----END PUBLIC KEY-----\n";
static const char *const SIGNED[] = {
    "log.example.com\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n",
    "log.example.com\n3\nrra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n",
    "log.example.com\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
};

static void check_text(struct pl_bytes text)
{
    struct pl_checkpoint c = {.size = 7}, again;
    struct pl_buf b;
    struct pl_err err;

    if (pl_checkpoint_parse(text, &c, &err) != PL_OK) {
        MUST(c.size == 7 && c.origin.n == 0);
        return;
    }
    MUST(c.origin.n > 0 && c.size <= (uint64_t)1 << 63);
    pl_buf_init(&b, (size_t)1 << 16);
    pl_checkpoint_add_text(&c, &b);
    MUST(pl_buf_ok(&b) && b.n <= text.n && memcmp(b.p, text.p, b.n) == 0);
    MUST(pl_checkpoint_parse(pl_buf_bytes(&b), &again, &err) == PL_OK);
    MUST(again.size == c.size && pl_hash_eq(&again.root, &c.root));
    pl_buf_free(&b);
}

static void check_note(struct pl_bytes note)
{
    static struct pl_key *key;
    struct pl_checkpoint c;
    struct pl_err err;

    if (key == NULL)
        MUST(pl_key_from_pem(pl_str(KEY), &key, &err) == PL_OK);
    if (pl_checkpoint_open(note, key, &c, &err) != PL_OK)
        return;
    bool known = false;
    for (size_t i = 0; i < sizeof(SIGNED) / sizeof(SIGNED[0]); i++)
        known = known || pl_bytes_has_prefix(note, SIGNED[i]);
    MUST(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(pl_bytes(data, size));
    check_note(pl_bytes(data, size));
    return 0;
}
