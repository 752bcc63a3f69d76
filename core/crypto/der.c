/* SPDX-License-Identifier: Apache-2.0 */
/* der.c - X.690 section 10: what DER leaves of BER. */
#include "core/crypto/der.h"

/* Length octets: one byte below 128, else 80+n and n bytes without a leading zero. */
static bool read_length(struct pl_reader *r, size_t *out)
{
    uint8_t first, byte;
    size_t n = 0;

    if (!pl_read_u8(r, &first))
        return false;
    if (first < 0x80) {
        *out = first;
        return true;
    }
    if (first == 0x80 || first > 0x84) /* indefinite, or beyond 4 GiB */
        return false;
    for (unsigned i = 0; i < (first & 0x7fU); i++) {
        if (!pl_read_u8(r, &byte) || (i == 0 && byte == 0))
            return false;
        n = n << 8 | byte;
    }
    if (n < 0x80)
        return false;
    *out = n;
    return true;
}

bool pl_der_any(struct pl_reader *r, uint8_t *tag, struct pl_bytes *value)
{
    struct pl_reader at = *r;
    struct pl_bytes content;
    uint8_t t;
    size_t n;

    if (!pl_read_u8(&at, &t) || (t & 0x1f) == 0x1f || !read_length(&at, &n) ||
        !pl_read_bytes(&at, n, &content))
        return false;
    *tag = t;
    *value = content;
    *r = at;
    return true;
}

bool pl_der_read(struct pl_reader *r, uint8_t tag, struct pl_bytes *value)
{
    struct pl_reader at = *r;
    struct pl_bytes content;
    uint8_t t;

    if (!pl_der_any(&at, &t, &content) || t != tag)
        return false;
    *value = content;
    *r = at;
    return true;
}

bool pl_der_whole(struct pl_bytes in, uint8_t tag, struct pl_bytes *value)
{
    struct pl_reader r = pl_reader(in);
    struct pl_bytes content;

    if (!pl_der_read(&r, tag, &content) || r.left.n != 0)
        return false;
    *value = content;
    return true;
}

bool pl_der_positive(struct pl_reader *r, struct pl_bytes *value)
{
    struct pl_reader at = *r;
    struct pl_bytes x;

    if (!pl_der_read(&at, PL_DER_INTEGER, &x) || x.n == 0 || (x.p[0] & 0x80) != 0)
        return false;
    if (x.p[0] == 0) {
        if (x.n == 1 || (x.p[1] & 0x80) == 0) /* zero, or not the shortest form */
            return false;
        x = pl_bytes(x.p + 1, x.n - 1);
    }
    *value = x;
    *r = at;
    return true;
}
