/* SPDX-License-Identifier: Apache-2.0 */
/* test_cert.c - names and issuer of certificates, what is refused, certificate lists. */
#include "core/crypto/cert.h"

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "tests/lib/file.h"
#include "tests/unit/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CERTS    "tests/vectors/certs/"

static struct pl_arena arena;

static int setup(void **state)
{
    (void)state;
    pl_arena_init(&arena, (size_t)256 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pl_arena_free(&arena);
    return 0;
}

/* The certificates of a PEM file; returns how many. */
static size_t read_ders(const char *path, struct pl_bytes ders[PL_CERTS_MAX])
{
    struct pl_bytes in = pl_test_file(&arena, path);
    struct pl_pem block;
    struct pl_err err;
    size_t n = 0;

    while (n < PL_CERTS_MAX && pl_pem_next(&in, &arena, &block, &err) == PL_OK)
        ders[n++] = block.der;
    assert_true(n > 0);
    return n;
}

static struct pl_bytes read_der(const char *path)
{
    struct pl_bytes ders[PL_CERTS_MAX];

    assert_int_equal(read_ders(path, ders), 1);
    return ders[0];
}

static void names_and_issuer_are_read(void **state)
{
    static const struct {
        const char *path, *issuer;
        size_t n;
        enum pl_san_type types[12];
        const char *names[12];
    } good[] = {
        {CERTS "fulcio-email.pem",
         "https://accounts.google.com",
         1,
         {PL_SAN_EMAIL},
         {"ci@example.com"}},
        {CERTS "fulcio-othername.pem",
         "https://idp.example.com",
         1,
         {PL_SAN_FULCIO_OTHERNAME},
         {"j\xc3\xb6rg!example.com"}},
        {CERTS "fulcio-v1-only.pem",
         "https://token.example.com",
         1,
         {PL_SAN_URI},
         {"https://example.com/workflow"}},
        {CERTS "all-names.pem",
         "",
         12,
         {PL_SAN_DNS, PL_SAN_EMAIL, PL_SAN_URI, PL_SAN_IP, PL_SAN_IP, PL_SAN_IP, PL_SAN_IP,
          PL_SAN_IP, PL_SAN_IP, PL_SAN_IP, PL_SAN_IP, PL_SAN_IP},
         {"a.example", "b@c.example", "x:y", "192.0.2.7", "2001:db8::1", "::1", "1:0:0:2::3",
          "1:2:0:4:5:6:7:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
          "2001:db8::", "::", "192.0.2.1"}},
        {CERTS "no-names.pem", "", 0, {PL_SAN_DNS}, {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct pl_bytes der = read_der(good[i].path);
        struct pl_cert cert;
        struct pl_err err;

        assert_ok(pl_cert_parse(der, &cert, &err), err);
        assert_bytes(cert.der, der);
        assert_ptr_not_equal(cert.der.p, der.p);
        assert_int_equal(pl_key_type(cert.key), PL_KEY_P256);
        assert_bytes(cert.fulcio_issuer, pl_str(good[i].issuer));
        assert_int_equal(cert.nsans, good[i].n);
        for (size_t k = 0; k < good[i].n; k++) {
            assert_int_equal(cert.sans[k].type, good[i].types[k]);
            assert_bytes(cert.sans[k].text, pl_str(good[i].names[k]));
        }
        assert_int_equal(cert.not_after - cert.not_before, INT64_C(36500) * 86400);
        assert_in_range(cert.not_before, 1500000000, 4000000000);
        pl_cert_free(&cert);
        pl_cert_free(&cert);
    }
    pl_cert_free(NULL);
}

static void bad_certificates_are_refused(void **state)
{
    static const struct {
        const char *path, *why;
    } bad[] = {
        {CERTS "bad-issuers-differ.pem",
         "two issuer extensions differ: \"https://a.example\", \"https://b.example\""},
        {CERTS "bad-issuer-not-utf8string.pem", "malformed issuer extension"},
        {CERTS "bad-issuer-trailing.pem", "malformed issuer extension"},
        {CERTS "bad-issuer-nul.pem", "issuer extension is empty, not UTF-8 or holds a NUL"},
        {CERTS "bad-name-nul.pem", "alternative name is empty, not UTF-8 or holds a NUL"},
        {CERTS "bad-name-not-utf8.pem", "alternative name is empty, not UTF-8 or holds a NUL"},
        {CERTS "bad-name-empty.pem", "alternative name is empty"},
        {CERTS "bad-name-ip.pem", "alternative name is empty"},
        {CERTS "bad-othername-ia5.pem", "alternative name is empty"},
        {CERTS "bad-names-65.pem", "65 subject alternative names, the limit is 64"},
        {CERTS "bad-extension-twice.pem", "the same extension twice"},
        {CERTS "bad-key-rsa1024.pem", "certificate: public key: RSA of 1024 bits"},
        {CERTS "bad-key-p224.pem", "certificate: public key: EC keys must be on P-256"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct pl_bytes der = read_der(bad[i].path);
        struct pl_cert cert = {0};
        struct pl_err err;

        assert_fails(pl_cert_parse(der, &cert, &err), PL_EINVAL, bad[i].why, err);
        assert_null(cert.key);
        assert_ok(pl_cert_check_der(der, &err), err); /* a certificate it is */
    }
}

static void exactly_one_certificate_is_taken(void **state)
{
    struct pl_bytes der = read_der(CERTS "fulcio-email.pem");
    uint8_t *longer = pl_arena_alloc(&arena, der.n + 1);
    struct pl_cert cert = {0};
    struct pl_err err;

    (void)state;
    memcpy(longer, der.p, der.n);
    for (size_t n = 0; n <= der.n + 1; n += n < der.n - 3 ? 7 : 1) {
        if (n == der.n)
            continue;
        assert_fails(pl_cert_parse(pl_bytes(longer, n), &cert, &err), PL_EINVAL,
                     "not one X.509 certificate in DER", err);
        assert_fails(pl_cert_check_der(pl_bytes(longer, n), &err), PL_EINVAL, "not one X.509", err);
    }
}

static void lists_must_be_chains(void **state)
{
    struct pl_bytes ders[PL_CERTS_MAX], swapped[3], two[2];
    struct pl_err err;

    (void)state;
    assert_int_equal(read_ders(CERTS "chain.pem", ders), 3);
    assert_ok(pl_cert_check_list(ders, 3, &err), err);
    assert_ok(pl_cert_check_list(ders, 2, &err), err); /* the last one is the anchor, any it is */
    assert_fails(pl_cert_check_list(ders, 1, &err), PL_EINVAL, "2 to 10 certificates", err);
    two[0] = ders[0];
    two[1] = ders[2];
    assert_fails(pl_cert_check_list(two, 2, &err), PL_EVERIFY, "no chain from signer to root", err);
    swapped[0] = ders[1];
    swapped[1] = ders[0];
    swapped[2] = ders[2];
    assert_ok(pl_cert_check_list(swapped, 3, &err), err); /* an intermediate not needed */
    /* What counts is the time of issue. */
    assert_int_equal(read_ders(CERTS "chain-expired-since.pem", ders), 2);
    assert_ok(pl_cert_check_list(ders, 2, &err), err);
    assert_int_equal(read_ders(CERTS "bad-chain-before-root.pem", ders), 2);
    assert_fails(pl_cert_check_list(ders, 2, &err), PL_EVERIFY, "not yet valid", err);
    assert_int_equal(read_ders(CERTS "bad-chain-stranger.pem", ders), 3);
    assert_fails(pl_cert_check_list(ders, 3, &err), PL_EVERIFY, "no chain from signer to root",
                 err);
    assert_int_equal(read_ders(CERTS "bad-chain-sha1.pem", ders), 3);
    assert_fails(pl_cert_check_list(ders, 3, &err), PL_EVERIFY, "too weak", err);
    ders[1] = PL_LIT("nothing");
    assert_fails(pl_cert_check_list(ders, 3, &err), PL_EINVAL, "not one X.509", err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_issuer_are_read),
        cmocka_unit_test(bad_certificates_are_refused),
        cmocka_unit_test(exactly_one_certificate_is_taken),
        cmocka_unit_test(lists_must_be_chains),
    };

    return cmocka_run_group_tests_name("cert", tests, setup, teardown);
}
