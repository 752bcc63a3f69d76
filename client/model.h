/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - one SHA-256 for a model: a file, or a folder of files.
 *
 * A file's digest is the SHA-256 of its bytes. A folder's is the SHA-256 of this list: for each
 * regular file below it, hidden ones included, one line
 *
 *     HEX SP SP PATH LF
 *
 * with HEX the lower-case SHA-256 of the file and PATH its path relative to the folder, parts
 * joined by '/', no "./" before it; lines are sorted by the bytes of PATH. It is what this prints:
 *
 *     cd FOLDER && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum |
 * sha256sum
 *
 * Names, content and place of every file count; modes, times and empty folders don't. Refused,
 * since the digest could not say what they hold: symbolic links and anything else that is neither
 * file nor folder, names with a backslash, CR or LF (sha256sum escapes those), a folder without any
 * file, a file that changes while it is read. The path given itself may be a symbolic link.
 */
#ifndef PL_CLIENT_MODEL_H
#define PL_CLIENT_MODEL_H

#include "core/crypto/hash.h"

#define PL_MODEL_DEPTH_MAX 64
#define PL_MODEL_FILES_MAX 1000000

/* Called now and then while it hashes; @total is the size of all files. */
typedef void (*pl_model_progress_fn)(void *ctx, uint64_t done, uint64_t total);

struct pl_model {
    struct pl_hash sha256;
    bool folder;
    uint64_t files, bytes;
};
/* @progress may be NULL. PL_EINVAL names the file and what is wrong with it. */
PL_MUST_CHECK enum pl_code pl_model_digest(const char *path, pl_model_progress_fn progress,
                                           void *ctx, struct pl_model *out, struct pl_err *err);

#endif
