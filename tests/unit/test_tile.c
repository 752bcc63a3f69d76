/* SPDX-License-Identifier: Apache-2.0 */
/* test_tile.c - tile paths, widths, and node hashes out of tiles. */
#include "core/base/enc.h"
#include "core/tlog/tile.h"

#include "tests/lib/tlog_ref.h"
#include "tests/unit/test.h"

#include <inttypes.h>

#define BIG      UINT64_C(70000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct pl_err err;

static const struct {
    struct pl_tile tile;
    const char *path;
} PATHS[] = {
    {{.level = 0, .index = 0, .width = 256}, "tile/0/000"},
    {{.level = 0, .index = 7, .width = 1}, "tile/0/007.p/1"},
    {{.level = 0, .index = 999, .width = 255}, "tile/0/999.p/255"},
    {{.level = 0, .index = 1000, .width = 256}, "tile/0/x001/000"},
    {{.level = 0, .index = 15728, .width = 111}, "tile/0/x015/728.p/111"},
    {{.level = 0, .index = 1234067, .width = 8}, "tile/0/x001/x234/067.p/8"},
    {{.level = 0, .index = 1000000, .width = 256}, "tile/0/x001/x000/000"},
    {{.level = 1, .index = 999999999, .width = 256}, "tile/1/x999/x999/999"},
    {{.level = 1, .index = 5, .width = 256}, "tile/1/005"},
    {{.level = 7, .index = 0, .width = 128}, "tile/7/000.p/128"},
    {{.level = 0, .index = 72057594037927935, .width = 256}, "tile/0/x072/x057/x594/x037/x927/935"},
    {{.level = 6, .index = 255, .width = 256}, "tile/6/255"},
    {{.entries = true, .index = 0, .width = 256}, "tile/entries/000"},
    {{.entries = true, .index = 1234067, .width = 8}, "tile/entries/x001/x234/067.p/8"},
};

static void assert_tile(const struct pl_tile *got, const struct pl_tile *want)
{
    assert_int_equal(got->level, want->level);
    assert_true(got->index == want->index);
    assert_int_equal(got->width, want->width);
    assert_true(got->entries == want->entries);
}

static void paths_are_those_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        char path[PL_TILE_PATH_MAX];
        struct pl_tile back;
        assert_ok(pl_tile_path(&PATHS[i].tile, path, &err), err);
        assert_string_equal(path, PATHS[i].path);
        assert_ok(pl_tile_parse(pl_str(path), &back, &err), err);
        assert_tile(&back, &PATHS[i].tile);
    }
}

static void paths_round_trip_at_every_level_and_width(void **state)
{
    (void)state;
    for (unsigned level = 0; level <= 7; level++) {
        uint64_t last = (UINT64_C(1) << (56 - 8 * level)) - 1;
        const uint64_t indexes[] = {0, 1, 999, 1000, 1001, 999999, 1000000, last / 3, last};
        for (size_t i = 0; i < COUNT(indexes); i++) {
            for (unsigned width = 1; width <= 256 && indexes[i] <= last; width++) {
                struct pl_tile t = {.level = level, .index = indexes[i], .width = width}, back;
                char path[PL_TILE_PATH_MAX];
                assert_ok(pl_tile_path(&t, path, &err), err);
                assert_ok(pl_tile_parse(pl_str(path), &back, &err), err);
                assert_tile(&back, &t);
            }
        }
    }
}

static void path_refuses_tiles_that_cannot_be(void **state)
{
    static const struct pl_tile bad[] = {
        {.level = 0, .index = 0, .width = 0},
        {.level = 0, .index = 0, .width = 257},
        {.level = 8, .index = 0, .width = 1},
        {.level = 7, .index = 1, .width = 1},
        {.level = 1, .index = UINT64_C(1) << 48, .width = 1},
        {.level = 0, .index = UINT64_C(1) << 56, .width = 1},
        {.level = 0, .index = UINT64_MAX, .width = 256},
        {.entries = true, .level = 1, .index = 0, .width = 1},
    };
    char path[PL_TILE_PATH_MAX] = "untouched";

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_fails(pl_tile_path(&bad[i], path, &err), PL_EINVAL, "out of range", err);
        assert_string_equal(path, "untouched");
    }
}

