/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - small files, read whole and replaced atomically. */
#ifndef PL_SERVER_FILE_H
#define PL_SERVER_FILE_H

#include "core/base/buf.h"

/* Reads @path into @out (initialised by the caller, who sets its maximum). PL_ENOTFOUND, PL_EIO,
 * PL_ETOOBIG. */
PL_MUST_CHECK enum pl_code pl_file_read(const char *path, struct pl_buf *out, struct pl_err *err);
/* Writes @path under a temporary name, syncs it, renames it over @path and syncs the folder: a
 * crash leaves the old file or the new one. PL_EIO. */
PL_MUST_CHECK enum pl_code pl_file_replace(const char *path, unsigned mode, struct pl_bytes content,
                                           struct pl_err *err);
/* Makes @path and its missing parents, the last one with mode 0700. PL_EIO. */
PL_MUST_CHECK enum pl_code pl_dir_make(const char *path, struct pl_err *err);

#endif
