/* SPDX-License-Identifier: Apache-2.0 */
/* root.h - trusted_root.json (protobuf-specs TrustedRoot) and signing_config.json. */
#ifndef PL_CORE_TRUST_ROOT_H
#define PL_CORE_TRUST_ROOT_H

#include "core/base/json.h"
#include "core/crypto/key.h"

struct pl_trusted_log {
    struct pl_bytes base_url;
    struct pl_key *key;    /* one reference */
    struct pl_hash log_id; /* logId.keyId */
    int64_t start, end;    /* validFor, both included; end INT64_MAX when open */
};
struct pl_trusted_root {
    struct pl_trusted_log *logs;
    size_t nlogs;
    struct pl_arena arena;
};
/* Accepts the media type spellings in use. PL_EINVAL names the member; two logs of one id are
 * refused. Certificate and timestamp authorities are read by a later part of core/trust. */
PL_MUST_CHECK enum pl_code pl_trusted_root_parse(struct pl_bytes json, struct pl_trusted_root *out,
                                                 struct pl_err *err);
/* A root of one log, known by its key alone: id SHA-256 of the SPKI, valid at any time. */
PL_MUST_CHECK enum pl_code
pl_trusted_root_from_key(const struct pl_key *key, struct pl_trusted_root *out, struct pl_err *err);
void pl_trusted_root_free(struct pl_trusted_root *root); /* also of NULL and a zeroed object */
/* NULL when no log has this id. */
const struct pl_trusted_log *pl_trusted_root_log(const struct pl_trusted_root *root,
                                                 const struct pl_hash *log_id);

/* One log of ours. @extra: JSON text of an object whose certificateAuthorities,
 * timestampAuthorities and ctlogs arrays are copied in; empty for none. */
struct pl_root_log_in {
    struct pl_bytes base_url;
    const struct pl_key *key;
    int64_t start;
};
PL_MUST_CHECK enum pl_code pl_trusted_root_write(const struct pl_root_log_in *logs, size_t nlogs,
                                                 struct pl_bytes extra, struct pl_buf *out,
                                                 struct pl_err *err);
/* SigningConfig v0.2 naming one Rekor v1 URL. @extra: caUrls, oidcUrls, tsaUrls to copy in. */
PL_MUST_CHECK enum pl_code pl_signing_config_write(struct pl_bytes base_url, int64_t start,
                                                   struct pl_bytes extra, struct pl_buf *out,
                                                   struct pl_err *err);

#endif
