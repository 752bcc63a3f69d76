/* SPDX-License-Identifier: Apache-2.0 */
/* test_router.c - path cleaning, percent-decoding, the table, queries and Accept. */
#include "server/router.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static void nothing(struct pl_req *req)
{
    (void)req;
}

static const struct pl_route TABLE[] = {
    {"/", PL_GET, 0, nothing, 0},
    {"/ping", PL_GET, 0, nothing, PL_ROUTE_ANY_CASE},
    {"/log/entries", PL_POST, 0, nothing, 0},
    {"/log/entries", PL_GET, 0, nothing, 0},
    {"/log/entries/{id}", PL_GET, 0, nothing, 0},
    {"/log/entries/retrieve", PL_POST, 0, nothing, 0},
    {"/a/{x}/b/{y}", PL_PUT, 0, nothing, 0},
    {"/a/fixed/b/{y}", PL_PUT, 0, nothing, 0},
    {NULL, 0, 0, NULL, 0},
};

static void set_up(struct pl_req *req)
{
    memset(req, 0, sizeof(*req));
    pl_arena_init(&req->arena, 1 << 16);
}

static void path_cleaning(void **state)
{
    static const struct {
        const char *in, *want;
    } ROWS[] = {
        {"/", "/"},
        {"//", "/"},
        {"/a", "/a"},
        {"/a/", "/a"},
        {"//a//b//", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/../..", "/"},
        {"/a/b/..", "/a"},
        {"/a/b/../..", "/"},
        {"/.", "/"},
        {"/..a/.b", "/..a/.b"},
        {"/a/%2e%2e/b", "/a/%2e%2e/b"},
        {"/a/b/../../../c/", "/c"},
        {"*", "*"},
    };
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
        assert_bytes(pl_path_clean(pl_str(ROWS[i].in), &arena), pl_str(ROWS[i].want));
    pl_arena_free(&arena);
}

static void percent_decoding(void **state)
{
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 16);
    assert_bytes(pl_percent_decode(PL_LIT("a%2Fb%3a"), false, &arena), PL_LIT("a/b:"));
    assert_bytes(pl_percent_decode(PL_LIT("a+b"), false, &arena), PL_LIT("a+b"));
    assert_bytes(pl_percent_decode(PL_LIT("a+b%2B"), true, &arena), PL_LIT("a b+"));
    assert_bytes(pl_percent_decode(PL_LIT("%ff"), false, &arena), PL_LIT("\xff"));
    assert_bytes(pl_percent_decode(PL_LIT("%252f"), false, &arena), PL_LIT("%2f")); /* once */
    pl_arena_free(&arena);
}

static void routes_are_found(void **state)
{
    static const struct {
        enum pl_method method;
        const char *path, *pattern, *param0, *param1;
        unsigned allowed;
    } ROWS[] = {
        {PL_GET, "/", "/", "", "", 0},
        {PL_GET, "/ping", "/ping", "", "", 0},
        {PL_HEAD, "/PING", "/ping", "", "", 0},
        {PL_POST, "/ping", NULL, "", "", PL_GET | PL_HEAD},
        {PL_GET, "/log/entries", "/log/entries", "", "", 0},
        {PL_DELETE, "/log/entries", NULL, "", "", PL_GET | PL_HEAD | PL_POST},
        {PL_GET, "/Log/entries", NULL, "", "", 0},
        {PL_GET, "/log/entries/24296fb2", "/log/entries/{id}", "24296fb2", "", 0},
        {PL_GET, "/log/entries/retrieve", "/log/entries/{id}", "retrieve", "", 0},
        {PL_POST, "/log/entries/retrieve", "/log/entries/retrieve", "", "", 0},
        {PL_GET, "/log/entries/a/b", NULL, "", "", 0},
        {PL_GET, "/log", NULL, "", "", 0},
        {PL_PUT, "/a/1/b/%32", "/a/{x}/b/{y}", "1", "2", 0},
        {PL_PUT, "/a/fixed/b/2", "/a/fixed/b/{y}", "2", "", 0},
        {PL_GET, "/a/fixed/b/2", NULL, "", "", PL_PUT},
        {PL_OTHER_METHOD, "/", NULL, "", "", PL_GET | PL_HEAD},
    };
    struct pl_req req;

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        unsigned allowed = 99;
        set_up(&req);
        req.method = ROWS[i].method;
        req.path = pl_str(ROWS[i].path);
        bool found = pl_route_find(&req, TABLE, &allowed);
        assert_int_equal(found, ROWS[i].pattern != NULL);
        if (found)
            assert_string_equal(req.route->pattern, ROWS[i].pattern);
        else
            assert_int_equal(allowed, ROWS[i].allowed);
        assert_bytes(req.params[0], pl_str(ROWS[i].param0));
        assert_bytes(req.params[1], pl_str(ROWS[i].param1));
        pl_arena_free(&req.arena);
    }
}

