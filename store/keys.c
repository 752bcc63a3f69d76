/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the search keys of an entry in its row: each a big-endian length in 2 bytes, then bytes.
 */
#include "store/internal.h"

#include "core/base/limits.h"

enum pl_code pl_keys_encode(const struct pl_bytes *keys, size_t nkeys, struct pl_buf *out,
                            struct pl_err *err)
{
    if (nkeys > PL_SEARCH_KEYS_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "%zu search keys, the limit is %d", nkeys,
                       PL_SEARCH_KEYS_MAX);
    for (size_t i = 0; i < nkeys; i++) {
        if (keys[i].n == 0 || keys[i].n > PL_SEARCH_KEY_MAX)
            return PL_FAIL(err, PL_ETOOBIG,
                           "search key %zu has %zu bytes, the limits are 1 and %zu", i, keys[i].n,
                           PL_SEARCH_KEY_MAX);
        pl_buf_add_byte(out, (uint8_t)(keys[i].n >> 8));
        pl_buf_add_byte(out, (uint8_t)keys[i].n);
        pl_buf_add_bytes(out, keys[i]);
    }
    if (!pl_buf_ok(out))
        return PL_FAIL(err, PL_ENOMEM, "no memory for %zu search keys", nkeys);
    return PL_OK;
}

bool pl_keys_next(struct pl_reader *r, struct pl_bytes *out)
{
    struct pl_reader at = *r;
    uint16_t n;
    if (!pl_read_u16(&at, &n) || n == 0 || !pl_read_bytes(&at, n, out))
        return false;
    *r = at;
    return true;
}
