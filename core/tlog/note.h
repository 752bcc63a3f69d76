/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note.h - signed notes (C2SP signed-note): text, blank line, signature lines
 * "\u2014 NAME BASE64(key hash[4] || signature)".
 *
 * The signed text is everything up to and including the LF before the blank line. Rekor v1 signs
 * ECDSA (SHA-256, DER) with key hash = SHA-256(SPKI)[0:4]; C2SP Ed25519 keys use
 * SHA-256(NAME LF 0x01 key)[0:4].
 */
#ifndef PL_CORE_TLOG_NOTE_H
#define PL_CORE_TLOG_NOTE_H

#include "core/base/limits.h"
#include "core/crypto/sig.h"

struct pl_note_sig {
    struct pl_bytes name;
    uint8_t key_hash[4];
    struct pl_bytes sig; /* decoded, in the arena */
};
struct pl_note {
    struct pl_bytes text; /* the signed bytes, with their last LF */
    struct pl_note_sig sigs[PL_NOTE_SIGNATURES_MAX];
    size_t nsigs;
};

/* Splits and checks the form (UTF-8, no control characters but LF, well-formed lines). Views go
 * into
 * @in, decoded signatures into @arena. PL_EINVAL, PL_ETOOBIG. Does not verify. */
PL_MUST_CHECK enum pl_code pl_note_parse(struct pl_bytes in, struct pl_arena *arena,
                                         struct pl_note *out, struct pl_err *err);
/* The note key hash of @key under @name by the rules above (ECDSA and RSA: SPKI; Ed25519: C2SP). */
void pl_note_key_hash(const struct pl_key *key, struct pl_bytes name, uint8_t out[4]);
/* At least one line has this name, this key's hash and verifies; a line with both that does not
 * verify is PL_EVERIFY; no such line is PL_EVERIFY too. */
PL_MUST_CHECK enum pl_code pl_note_verify(const struct pl_note *note, struct pl_bytes name,
                                          const struct pl_key *key, struct pl_err *err);
/* Appends @text, the blank line and one signature line. @text must end in LF. */
PL_MUST_CHECK enum pl_code pl_note_sign(struct pl_bytes text, struct pl_bytes name,
                                        const struct pl_privkey *key, struct pl_buf *out,
                                        struct pl_err *err);

#endif