static void methods_are_listed(void **state)
{
    char text[PL_METHODS_TEXT_MAX];

    (void)state;
    assert_string_equal(pl_methods_text(PL_POST | PL_GET | PL_HEAD, text), "GET,POST");
    assert_string_equal(pl_methods_text(0, text), "");
    assert_string_equal(pl_methods_text(127, text), "GET,POST,PUT,DELETE,OPTIONS");
    assert_int_equal(pl_method_parse(PL_LIT("DELETE")), PL_DELETE);
    assert_int_equal(pl_method_parse(PL_LIT("get")), PL_OTHER_METHOD);
    assert_string_equal(pl_method_name(PL_OTHER_METHOD), "OTHER");
}

static void tables_are_joined_in_order(void **state)
{
    static const struct pl_route OTHER[] = {{"/x", PL_GET, 7, nothing, 1}, {NULL, 0, 0, NULL, 0}};
    const struct pl_route *const tables[] = {OTHER, TABLE};
    struct pl_route *all = pl_routes_join(tables, 2);

    (void)state;
    assert_non_null(all);
    assert_string_equal(all[0].pattern, "/x");
    assert_int_equal(all[0].body_max, 7);
    assert_string_equal(all[1].pattern, "/");
    assert_null(all[sizeof(TABLE) / sizeof(TABLE[0])].pattern);
    free(all);
}

static void queries(void **state)
{
    static const struct {
        const char *query, *want; /* NULL: absent */
    } ROWS[] = {
        {"", NULL},           {"k=1", "1"},     {"k=1&k=2", "2"},   {"k=", NULL},
        {"k", NULL},          {"k=1&k=", NULL}, {"a=1&k=2&b", "2"}, {"kk=1", NULL},
        {"%6b=a%26b", "a&b"}, {"k=a+b", "a b"}, {"&&k=1&&", "1"},   {"k=a=b", "a=b"},
    };
    struct pl_req req;

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct pl_bytes got = {NULL, 0};
        set_up(&req);
        req.query = pl_str(ROWS[i].query);
        assert_int_equal(pl_req_query(&req, "k", &got), ROWS[i].want != NULL);
        assert_bytes(got, pl_str(ROWS[i].want));
        pl_arena_free(&req.arena);
    }
}

static void accept_headers(void **state)
{
    static const struct {
        const char *accept[2];
        bool want;
    } ROWS[] = {
        {{NULL, NULL}, true},
        {{"*/*", NULL}, true},
        {{"", NULL}, true},
        {{"application/json", NULL}, true},
        {{"Application/JSON;charset=utf-8", NULL}, true},
        {{"application/*", NULL}, true},
        {{"text/html, */*;q=0.1", NULL}, true},
        {{"text/html", NULL}, false},
        {{"text/html", "application/json"}, true},
        {{"application/json;q=0", NULL}, false},
        {{"application/json; a=b; q=0.000", NULL}, false},
        {{"application/json;q=0.001", NULL}, true},
        {{"application/jsonx", NULL}, false},
        {{"applicatio/*", NULL}, false},
        {{",,", NULL}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct pl_header headers[2];
        struct pl_req req = {.headers = headers};
        for (size_t j = 0; j < 2 && ROWS[i].accept[j] != NULL; j++)
            headers[req.nheaders++] =
                (struct pl_header){PL_LIT("accept"), pl_str(ROWS[i].accept[j])};
        assert_int_equal(pl_accepts(&req, "application/json"), ROWS[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_cleaning),
        cmocka_unit_test(percent_decoding),
        cmocka_unit_test(routes_are_found),
        cmocka_unit_test(methods_are_listed),
        cmocka_unit_test(tables_are_joined_in_order),
        cmocka_unit_test(queries),
        cmocka_unit_test(accept_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