static void parse_refuses_every_other_spelling(void **state)
{
    static const char *const bad[] = {
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tiles/0/000",
        "Tile/0/000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/8/000",
        "tile/64/000",
        "tile//000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/+01",
        "tile/0/ 01",
        "tile/0/x000/123",
        "tile/0/x000/x001/000",
        "tile/0/x1/000",
        "tile/0/x0001/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/-1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1 ",
        "tile/0/000.P/1",
        "tile/0/000p/1",
        "tile/0/x001.p/000",
        "tile/0/%300",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/7/001",
        "tile/entries",
        "tile/entries/",
        "tile/entries/0/000",
        "tile/entries/x000/000",
        "tile/entries/000.p/256",
        "tile/Entries/000",
        "tile/data/000",
    };
    struct pl_tile t = {.level = 3, .index = 4, .width = 5}, before = t;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        enum pl_code rc = pl_tile_parse(pl_str(bad[i]), &t, &err);
        if (rc != PL_EINVAL)
            fail_msg("\"%s\" gave %s", bad[i], pl_code_name(rc));
        assert_tile(&t, &before);
    }
    /* NUL inside, and one that is a prefix of a good path in memory only. */
    assert_fails(pl_tile_parse(pl_bytes("tile/0/000\0", 11), &t, &err), PL_EINVAL, "tile path",
                 err);
    assert_fails(pl_tile_parse(pl_bytes("tile/0/000", 9), &t, &err), PL_EINVAL, "tile path", err);
    assert_fails(pl_tile_parse(pl_str("tile/0/x000/123"), &t, &err), PL_EINVAL,
                 "must be written \"tile/0/123\"", err);
}

static void widths_are_those_of_the_table(void **state)
{
    static const struct {
        uint64_t size;
        unsigned level;
        uint64_t full;    /* number of full tiles */
        unsigned partial; /* width of the one behind them, 0 = none */
    } table[] = {
        {0, 0, 0, 0},
        {1, 0, 0, 1},
        {1, 1, 0, 0},
        {255, 0, 0, 255},
        {255, 1, 0, 0},
        {256, 0, 1, 0},
        {256, 1, 0, 1},
        {257, 0, 1, 1},
        {257, 1, 0, 1},
        {65535, 0, 255, 255},
        {65535, 1, 0, 255},
        {65535, 2, 0, 0},
        {65536, 0, 256, 0},
        {65536, 1, 1, 0},
        {65536, 2, 0, 1},
        {70000, 0, 273, 112},
        {70000, 1, 1, 17},
        {70000, 2, 0, 1},
        {4026479, 0, 15728, 111},
        {4026479, 1, 61, 112},
        {4026479, 2, 0, 61},
        {UINT64_C(1) << 63, 7, 0, 128},
        {UINT64_C(1) << 63, 6, 128, 0},
        {UINT64_MAX, 7, 0, 255},
        {UINT64_MAX, 0, UINT64_MAX / 256, 255},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        if (table[i].full > 0) {
            assert_int_equal(pl_tile_width(table[i].level, 0, table[i].size), 256);
            assert_int_equal(pl_tile_width(table[i].level, table[i].full - 1, table[i].size), 256);
        }
        assert_int_equal(pl_tile_width(table[i].level, table[i].full, table[i].size),
                         table[i].partial);
        assert_int_equal(pl_tile_width(table[i].level, table[i].full + 1, table[i].size), 0);
    }
    /* A shift by 64 is undefined in C; level 8 has nothing. */
    assert_int_equal(pl_tile_width(8, 0, UINT64_MAX), 0);
    assert_int_equal(pl_tile_width(63, 0, UINT64_MAX), 0);
}

/* Every complete node of every small tree, and those of the big one's edge, out of its own tile. */
static void check_node(const struct ref_tree *tree, struct pl_node node, uint64_t size)
{
    struct pl_tile t;
    struct pl_hash got;

    assert_ok(pl_tile_of_node(&node, size, &t, &err), err);
    assert_false(t.entries);
    assert_int_equal(t.level, node.level / 8);
    assert_int_equal(t.width, pl_tile_width(t.level, t.index, size));
    assert_true(t.width > 0);
    const struct pl_hash *hashes = &tree->level[8 * t.level][256 * t.index];
    assert_ok(pl_tile_node_hash(&t, hashes, &node, &got, &err), err);
    assert_memory_equal(got.b, tree->level[node.level][node.index].b, 32);
}

static void nodes_come_out_of_their_tiles(void **state)
{
    struct ref_tree tree;

    (void)state;
    ref_tree_init(&tree, BIG);
    for (uint64_t size = 1; size <= 600; size += size < 20 ? 1 : 29) {
        for (unsigned k = 0; size >> k != 0; k++) {
            for (uint64_t i = 0; i < size >> k; i++)
                check_node(&tree, (struct pl_node){k, i}, size);
        }
    }
    for (unsigned k = 0; BIG >> k != 0; k++) {
        check_node(&tree, (struct pl_node){k, 0}, BIG);
        if (k < 16)
            check_node(&tree, (struct pl_node){k, (UINT64_C(12345) >> k) ^ 1}, BIG);
        check_node(&tree, (struct pl_node){k, (BIG >> k) - 1}, BIG);
    }
    /* The table of the 12345-in-70000 proof. */
    struct pl_tile t;
    assert_ok(pl_tile_of_node(&(struct pl_node){7, 97}, BIG, &t, &err), err);
    assert_tile(&t, &(struct pl_tile){.level = 0, .index = 48, .width = 256});
    assert_ok(pl_tile_of_node(&(struct pl_node){15, 1}, BIG, &t, &err), err);
    assert_tile(&t, &(struct pl_tile){.level = 1, .index = 0, .width = 256});
    assert_ok(pl_tile_of_node(&(struct pl_node){12, 16}, BIG, &t, &err), err);
    assert_tile(&t, &(struct pl_tile){.level = 1, .index = 1, .width = 17});
    assert_ok(pl_tile_of_node(&(struct pl_node){4, 4374}, BIG, &t, &err), err);
    assert_tile(&t, &(struct pl_tile){.level = 0, .index = 273, .width = 112});
    ref_tree_free(&tree);
}

