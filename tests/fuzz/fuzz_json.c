/* Property: the quick reader agrees with jansson; canonical JSON loads and is written the same, or
 * is refused for a huge integer. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json.h"
#include "core/base/json_read.h"

#include "tests/fuzz/fuzz.h"

#define MAX ((size_t)1 << 20)

/* What the quick reader takes jansson takes too, with an equal value. */
static void check_against_jansson(struct pl_bytes in)
{
    json_t *quick = pl_json_read_plain(in);

    if (quick == NULL)
        return;
    json_t *slow =
        json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    MUST(slow != NULL);
    MUST(json_equal(quick, slow) == 1);
    json_decref(quick);
    json_decref(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes in = pl_bytes(data, size);
    json_t *value = NULL, *again = NULL;
    struct pl_buf one, two;
    struct pl_err err;

    if (pl_json_load(in, MAX, &value, &err) != PL_OK) {
        MUST(value == NULL && err.text[0] != '\0');
        return 0;
    }
    check_against_jansson(in); /* pl_json_load has bounded its nesting */
    pl_buf_init(&one, 8 * MAX);
    pl_buf_init(&two, 8 * MAX);
    if (pl_json_canonical(value, &one, &err) == PL_OK) {
        MUST(pl_utf8_valid(pl_buf_bytes(&one)));
        /* 8e17 is written 800000000000000000, which reads as an integer beyond 2^53: refused. */
        if (pl_json_load(pl_buf_bytes(&one), 8 * MAX, &again, &err) == PL_OK &&
            pl_json_canonical(again, &two, &err) == PL_OK)
            MUST(pl_bytes_eq(pl_buf_bytes(&one), pl_buf_bytes(&two)));
        else
            MUST(err.code == PL_EINVAL && strstr(err.text, "integer") != NULL);
        json_decref(again);
    } else {
        MUST(err.code == PL_EINVAL);
    }
    pl_buf_free(&one);
    pl_buf_free(&two);
    json_decref(value);
    return 0;
}
