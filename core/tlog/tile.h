/* SPDX-License-Identifier: Apache-2.0 */
/* tile.h - coordinates and paths of C2SP tlog-tiles tiles (height 8). */
#ifndef PL_CORE_TLOG_TILE_H
#define PL_CORE_TLOG_TILE_H

#include "core/tlog/merkle.h"

#define PL_TILE_HEIGHT 8
#define PL_TILE_WIDTH  256
struct pl_tile {
    unsigned level; /* 0..7: its hashes are nodes of level 8 * level */
    uint64_t index;
    unsigned width; /* hashes in it, 1..256; 256 = full */
    bool entries;   /* an entry bundle (tile/entries/...) instead; level is 0 */
};

#define PL_TILE_PATH_MAX 96
/*
 * pl_tile_path - write the path of tile @t, below the log's prefix.
 *
 *   {.level = 0, .index = 1234067, .width = 8}   -> tile/0/x001/x234/067.p/8
 *   {.level = 1, .index = 5,       .width = 256} -> tile/1/005
 *   {.entries = true, .index = 0,  .width = 256} -> tile/entries/000
 *
 * @out  PL_TILE_PATH_MAX bytes, NUL-terminated on success, else untouched.
 *
 * Returns PL_OK, or PL_EINVAL when @t is out of range.
 * Thread: any. Allocates: never. Source: C2SP tlog-tiles, "Merkle Tree".
 */
PL_MUST_CHECK enum pl_code pl_tile_path(const struct pl_tile *t, char out[PL_TILE_PATH_MAX],
                                        struct pl_err *err);
/* The inverse; only the canonical spelling is accepted. */
PL_MUST_CHECK enum pl_code pl_tile_parse(struct pl_bytes path, struct pl_tile *out,
                                         struct pl_err *err);
/* The width that tile (level, index) has in a tree of @size: 0 when it does not exist. */
unsigned pl_tile_width(unsigned level, uint64_t index, uint64_t size);
/* The tile (as wide as @size allows) that holds complete node @n, and the first hash below it. */
PL_MUST_CHECK enum pl_code pl_tile_of_node(const struct pl_node *n, uint64_t size,
                                           struct pl_tile *out, struct pl_err *err);
/* Hash of node @n from the hashes of the tile that holds it (t->width of them). */
PL_MUST_CHECK enum pl_code pl_tile_node_hash(const struct pl_tile *t, const struct pl_hash *hashes,
                                             const struct pl_node *n, struct pl_hash *out,
                                             struct pl_err *err);

#endif
