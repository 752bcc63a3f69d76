/* SPDX-License-Identifier: Apache-2.0 */
/* test_enc.c - hex, base64 and PEM: round trips, and every way to be refused. */
#include "core/base/enc.h"

#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void hex_goes_both_ways(void **state)
{
    uint8_t all[256], back[256];
    char text[513];
    struct pl_buf b;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    pl_hex_encode(pl_bytes(all, 256), text);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_int_equal(strlen(text), 512);
    assert_true(pl_hex_decode(pl_str(text), back, 256));
    assert_memory_equal(all, back, 256);
    assert_true(pl_hex_decode(PL_LIT("aBcD"), back, 2));
    assert_memory_equal(back, "\xab\xcd", 2);
    pl_buf_init(&b, 10);
    pl_buf_add_hex(&b, PL_LIT("\x01\xfe"));
    assert_string_equal(pl_buf_cstr(&b), "01fe");
    pl_buf_add_hex(&b, pl_bytes(all, 256));
    assert_false(pl_buf_ok(&b));
    pl_buf_free(&b);
}

static void hex_refuses(void **state)
{
    uint8_t out[4] = {7, 7, 7, 7};

    (void)state;
    assert_false(pl_hex_decode(PL_LIT("abc"), out, 1));
    assert_false(pl_hex_decode(PL_LIT("abcd"), out, 1));
    assert_false(pl_hex_decode(PL_LIT("ab"), out, 2));
    assert_false(pl_hex_decode(PL_LIT("0x12"), out, 2));
    assert_false(pl_hex_decode(PL_LIT("12g4"), out, 2));
    assert_false(pl_hex_decode(PL_LIT(" 12 "), out, 2));
    assert_memory_equal(out, "\7\7\7\7", 4); /* untouched */
    assert_true(pl_hex_decode(pl_bytes(NULL, 0), out, 0));
    for (int c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        bool want = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;

        assert_int_equal(pl_is_hex(pl_bytes(&byte, 1)), want);
    }
    assert_false(pl_is_hex(pl_bytes(NULL, 0)));
}

/* RFC 4648 section 10. */
static const struct {
    const char *plain, *base64;
} rfc4648[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void base64_agrees_with_rfc_4648(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rfc4648); i++) {
        struct pl_buf b;
        uint8_t out[8];
        size_t n;

        pl_buf_init(&b, 100);
        pl_buf_add_base64(&b, pl_str(rfc4648[i].plain));
        assert_string_equal(pl_buf_cstr(&b), rfc4648[i].base64);
        assert_true(pl_base64_decode(pl_str(rfc4648[i].base64), PL_BASE64_STD, out, &n));
        assert_bytes(pl_bytes(out, n), pl_str(rfc4648[i].plain));
        pl_buf_free(&b);
    }
}

static void base64_goes_both_ways_for_all_lengths(void **state)
{
    struct pl_arena arena;
    uint8_t in[260], out[400];
    uint32_t seed = 1;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t n = 0; n < sizeof(in); n++) {
        for (int form = PL_BASE64_STD; form <= PL_BASE64_URL_NOPAD; form++) {
            struct pl_buf b;
            struct pl_bytes text;
            size_t got;

            pl_buf_init_arena(&b, &arena, 1000);
            pl_buf_add_base64_as(&b, pl_bytes(in, n), (enum pl_base64)form);
            text = pl_buf_bytes(&b);
            if (form != PL_BASE64_URL_NOPAD)
                assert_int_equal(text.n, PL_BASE64_LEN(n));
            assert_true(pl_base64_decode(text, (enum pl_base64)form, out, &got));
            assert_bytes(pl_bytes(out, got), pl_bytes(in, n));
            if (form == PL_BASE64_STD)
                assert_bytes(pl_base64_arena(pl_bytes(in, n), &arena), text);
        }
        pl_arena_reset(&arena);
    }
    pl_arena_free(&arena);
}

/* Of all texts of four characters exactly those decode that encode to themselves again. */
static void base64_has_one_spelling(void **state)
{
    static const char chars[] = "AQgwBZ+/-_= \n\r\t9z*\x80\xff\0";
    size_t accepted = 0;

    (void)state;
    for (size_t i = 0; i < 21 * 21 * 21 * 21; i++) {
        uint8_t text[4], out[3];
        size_t n;

        for (size_t k = 0, v = i; k < 4; k++, v /= 21)
            text[k] = (uint8_t)chars[v % 21];
        for (int form = PL_BASE64_STD; form <= PL_BASE64_URL_NOPAD; form++) {
            struct pl_buf b;

            if (!pl_base64_decode(pl_bytes(text, 4), (enum pl_base64)form, out, &n))
                continue;
            accepted++;
            pl_buf_init(&b, 8);
            pl_buf_add_base64_as(&b, pl_bytes(out, n), (enum pl_base64)form);
            assert_bytes(pl_buf_bytes(&b), pl_bytes(text, 4));
            pl_buf_free(&b);
        }
    }
    /* 10 characters of each alphabet: 10^4 without padding three times; twice with "x=" where the
     * last 2 bits are zero (A, Q, g, w and + or - no), "==" where 4 are. */
    assert_true(accepted > 3 * 10000);
}

