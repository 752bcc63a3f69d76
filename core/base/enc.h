/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enc.h - strict hex, base64 (RFC 4648 sections 4 and 5) and PEM armour (RFC 7468).
 *
 * Strict base64: correct padding, no white space, no other characters, zero trailing bits. So each
 * byte string has exactly one accepted spelling per alphabet.
 */
#ifndef PL_CORE_BASE_ENC_H
#define PL_CORE_BASE_ENC_H

#include "core/base/arena.h"
#include "core/base/buf.h"

/* Lower-case hex of @in, 2 * in.n characters and a NUL into @out. */
void pl_hex_encode(struct pl_bytes in, char *out);
void pl_buf_add_hex(struct pl_buf *b, struct pl_bytes in);
/* Exactly @n bytes from 2 * @n hex digits of either case. */
PL_MUST_CHECK bool pl_hex_decode(struct pl_bytes in, uint8_t *out, size_t n);
bool pl_is_hex(struct pl_bytes in); /* only hex digits, either case; false when empty */

#define PL_BASE64_LEN(n) (((n) + 2) / 3 * 4)
enum pl_base64 {
    PL_BASE64_STD,       /* padded, + and / */
    PL_BASE64_URL,       /* padded, - and _ */
    PL_BASE64_URL_NOPAD, /* as in JWTs */
};
void pl_buf_add_base64(struct pl_buf *b, struct pl_bytes in);
void pl_buf_add_base64_as(struct pl_buf *b, struct pl_bytes in, enum pl_base64 form);
/* Into @out, at most 3 * (in.n / 4) + 2 bytes; false when not strict. */
PL_MUST_CHECK bool pl_base64_decode(struct pl_bytes in, enum pl_base64 form, uint8_t *out,
                                    size_t *out_n);
/* Decodes into the arena. PL_EINVAL names @what; PL_ENOMEM. */
PL_MUST_CHECK enum pl_code pl_base64_decode_arena(struct pl_bytes in, enum pl_base64 form,
                                                  const char *what, struct pl_arena *arena,
                                                  struct pl_bytes *out, struct pl_err *err);
/* Encodes into the arena; p == NULL on failure. */
struct pl_bytes pl_base64_arena(struct pl_bytes in, struct pl_arena *arena);

/* One PEM block. @label is the text between BEGIN and the dashes; @der is in the arena. */
struct pl_pem {
    struct pl_bytes label;
    struct pl_bytes der;
};
/*
 * Reads the next PEM block from @in (text before it is skipped, headers are refused) and advances
 * it past the block. CRLF and LF line ends; any line length; standard base64.
 * PL_ENOTFOUND when there is no further block, PL_EINVAL malformed.
 */
PL_MUST_CHECK enum pl_code pl_pem_next(struct pl_bytes *in, struct pl_arena *arena,
                                       struct pl_pem *out, struct pl_err *err);
/* 64 columns, LF line ends, trailing LF: what Go and OpenSSL write. */
void pl_buf_add_pem(struct pl_buf *b, const char *label, struct pl_bytes der);

#endif
