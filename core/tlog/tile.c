/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tile.c - which tile holds a node, what it is called, and what its hashes give.
 *
 * Tile level L holds nodes of level 8 L; the seven levels between are not stored anywhere and are
 * recomputed from pairs inside one tile. Level L + 1 begins where tile L is full: hash i of tile
 * level L + 1 is the root of full tile i of level L.
 *
 *   node (k, i): tile level k / 8, sub-level k % 8
 *                tile index i >> (8 - k % 8)
 *                its leftmost hash there: (i mod 2^(8 - k % 8)) << (k % 8)
 *
 * A path has one spelling only. Others ("x000/123", "00", ".p/256") would be the same bytes under a
 * second cache key, so what parses is written again and compared.
 */
#include "core/tlog/tile.h"

#include "core/base/num.h"
#include "core/tlog/bits.h"

#include <inttypes.h>

#define LEVEL_MAX 7

/* A tree of 2^64 leaves has 2^(56 - 8 L) tiles of level L: that bounds the index, and with it every
 * shift and product here. */
static bool in_range(const struct pl_tile *t)
{
    return t->level <= LEVEL_MAX && t->width >= 1 && t->width <= PL_TILE_WIDTH &&
           (!t->entries || t->level == 0) && t->index >> (56 - 8 * t->level) == 0;
}

/* Groups of three digits, most significant first; all but the last begin with "x". */
static void add_index(struct pl_buf *b, uint64_t index)
{
    uint64_t unit = 1;

    while (index / unit >= 1000)
        unit *= 1000;
    for (; unit > 1; unit /= 1000)
        pl_buf_addf(b, "x%03u/", (unsigned)(index / unit % 1000));
    pl_buf_addf(b, "%03u", (unsigned)(index % 1000));
}

/* The path of a tile that is in range; a buffer of its own keeps the caller's output untouched. */
static enum pl_code write_path(const struct pl_tile *t, struct pl_buf *b, struct pl_err *err)
{
    if (t->entries)
        pl_buf_add_str(b, "tile/entries/");
    else
        pl_buf_addf(b, "tile/%u/", t->level);
    add_index(b, t->index);
    if (t->width < PL_TILE_WIDTH)
        pl_buf_addf(b, ".p/%u", t->width);
    return pl_buf_check(b, "tile path", err);
}

enum pl_code pl_tile_path(const struct pl_tile *t, char out[PL_TILE_PATH_MAX], struct pl_err *err)
{
    enum pl_code rc;
    struct pl_buf b;

    if (!in_range(t))
        return PL_FAIL(err, PL_EINVAL, "tile level %u index %" PRIu64 " width %u%s is out of range",
                       t->level, t->index, t->width, t->entries ? " of entries" : "");
    pl_buf_init(&b, PL_TILE_PATH_MAX - 1);
    PL_TRY(write_path(t, &b, err));
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
out:
    pl_buf_free(&b);
    return rc;
}