static void base64_refuses(void **state)
{
    static const char *const bad[] = {
        "Z",        "Zg",     "Zg=",       "Zg===", "====", "=",    "Zh==",     "Zm9=", "Zm8=Zm8=",
        "Zg==Zg==", "Zm9v\n", "Zm9v Zm9v", " Zm9v", "Zm9-", "Zm9_", "Zm9v====", "Z===", "Zm=v",
    };
    struct pl_arena arena;
    struct pl_bytes out;
    struct pl_err err;
    uint8_t room[16];
    size_t n = 77;

    (void)state;
    pl_arena_init(&arena, 4096);
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (pl_base64_decode(pl_str(bad[i]), PL_BASE64_STD, room, &n))
            fail_msg("accepted \"%s\"", bad[i]);
        assert_fails(
            pl_base64_decode_arena(pl_str(bad[i]), PL_BASE64_STD, "spec.x", &arena, &out, &err),
            PL_EINVAL, "spec.x is not valid base64 (standard alphabet, padded", err);
    }
    assert_int_equal(n, 77);
    assert_false(pl_base64_decode(PL_LIT("Zm9+"), PL_BASE64_URL, room, &n));
    assert_false(pl_base64_decode(PL_LIT("Zg=="), PL_BASE64_URL_NOPAD, room, &n));
    assert_false(pl_base64_decode(PL_LIT("Zh"), PL_BASE64_URL_NOPAD, room, &n));
    assert_false(pl_base64_decode(PL_LIT("Z"), PL_BASE64_URL_NOPAD, room, &n));
    assert_false(pl_base64_decode(pl_bytes("Zm9vQA", 5), PL_BASE64_URL_NOPAD, room, &n));
    assert_true(pl_base64_decode(PL_LIT("Zg"), PL_BASE64_URL_NOPAD, room, &n));
    assert_ok(pl_base64_decode_arena(PL_LIT(""), PL_BASE64_STD, "x", &arena, &out, &err), err);
    assert_int_equal(out.n, 0);
    assert_fails(
        pl_base64_decode_arena(pl_bytes("", 100000), PL_BASE64_STD, "x", &arena, &out, &err),
        PL_ENOMEM, "x: out of memory", err);
    pl_arena_free(&arena);
}

static void pem_is_written_in_64_columns(void **state)
{
    struct pl_buf b;
    uint8_t der[49] = {0};

    (void)state;
    pl_buf_init(&b, 1000);
    pl_buf_add_pem(&b, "X Y", pl_bytes(der, 49));
    assert_string_equal(pl_buf_cstr(&b),
                        "-----BEGIN X Y-----\n"
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                        "AA==\n"
                        "-----END X Y-----\n");
    pl_buf_free(&b);
}

static void pem_blocks_are_read_one_by_one(void **state)
{
    struct pl_arena arena;
    struct pl_err err;
    struct pl_pem pem;
    struct pl_bytes in = PL_LIT("text before\n -----BEGIN NOT AT LINE START-----\n"
                                "-----BEGIN A-----\r\nQUJD\r\nREVG\r\n-----END A-----\r\n"
                                "between\n"
                                "-----BEGIN B C-----\nQ\nUJD\n\n-----END B C-----\t");

    (void)state;
    pl_arena_init(&arena, 4096);
    assert_ok(pl_pem_next(&in, &arena, &pem, &err), err);
    assert_bytes(pem.label, PL_LIT("A"));
    assert_bytes(pem.der, PL_LIT("ABCDEF"));
    assert_true(pl_bytes_has_prefix(in, "between"));
    assert_ok(pl_pem_next(&in, &arena, &pem, &err), err);
    assert_bytes(pem.label, PL_LIT("B C"));
    assert_bytes(pem.der, PL_LIT("ABC"));
    assert_int_equal(in.n, 0);
    assert_fails(pl_pem_next(&in, &arena, &pem, &err), PL_ENOTFOUND, "failure decoding PEM", err);
    pl_arena_free(&arena);
}

static void pem_refuses(void **state)
{
    static const struct {
        const char *in, *why;
    } bad[] = {
        {"-----BEGIN A-----\nQUJD\n-----END B-----\n", "BEGIN A ends with END B"},
        {"-----BEGIN A-----\nQUJD\n", "no \"-----END A-----\" line"},
        {"-----BEGIN A-----\nQUJD\n-----END A----\n", "no \"-----END A-----\" line"},
        {"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nQUJD\n-----END A-----\n", "headers"},
        {"-----BEGIN A-----\nQU JD\n-----END A-----\n", "not valid base64"},
        {"-----BEGIN A-----\nQUJ\n-----END A-----\n", "not valid base64"},
        {"-----BEGIN A-----\nQUI=\nQUJD\n-----END A-----\n", "not valid base64"},
    };
    struct pl_arena arena;
    struct pl_err err;
    struct pl_pem pem;

    (void)state;
    pl_arena_init(&arena, 4096);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct pl_bytes in = pl_str(bad[i].in);

        assert_fails(pl_pem_next(&in, &arena, &pem, &err), PL_EINVAL, bad[i].why, err);
        assert_ptr_equal(in.p, bad[i].in); /* not advanced */
    }
    pl_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_refuses),
        cmocka_unit_test(base64_agrees_with_rfc_4648),
        cmocka_unit_test(base64_goes_both_ways_for_all_lengths),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(pem_is_written_in_64_columns),
        cmocka_unit_test(pem_blocks_are_read_one_by_one),
        cmocka_unit_test(pem_refuses),
    };

    return cmocka_run_group_tests_name("enc", tests, NULL, NULL);
}