static void tile_bytes_are_the_known_ones(void **state)
{
    static const struct {
        unsigned level;
        uint64_t index;
        unsigned width;
        const char *sha256;
    } table[] = {
        {0, 0, 256, "8921c57d2f65271c82bf0f686c002793863c80c8d1cbbbf5db6046ff59e8b590"},
        {1, 0, 256, "3f2180f39b716a1f9ba5b330e55deac1781861f2854c705884f31806688285e0"},
        {0, 273, 112, "41c090f240cc1bbcec93391099da9f3bde6e87927975e789b8f7794061b27f1d"},
        {1, 1, 17, "e7be92bf44b56bfc274e384835c09a9b949542f7ef3bed21a46195a871173926"},
    };
    struct ref_tree tree;

    (void)state;
    ref_tree_init(&tree, BIG);
    for (size_t i = 0; i < COUNT(table); i++) {
        struct pl_hash got, want;
        assert_int_equal(pl_tile_width(table[i].level, table[i].index, BIG), table[i].width);
        pl_sha256(pl_bytes(&tree.level[8 * table[i].level][256 * table[i].index],
                           table[i].width * sizeof(struct pl_hash)),
                  &got);
        assert_true(pl_hex_decode(pl_str(table[i].sha256), want.b, 32));
        assert_memory_equal(got.b, want.b, 32);
    }
    ref_tree_free(&tree);
}

static void nodes_that_are_not_there_are_refused(void **state)
{
    static const struct {
        struct pl_node node;
        uint64_t size;
    } bad[] = {
        {{0, 0}, 0},           {{0, 8}, 8},           {{3, 0}, 7},   {{1, 3}, 7},
        {{64, 0}, UINT64_MAX}, {{63, 1}, UINT64_MAX}, {{200, 0}, 1}, {{0, UINT64_MAX}, UINT64_MAX},
    };
    struct pl_tile t = {.width = 9}, before = t;
    struct pl_hash hashes[256] = {0}, got;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_fails(pl_tile_of_node(&bad[i].node, bad[i].size, &t, &err), PL_EINVAL,
                     "not complete", err);
        assert_tile(&t, &before);
    }
    assert_ok(pl_tile_of_node(&(struct pl_node){63, 0}, UINT64_C(1) << 63, &t, &err), err);
    assert_tile(&t, &(struct pl_tile){.level = 7, .index = 0, .width = 128});

    /* A node of another tile, of another level, or beyond the width. */
    t = (struct pl_tile){.level = 1, .index = 2, .width = 5};
    assert_ok(pl_tile_node_hash(&t, hashes, &(struct pl_node){9, 257}, &got, &err), err);
    assert_fails(pl_tile_node_hash(&t, hashes, &(struct pl_node){9, 258}, &got, &err), PL_EINVAL,
                 "is not in tile", err);
    assert_fails(pl_tile_node_hash(&t, hashes, &(struct pl_node){8, 517}, &got, &err), PL_EINVAL,
                 "is not in tile", err);
    assert_fails(pl_tile_node_hash(&t, hashes, &(struct pl_node){8, 256}, &got, &err), PL_EINVAL,
                 "is not in tile", err);
    assert_fails(pl_tile_node_hash(&t, hashes, &(struct pl_node){0, 512}, &got, &err), PL_EINVAL,
                 "is not in tile", err);
    t.entries = true;
    t.level = 0;
    assert_fails(pl_tile_node_hash(&t, hashes, &(struct pl_node){0, 512}, &got, &err), PL_EINVAL,
                 "is not in tile", err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_those_of_the_specification),
        cmocka_unit_test(paths_round_trip_at_every_level_and_width),
        cmocka_unit_test(path_refuses_tiles_that_cannot_be),
        cmocka_unit_test(parse_refuses_every_other_spelling),
        cmocka_unit_test(widths_are_those_of_the_table),
        cmocka_unit_test(nodes_come_out_of_their_tiles),
        cmocka_unit_test(tile_bytes_are_the_known_ones),
        cmocka_unit_test(nodes_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests_name("tile", tests, NULL, NULL);
}