/* One group of exactly three digits. */
static bool read_group(struct pl_bytes g, unsigned *out)
{
    if (g.n != 3)
        return false;
    unsigned v = 0;
    for (size_t i = 0; i < 3; i++) {
        if (g.p[i] < '0' || g.p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(g.p[i] - '0');
    }
    *out = v;
    return true;
}

/* "x001/x234/067" (no suffix). Leading "x000" groups pass here and fail the comparison later. */
static bool read_index(struct pl_reader *r, uint64_t *out)
{
    uint64_t index = 0;
    unsigned group;

    while (r->left.n > 0 && r->left.p[0] == 'x') {
        struct pl_bytes text;
        if (!pl_read_until(r, '/', &text) || !read_group(pl_bytes(text.p + 1, text.n - 1), &group))
            return false;
        if (PL_MUL_OVERFLOW(index, (uint64_t)1000, &index) ||
            PL_ADD_OVERFLOW(index, (uint64_t)group, &index))
            return false;
    }
    struct pl_bytes last;
    if (!pl_read_bytes(r, 3, &last) || !read_group(last, &group))
        return false;
    if (PL_MUL_OVERFLOW(index, (uint64_t)1000, &index) ||
        PL_ADD_OVERFLOW(index, (uint64_t)group, &index))
        return false;
    *out = index;
    return true;
}

/* Nothing, or ".p/W" with W below the full width. */
static bool read_width(struct pl_reader *r, unsigned *out)
{
    uint64_t width = PL_TILE_WIDTH;

    if (r->left.n > 0) {
        struct pl_bytes dot;
        if (!pl_read_bytes(r, 3, &dot) || !pl_bytes_eq_str(dot, ".p/") ||
            !pl_parse_u64(r->left, PL_TILE_WIDTH - 1, &width))
            return false;
    }
    *out = (unsigned)width;
    return true;
}

static bool read_tile(struct pl_bytes path, struct pl_tile *out)
{
    struct pl_reader r = pl_reader(path);
    struct pl_bytes word;
    uint64_t level = 0;

    if (!pl_read_until(&r, '/', &word) || !pl_bytes_eq_str(word, "tile") ||
        !pl_read_until(&r, '/', &word))
        return false;
    out->entries = pl_bytes_eq_str(word, "entries");
    if (!out->entries && !pl_parse_u64(word, LEVEL_MAX, &level))
        return false;
    out->level = (unsigned)level;
    return read_index(&r, &out->index) && read_width(&r, &out->width) && in_range(out);
}

enum pl_code pl_tile_parse(struct pl_bytes path, struct pl_tile *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_tile t = {0};
    struct pl_buf again;

    if (!read_tile(path, &t))
        return PL_FAIL(err, PL_EINVAL,
                       "\"" PL_FMT "\" is not a tile path: want tile/LEVEL/INDEX or "
                       "tile/entries/INDEX, INDEX in groups of three digits, and .p/WIDTH (1 to "
                       "255) for a partial one",
                       PL_ARG(path));
    pl_buf_init(&again, PL_TILE_PATH_MAX - 1);
    PL_TRY(write_path(&t, &again, err));
    if (!pl_bytes_eq(pl_buf_bytes(&again), path)) {
        rc = PL_FAIL(err, PL_EINVAL, "tile path \"" PL_FMT "\" must be written \"" PL_FMT "\"",
                     PL_ARG(path), PL_ARG(pl_buf_bytes(&again)));
        goto out;
    }
    *out = t;
out:
    pl_buf_free(&again);
    return rc;
}

/* h complete nodes stand at level 8 L: h / 256 full tiles and one of h mod 256, if that is not 0.
 */
unsigned pl_tile_width(unsigned level, uint64_t index, uint64_t size)
{
    if (level > LEVEL_MAX)
        return 0;
    uint64_t nodes = size >> (8 * level);
    uint64_t full = nodes / PL_TILE_WIDTH;
    if (index < full)
        return PL_TILE_WIDTH;
    return index == full ? (unsigned)(nodes % PL_TILE_WIDTH) : 0;
}

enum pl_code pl_tile_of_node(const struct pl_node *n, uint64_t size, struct pl_tile *out,
                             struct pl_err *err)
{
    if (n->level > 63 || n->index >= size >> n->level)
        return PL_FAIL(err, PL_EINVAL,
                       "node (%u, %" PRIu64 ") is not complete in a tree of size %" PRIu64,
                       n->level, n->index, size);
    unsigned level = n->level / PL_TILE_HEIGHT;
    uint64_t index = n->index >> (PL_TILE_HEIGHT - n->level % PL_TILE_HEIGHT);
    /* Not 0: a complete node has all of its hashes in the tile. */
    *out = (struct pl_tile){
        .level = level, .index = index, .width = pl_tile_width(level, index, size)};
    return PL_OK;
}

enum pl_code pl_tile_node_hash(const struct pl_tile *t, const struct pl_hash *hashes,
                               const struct pl_node *n, struct pl_hash *out, struct pl_err *err)
{
    unsigned sub = n->level % PL_TILE_HEIGHT;
    uint64_t per_tile = (uint64_t)1 << (PL_TILE_HEIGHT - sub); /* nodes of this level in a tile */
    unsigned first = (unsigned)(n->index % per_tile) << sub;
    unsigned count = 1U << sub;

    if (!in_range(t) || t->entries || n->level / PL_TILE_HEIGHT != t->level ||
        n->index / per_tile != t->index || first + count > t->width)
        return PL_FAIL(err, PL_EINVAL,
                       "node (%u, %" PRIu64 ") is not in tile level %u index %" PRIu64 " width %u",
                       n->level, n->index, t->level, t->index, t->width);
    struct pl_hash h[PL_TILE_WIDTH / 2]; /* sub-level 7 covers half a tile */
    memcpy(h, hashes + first, count * sizeof(h[0]));
    for (; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            pl_node_hash(&h[2 * i], &h[2 * i + 1], &h[i]);
    }
    *out = h[0];
    return PL_OK;
}
