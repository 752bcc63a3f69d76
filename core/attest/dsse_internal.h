/* SPDX-License-Identifier: Apache-2.0 */
/* dsse_internal.h - what core/attest shares of envelopes: the PAE is made once for several keys. */
#ifndef PL_CORE_ATTEST_DSSE_INTERNAL_H
#define PL_CORE_ATTEST_DSSE_INTERNAL_H

#include "core/attest/dsse.h"

/* What Rekor and the Go clients say when no signature verifies. */
#define PL_DSSE_THRESHOLD "accepted signatures do not match threshold, Found: 0, Expected 1"

/* pl_dsse_pae into @arena. PL_ENOMEM. */
PL_MUST_CHECK enum pl_code pl_dsse_pae_arena(const struct pl_dsse *env, struct pl_arena *arena,
                                             struct pl_bytes *pae, struct pl_err *err);
/* pl_dsse_verify_key over an already made @pae. */
PL_MUST_CHECK enum pl_code pl_dsse_verify_pae(const struct pl_dsse *env, struct pl_bytes pae,
                                              const struct pl_key *key, size_t *which,
                                              struct pl_err *err);
/* PL_EINVAL when @type is not printable ASCII (clients count its characters differently then). */
PL_MUST_CHECK enum pl_code pl_dsse_check_type(struct pl_bytes type, struct pl_err *err);
/* Strict standard base64 of @text into @arena; the refusal of URL-safe text says so. */
PL_MUST_CHECK enum pl_code pl_dsse_base64(struct pl_bytes text, const char *what,
                                          struct pl_arena *arena, struct pl_bytes *out,
                                          struct pl_err *err);

/* {"payload","payloadType","signatures":[{"keyid","sig"}]} in RFC 8785 form; a keyid only when it
 * is not empty; signatures by their sig_text. */
void pl_dsse_write(const struct pl_dsse *env, struct pl_buf *out);

#endif
