/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every fixed maximum of the project, with its reason. Sizes in bytes. */
#ifndef PL_CORE_BASE_LIMITS_H
#define PL_CORE_BASE_LIMITS_H

#include <stddef.h>

#define PL_BODY_MAX            ((size_t)65535) /* a leaf: C2SP entry bundles carry a uint16 length */
#define PL_REQUEST_MAX         ((size_t)8 << 20) /* default request body; Chains really sends 0.9 MB */
#define PL_INFLIGHT_MAX        ((size_t)256 << 20) /* bodies held at once over all connections */
#define PL_HEAD_MAX            ((size_t)16 << 10)  /* request line and headers */
#define PL_JSON_DEPTH_MAX      64                  /* in-toto predicates nest below 20 */
#define PL_JSON_VALUES_MAX     ((size_t)1 << 18)   /* in one text; 300 bytes of memory each */
#define PL_SIGNATURES_MAX      32                  /* per envelope */
#define PL_SUBJECTS_MAX        16384               /* a sharded model has thousands of files */
#define PL_SEARCH_KEYS_MAX     40000         /* per entry: subjects x digests, materials, SANs */
#define PL_SEARCH_KEY_MAX      ((size_t)512) /* one key, as Rekor's MySQL column */
#define PL_CERTS_MAX           10            /* in one verifier PEM, as Rekor */
#define PL_PEM_MAX             ((size_t)64 << 10)  /* one verifier */
#define PL_PROOF_MAX           64                  /* hashes in a proof over uint64_t sizes */
#define PL_NOTE_MAX            ((size_t)1 << 20)   /* signed note, C2SP signed-note */
#define PL_NOTE_SIGNATURES_MAX 16                  /* lines looked at in one note */
#define PL_ORIGIN_MAX          256                 /* checkpoint origin line, without LF */
#define PL_CHECKPOINT_MAX      ((size_t)4096)      /* one checkpoint that we write */
#define PL_ARENA_REQUEST_MAX   ((size_t)128 << 20) /* arena ceiling of one request */
#define PL_BATCH_MAX           1024                /* entries in one transaction */
#define PL_BATCH_BYTES_MAX     ((size_t)32 << 20)  /* the same: bounds one transaction's WAL */

#endif
