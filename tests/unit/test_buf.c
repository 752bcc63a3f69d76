/* SPDX-License-Identifier: Apache-2.0 */
/* test_buf.c - views, bounded buffers, cursors, error texts. */
#include "core/base/arena.h"

#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void compares_views(void **state)
{
    (void)state;
    assert_true(pl_bytes_eq(pl_bytes(NULL, 0), PL_LIT("")));
    assert_false(pl_bytes_eq(PL_LIT("ab"), PL_LIT("ac")));
    assert_false(pl_bytes_eq(PL_LIT("ab"), PL_LIT("abc")));
    assert_true(pl_bytes_eq_str(PL_LIT("ab"), "ab"));
    assert_false(pl_bytes_eq_str(pl_bytes("a\0b", 3), "a"));
    assert_true(pl_bytes_has_prefix(PL_LIT("abc"), "ab"));
    assert_true(pl_bytes_has_prefix(pl_bytes(NULL, 0), ""));
    assert_false(pl_bytes_has_prefix(PL_LIT("a"), "ab"));
    assert_true(pl_bytes_cmp(PL_LIT("a"), PL_LIT("b")) < 0);
    assert_true(pl_bytes_cmp(PL_LIT("\xff"), PL_LIT("a")) > 0);
    assert_true(pl_bytes_cmp(PL_LIT("ab"), PL_LIT("a")) > 0);
    assert_true(pl_bytes_cmp(pl_bytes(NULL, 0), PL_LIT("")) == 0);
    assert_bytes(pl_bytes_trim(PL_LIT(" \r\n\ta b\v \n")), PL_LIT("a b\v"));
    assert_int_equal(pl_bytes_trim(PL_LIT(" \n ")).n, 0);
}

/* Decodes by the definition in RFC 3629, the slow way. */
static bool reference_utf8(const uint8_t *p, size_t n)
{
    size_t i = 0;

    while (i < n) {
        uint32_t code = p[i];
        size_t more = code < 0x80 ? 0 : code < 0xc0 ? 9 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

        if (more == 9 || code > 0xf7 || more > n - i - 1)
            return false;
        code &= more == 0 ? 0x7f : 0x3fU >> more;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] < 0x80 || p[i + k] > 0xbf)
                return false;
            code = code << 6 | (p[i + k] & 0x3fU);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static void utf8_agrees_with_its_definition(void **state)
{
    /* Around every boundary of RFC 3629's table. */
    static const uint8_t edge[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                   0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                   0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    uint8_t x[4];
    size_t valid = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(edge) * COUNT(edge) * COUNT(edge) * COUNT(edge); i++) {
        for (size_t k = 0, v = i; k < 4; k++, v /= COUNT(edge))
            x[k] = edge[v % COUNT(edge)];
        for (size_t n = 1; n <= 4; n++) {
            bool want = reference_utf8(x, n);

            valid += want;
            if (pl_utf8_valid(pl_bytes(x, n)) != want)
                fail_msg("%02x %02x %02x %02x, %zu bytes: want %d", x[0], x[1], x[2], x[3], n,
                         want);
        }
    }
    assert_true(valid > 1000);
    assert_true(pl_utf8_valid(PL_LIT("eight by\xc3\xa9 eight by\xf0\x9f\x98\x80 eight")));
    assert_false(pl_utf8_valid(PL_LIT("eight by eight\xc3")));
}

static void a_buffer_grows_to_its_maximum(void **state)
{
    struct pl_buf b;
    struct pl_err err;

    (void)state;
    pl_buf_init(&b, 300);
    for (int i = 0; i < 300; i++)
        pl_buf_add_byte(&b, (uint8_t)i);
    assert_true(pl_buf_ok(&b));
    assert_int_equal(b.n, 300);
    for (int i = 0; i < 300; i++)
        assert_int_equal(b.p[i], (uint8_t)i);
    assert_ok(pl_buf_check(&b, "thing", &err), err);
    assert_int_equal(strlen(pl_buf_cstr(&b)), 0); /* begins with a NUL; room for the last one */
    assert_int_equal(b.n, 300);
    pl_buf_add_byte(&b, 1);
    assert_false(pl_buf_ok(&b));
    assert_int_equal(b.n, 0);
    pl_buf_add_str(&b, "x"); /* stays failed */
    assert_int_equal(b.n, 0);
    assert_string_equal(pl_buf_cstr(&b), "");
    assert_null(pl_buf_reserve(&b, 1));
    assert_fails(pl_buf_check(&b, "thing", &err), PL_ETOOBIG,
                 "thing is larger than the maximum of 300 bytes", err);
    pl_buf_reset(&b);
    pl_buf_add_str(&b, "again");
    assert_string_equal(pl_buf_cstr(&b), "again");
    pl_buf_free(&b);
    pl_buf_free(&b);
    pl_buf_free(NULL);
}

static void a_buffer_formats(void **state)
{
    struct pl_buf b;

    (void)state;
    pl_buf_init(&b, 1000);
    pl_buf_add_u64(&b, 0);
    pl_buf_add_byte(&b, ' ');
    pl_buf_add_u64(&b, UINT64_MAX);
    pl_buf_add_byte(&b, ' ');
    pl_buf_add_i64(&b, INT64_MIN);
    pl_buf_add_byte(&b, ' ');
    pl_buf_add_i64(&b, INT64_MAX);
    pl_buf_addf(&b, " %s-%d", "x", 5);
    pl_buf_add_bytes(&b, pl_bytes(NULL, 0));
    assert_string_equal(pl_buf_cstr(&b), "0 18446744073709551615 -9223372036854775808 "
                                         "9223372036854775807 x-5");
    pl_buf_free(&b);

    pl_buf_init(&b, 5);
    pl_buf_addf(&b, "%s", "12345");
    assert_string_equal(pl_buf_cstr(&b), "12345");
    pl_buf_addf(&b, "%s", "6");
    assert_false(pl_buf_ok(&b));
    pl_buf_free(&b);
}

