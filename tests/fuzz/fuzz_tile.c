/* Property: a path that parses is the only spelling of its tile, and its width fits some tree. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/num.h"
#include "core/tlog/tile.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes in = pl_bytes(data, size);
    struct pl_tile t = {.width = 999};
    char path[PL_TILE_PATH_MAX];
    struct pl_err err;

    if (pl_tile_parse(in, &t, &err) != PL_OK) {
        MUST(t.width == 999 && err.text[0] != '\0');
        return 0;
    }
    MUST(pl_tile_path(&t, path, &err) == PL_OK);
    MUST(pl_bytes_eq_str(in, path));
    MUST(t.level <= 7 && t.width >= 1 && t.width <= 256);
    /* In a tree that ends with this tile it is exactly so wide, and in one a hash shorter less so.
     */
    uint64_t nodes; /* 2^64 for the last tile of all: no size reaches its end */
    if (!PL_ADD_OVERFLOW(t.index * 256, (uint64_t)t.width, &nodes) &&
        (t.level == 0 || nodes >> (64 - 8 * t.level) == 0)) {
        uint64_t tree = nodes << (8 * t.level);
        MUST(pl_tile_width(t.level, t.index, tree) == t.width);
        MUST(pl_tile_width(t.level, t.index, tree - 1) == t.width - 1);
    }
    return 0;
}
