/* SPDX-License-Identifier: Apache-2.0 */
/* test_der.c - DER elements: lengths, tags and integers in their only spelling. */
#include "core/crypto/der.h"

#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) pl_bytes((s), sizeof(s) - 1)

static void lengths_have_one_spelling(void **state)
{
    static uint8_t big[70000];
    static const struct {
        size_t head, n;
        uint8_t bytes[6];
    } good[] = {
        {2, 0, {4, 0}},
        {2, 127, {4, 127}},
        {3, 128, {4, 0x81, 128}},
        {3, 255, {4, 0x81, 255}},
        {4, 256, {4, 0x82, 1, 0}},
        {4, 65535, {4, 0x82, 255, 255}},
        {5, 65536, {4, 0x83, 1, 0, 0}},
    };
    static const struct {
        size_t n;
        uint8_t bytes[8];
    } bad[] = {
        {0, {0}},
        {1, {4}},
        {2, {4, 1}},          /* cut */
        {2, {4, 0x80}},       /* indefinite */
        {4, {4, 0x80, 0, 0}}, /* indefinite, ended */
        {4, {4, 0x81, 1, 9}}, /* one byte would do */
        {3, {4, 0x81, 0}},
        {5, {4, 0x82, 0, 1, 9}},          /* leading zero */
        {8, {4, 0x85, 0, 0, 0, 0, 1, 9}}, /* too long a length */
        {3, {4, 0x82, 1}},                /* cut in the length */
        {2, {4, 0xff}},
        {4, {0x1f, 0x21, 1, 9}}, /* tag of several bytes */
    };
    struct pl_reader r;
    struct pl_bytes x;
    uint8_t tag = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        memcpy(big, good[i].bytes, good[i].head);
        r = pl_reader(pl_bytes(big, good[i].head + good[i].n + 1));
        assert_true(pl_der_any(&r, &tag, &x));
        assert_int_equal(tag, 4);
        assert_int_equal(x.n, good[i].n);
        assert_ptr_equal(x.p, big + good[i].head);
        assert_int_equal(r.left.n, 1);
        if (good[i].n != 0) {
            r = pl_reader(pl_bytes(big, good[i].head + good[i].n - 1));
            assert_false(pl_der_any(&r, &tag, &x));
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        r = pl_reader(pl_bytes(bad[i].bytes, bad[i].n));
        if (pl_der_any(&r, &tag, &x))
            fail_msg("row %zu accepted", i);
        assert_ptr_equal(r.left.p, bad[i].bytes); /* not moved */
        assert_int_equal(r.left.n, bad[i].n);
    }
}

static void tags_must_match(void **state)
{
    struct pl_reader r = pl_reader(BYTES("\x04\x01X\x0c\x01Y"));
    struct pl_bytes x;

    (void)state;
    assert_false(pl_der_read(&r, PL_DER_UTF8STRING, &x));
    assert_true(pl_der_read(&r, PL_DER_OCTET_STRING, &x));
    assert_bytes(x, PL_LIT("X"));
    assert_true(pl_der_read(&r, PL_DER_UTF8STRING, &x));
    assert_bytes(x, PL_LIT("Y"));
    assert_int_equal(r.left.n, 0);
    assert_true(pl_der_whole(BYTES("\x0c\x01Y"), PL_DER_UTF8STRING, &x));
    assert_false(pl_der_whole(BYTES("\x0c\x01Yz"), PL_DER_UTF8STRING, &x));
    assert_false(pl_der_whole(BYTES("\x0c\x01Y"), PL_DER_OCTET_STRING, &x));
}

static void integers_are_positive_and_minimal(void **state)
{
    static const struct {
        size_t n;
        const char *bytes;
    } bad[] = {
        {2, "\x02\x00"},         {3, "\x02\x01\x00"},     {3, "\x02\x01\x80"},
        {4, "\x02\x02\x00\x7f"}, {4, "\x02\x02\xff\x01"}, {3, "\x04\x01\x01"},
        {4, "\x02\x02\x00\x00"}, {2, "\x02\x01"},
    };
    struct pl_reader r;
    struct pl_bytes x;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        r = pl_reader(pl_bytes(bad[i].bytes, bad[i].n));
        if (pl_der_positive(&r, &x))
            fail_msg("row %zu accepted", i);
    }
    r = pl_reader(BYTES("\x02\x01\x01\x02\x02\x00\x80\x02\x01\x7f"));
    assert_true(pl_der_positive(&r, &x));
    assert_bytes(x, BYTES("\x01"));
    assert_true(pl_der_positive(&r, &x));
    assert_bytes(x, BYTES("\x80"));
    assert_true(pl_der_positive(&r, &x));
    assert_bytes(x, BYTES("\x7f"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_have_one_spelling),
        cmocka_unit_test(tags_must_match),
        cmocka_unit_test(integers_are_positive_and_minimal),
    };

    return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