static void a_reserve_beyond_size_max_fails(void **state)
{
    struct pl_buf b;
    struct pl_err err;

    (void)state;
    pl_buf_init(&b, SIZE_MAX);
    pl_buf_add_byte(&b, 'x');
    assert_null(pl_buf_reserve(&b, SIZE_MAX - 1));
    assert_fails(pl_buf_check(&b, "thing", &err), PL_ENOMEM, "thing: out of memory", err);
    pl_buf_free(&b);
}

static void a_buffer_can_live_in_an_arena(void **state)
{
    struct pl_arena arena;
    struct pl_buf b, secret;
    struct pl_err err;

    (void)state;
    pl_arena_init(&arena, 4096);
    pl_buf_init_arena(&b, &arena, 100000);
    pl_buf_init_arena(&secret, &arena, 100000);
    secret.secret = true;
    for (int i = 0; i < 300; i++) {
        pl_buf_add_u64(&b, (uint64_t)i % 10);
        pl_buf_add_byte(&secret, (uint8_t)i);
    }
    assert_int_equal(b.n, 300);
    assert_int_equal(b.p[299], '9');
    assert_int_equal(secret.n, 300);
    assert_int_equal(secret.p[299], 299 - 256);
    for (int i = 0; i < 10000; i++)
        pl_buf_add_byte(&b, 'x');
    assert_fails(pl_buf_check(&b, "thing", &err), PL_ENOMEM, "out of memory", err);
    pl_arena_free(&arena);
}

static void a_secret_buffer_keeps_its_content_when_it_moves(void **state)
{
    struct pl_buf b;

    (void)state;
    pl_buf_init(&b, 10000);
    b.secret = true;
    for (int i = 0; i < 5000; i++)
        pl_buf_add_byte(&b, (uint8_t)i);
    assert_int_equal(b.n, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(b.p[i], (uint8_t)i);
    pl_buf_reset(&b);
    for (int i = 0; i < 5000; i++) /* wiped, still ours */
        assert_int_equal(b.p[i], 0);
    pl_buf_free(&b);
}

static void cursors_read_big_endian_and_stay_on_failure(void **state)
{
    struct pl_reader r =
        pl_reader(pl_bytes("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
                           "ab\ncd",
                           21));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    struct pl_bytes x;

    (void)state;
    assert_true(pl_read_u8(&r, &u8) && pl_read_u16(&r, &u16) && pl_read_u32(&r, &u32) &&
                pl_read_u64(&r, &u64));
    assert_int_equal(u8, 1);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(u32, 0x04050607);
    assert_int_equal(u64, 0x08090a0b0c0d0e0f);
    assert_true(pl_read_u8(&r, &u8));
    assert_false(pl_read_u64(&r, &u64));
    assert_false(pl_read_bytes(&r, 6, &x));
    assert_true(pl_read_until(&r, '\n', &x));
    assert_bytes(x, PL_LIT("ab"));
    assert_false(pl_read_until(&r, '\n', &x));
    assert_bytes(r.left, PL_LIT("cd"));
    assert_true(pl_read_bytes(&r, 2, &x));
    assert_true(pl_read_bytes(&r, 0, &x));
    assert_false(pl_read_u8(&r, &u8));
    assert_false(pl_read_until(&r, 'd', &x));
}

static void errors_carry_code_place_and_context(void **state)
{
    struct pl_err err;
    char path[700];

    (void)state;
    assert_int_equal(PL_FAIL_CAUSE(&err, PL_EIO, 28, "write %s", "x.db"), PL_EIO);
    assert_int_equal(err.code, PL_EIO);
    assert_int_equal(err.cause, 28);
    assert_non_null(strstr(err.file, "test_buf.c"));
    assert_int_equal(pl_err_wrap(&err, "append %d", 7), PL_EIO);
    assert_string_equal(err.text, "append 7: write x.db");
    assert_int_equal(PL_FAIL(&err, PL_EINVAL, "again: %s", err.text), PL_EINVAL); /* of itself */
    assert_string_equal(err.text, "again: append 7: write x.db");
    assert_int_equal(err.cause, 0);
    memset(path, 'y', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(PL_FAIL(&err, PL_EINVAL, "%s", path), PL_EINVAL);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_string_equal(err.text + sizeof(err.text) - 6, "yy...");
    pl_err_wrap(&err, "z");
    assert_memory_equal(err.text, "z: yyy", 6);
    assert_string_equal(err.text + sizeof(err.text) - 6, "yy...");
    pl_err_clear(&err);
    assert_int_equal(err.code, PL_OK);
    assert_string_equal(err.text, "");
    for (int i = 0; i < PL_CODE_COUNT; i++)
        assert_memory_equal(pl_code_name((enum pl_code)i), "PL_", 3);
    assert_string_equal(pl_code_name(PL_CODE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_views),
        cmocka_unit_test(utf8_agrees_with_its_definition),
        cmocka_unit_test(a_buffer_grows_to_its_maximum),
        cmocka_unit_test(a_buffer_formats),
        cmocka_unit_test(a_reserve_beyond_size_max_fails),
        cmocka_unit_test(a_buffer_can_live_in_an_arena),
        cmocka_unit_test(a_secret_buffer_keeps_its_content_when_it_moves),
        cmocka_unit_test(cursors_read_big_endian_and_stay_on_failure),
        cmocka_unit_test(errors_carry_code_place_and_context),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
