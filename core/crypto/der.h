/* SPDX-License-Identifier: Apache-2.0 */
/*
 * der.h - reads strict DER: definite minimal lengths, tags of one byte. Private to core/crypto and
 * core/trust.
 */
#ifndef PL_CORE_CRYPTO_DER_H
#define PL_CORE_CRYPTO_DER_H

#include "core/base/buf.h"

enum {
    PL_DER_BOOLEAN = 0x01,
    PL_DER_INTEGER = 0x02,
    PL_DER_BIT_STRING = 0x03,
    PL_DER_OCTET_STRING = 0x04,
    PL_DER_NULL = 0x05,
    PL_DER_OID = 0x06,
    PL_DER_UTF8STRING = 0x0c,
    PL_DER_SEQUENCE = 0x30,
    PL_DER_SET = 0x31,
    PL_DER_CONTEXT0 = 0xa0 /* [0] constructed, [1] = +1, ... */
};

/* Reads one element of tag @tag and moves past it; @value is its content. False leaves @r. */
bool pl_der_read(struct pl_reader *r, uint8_t tag, struct pl_bytes *value);
/* The same of any tag. */
bool pl_der_any(struct pl_reader *r, uint8_t *tag, struct pl_bytes *value);
/* @in is exactly one element of @tag. */
bool pl_der_whole(struct pl_bytes in, uint8_t tag, struct pl_bytes *value);
/* An INTEGER > 0 in its shortest form; @value without the leading zero byte. */
bool pl_der_positive(struct pl_reader *r, struct pl_bytes *value);

#endif
