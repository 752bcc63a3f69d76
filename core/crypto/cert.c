/* SPDX-License-Identifier: Apache-2.0 */
/* cert.c - reads what we need of a certificate, over OpenSSL's parser. */
#include "core/crypto/cert.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/base/limits.h"
#include "core/base/num.h"
#include "core/crypto/der.h"

#define EXTENSIONS_MAX       64 /* Fulcio writes about 30 */
#define AUTH_LEVEL           2  /* OpenSSL's: 112 bits, so no SHA-1 and no RSA below 2048 */
#define OID_FULCIO_ISSUER    "1.3.6.1.4.1.57264.1.1"
#define OID_FULCIO_OTHERNAME "1.3.6.1.4.1.57264.1.7"
#define OID_FULCIO_ISSUER_V2 "1.3.6.1.4.1.57264.1.8"

/* The certificate, or NULL when @der is not exactly one. */
static X509 *parse(struct pl_bytes der)
{
    const uint8_t *at = der.p;
    struct pl_bytes content;
    X509 *x;

    if (!pl_der_whole(der, PL_DER_SEQUENCE, &content) || der.n > PL_PEM_MAX)
        return NULL;
    x = d2i_X509(NULL, &at, (long)der.n);
    if (x != NULL && at == der.p + der.n)
        return x;
    X509_free(x);
    ERR_clear_error();
    return NULL;
}

static enum pl_code say_malformed(struct pl_err *err)
{
    return PL_FAIL(err, PL_EINVAL, "certificate: not one X.509 certificate in DER");
}

/* RFC 5280 section 4.2: at most one of each. */
static enum pl_code check_extensions(const X509 *x, struct pl_err *err)
{
    int n = X509_get_ext_count(x);

    if (n > EXTENSIONS_MAX)
        return PL_FAIL(err, PL_EINVAL, "certificate: %d extensions, the limit is %d", n,
                       EXTENSIONS_MAX);
    for (int i = 0; i < n; i++) {
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(x, i));

        if (X509_get_ext_by_OBJ(x, oid, i) >= 0)
            return PL_FAIL(err, PL_EINVAL, "certificate: the same extension twice");
    }
    return PL_OK;
}

/* Copies text that will be compared and searched: no NUL may cut it short. */
static enum pl_code copy_text(struct pl_cert *cert, const char *what, struct pl_bytes text,
                              struct pl_bytes *out, struct pl_err *err)
{
    struct pl_bytes copy;

    if (text.n == 0 || memchr(text.p, 0, text.n) != NULL || !pl_utf8_valid(text))
        return PL_FAIL(err, PL_EINVAL, "certificate: %s is empty, not UTF-8 or holds a NUL", what);
    copy = pl_arena_dup(&cert->arena, text);
    if (copy.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "certificate: out of memory");
    *out = copy;
    return PL_OK;
}

static struct pl_bytes asn1_bytes(const ASN1_STRING *s)
{
    int n = ASN1_STRING_length(s);

    return pl_bytes(ASN1_STRING_get0_data(s), n > 0 ? (size_t)n : 0);
}

/* ---- names ---- */

#define IP_TEXT_MAX 40 /* eight groups of four digits, and a NUL */

/* Where the longest run of at least two zero groups begins and ends (RFC 5952 section 4.2). */
static void find_zeros(const uint8_t *p, size_t *begin, size_t *end)
{
    *begin = *end = 8;
    for (size_t i = 0; i < 8; i++) {
        size_t k = i;

        while (k < 8 && p[2 * k] == 0 && p[2 * k + 1] == 0)
            k++;
        if (k - i >= 2 && k - i > *end - *begin) {
            *begin = i;
            *end = k;
        }
    }
}

static void format_ip6(const uint8_t *p, char out[IP_TEXT_MAX])
{
    size_t begin, end;
    struct pl_buf b;

    find_zeros(p, &begin, &end);
    pl_buf_init(&b, IP_TEXT_MAX - 1);
    for (size_t i = 0; i < 8; i++) {
        if (i == begin) {
            pl_buf_add_str(&b, "::");
            i = end - 1;
            continue;
        }
        pl_buf_addf(&b, "%s%x", i != 0 && i != end ? ":" : "", p[2 * i] << 8 | p[2 * i + 1]);
    }
    memcpy(out, pl_buf_cstr(&b), b.n + 1);
    pl_buf_free(&b);
}

/* IPv4 or IPv6 in text form into @out; false for another length. As Go (and so Rekor) writes it, a
 * mapped IPv4 address is written as such. */
static bool format_ip(struct pl_bytes ip, char out[IP_TEXT_MAX])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (ip.n == 16 && memcmp(ip.p, mapped, sizeof(mapped)) == 0)
        ip = pl_bytes(ip.p + sizeof(mapped), 4);
    if (ip.n == 16) {
        format_ip6(ip.p, out);
        return true;
    }
    return ip.n == 4 &&
           snprintf(out, IP_TEXT_MAX, "%u.%u.%u.%u", ip.p[0], ip.p[1], ip.p[2], ip.p[3]) > 0;
}

static bool has_oid(const ASN1_OBJECT *oid, const char *want)
{
    char text[80];
    int n = OBJ_obj2txt(text, sizeof(text), oid, 1);

    return n > 0 && (size_t)n < sizeof(text) && strcmp(text, want) == 0;
}

/* The type and raw text of @name; false when it is of a kind that we have no use for. */
static bool read_name(const GENERAL_NAME *name, char ip[IP_TEXT_MAX], struct pl_san *out)
{
    int kind;
    void *value = GENERAL_NAME_get0_value(name, &kind);

    switch (kind) {
    case GEN_EMAIL:
        *out = (struct pl_san){PL_SAN_EMAIL, asn1_bytes(value)};
        return true;
    case GEN_DNS:
        *out = (struct pl_san){PL_SAN_DNS, asn1_bytes(value)};
        return true;
    case GEN_URI:
        *out = (struct pl_san){PL_SAN_URI, asn1_bytes(value)};
        return true;
    case GEN_IPADD:
        *out = (struct pl_san){PL_SAN_IP, pl_bytes(NULL, 0)};
        if (format_ip(asn1_bytes(value), ip))
            out->text = pl_str(ip);
        return true; /* an odd length becomes an empty text, which is refused */
    case GEN_OTHERNAME: {
        const OTHERNAME *other = value;

        if (!has_oid(other->type_id, OID_FULCIO_OTHERNAME))
            return false;
        *out = (struct pl_san){PL_SAN_FULCIO_OTHERNAME, pl_bytes(NULL, 0)};
        if (other->value->type == V_ASN1_UTF8STRING)
            out->text = asn1_bytes(other->value->value.utf8string);
        return true;
    }
    default:
        return false;
    }
}

static enum pl_code copy_names(struct pl_cert *cert, const GENERAL_NAMES *names, struct pl_err *err)
{
    int n = sk_GENERAL_NAME_num(names);
    enum pl_code rc = PL_OK;

    if (n > PL_SANS_MAX)
        return PL_FAIL(err, PL_EINVAL, "certificate: %d subject alternative names, the limit is %d",
                       n, PL_SANS_MAX);
    cert->sans = pl_arena_array(&cert->arena, (size_t)n + 1, sizeof(*cert->sans));
    if (cert->sans == NULL)
        return PL_FAIL(err, PL_ENOMEM, "certificate: out of memory");
    for (int i = 0; i < n; i++) {
        char ip[IP_TEXT_MAX];
        struct pl_san san;

        if (!read_name(sk_GENERAL_NAME_value(names, i), ip, &san))
            continue;
        PL_TRY(copy_text(cert, "a subject alternative name", san.text, &san.text, err));
        cert->sans[cert->nsans++] = san;
    }
out:
    return rc;
}

static enum pl_code read_names(struct pl_cert *cert, const X509 *x, struct pl_err *err)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
    enum pl_code rc;

    if (names == NULL && critical == -1)
        return PL_OK; /* there is none */
    if (names == NULL) {
        ERR_clear_error();
        return PL_FAIL(err, PL_EINVAL, "certificate: malformed subject alternative names");
    }
    rc = copy_names(cert, names, err);
    GENERAL_NAMES_free(names);
    return rc;
}

/* ---- the issuer of the identity, as Fulcio writes it ---- */

/* Content of the extension @oid; false if there is none. */
static bool find_extension(const X509 *x, const char *oid, struct pl_bytes *out)
{
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        X509_EXTENSION *ext = X509_get_ext(x, i);

        if (has_oid(X509_EXTENSION_get_object(ext), oid)) {
            *out = asn1_bytes(X509_EXTENSION_get_data(ext));
            return true;
        }
    }
    return false;
}

/* .8 is a UTF8String, the older .1 the bare text. Two that differ could be read as either. */
static enum pl_code read_issuer(struct pl_cert *cert, const X509 *x, struct pl_err *err)
{
    struct pl_bytes raw, der, text = pl_bytes(NULL, 0);
    bool has_raw = find_extension(x, OID_FULCIO_ISSUER, &raw);
    bool has_der = find_extension(x, OID_FULCIO_ISSUER_V2, &der);

    if (has_der && !pl_der_whole(der, PL_DER_UTF8STRING, &text))
        return PL_FAIL(err, PL_EINVAL,
                       "certificate: malformed issuer extension " OID_FULCIO_ISSUER_V2);
    if (has_raw && has_der && !pl_bytes_eq(raw, text))
        return PL_FAIL(err, PL_EINVAL,
                       "certificate: its two issuer extensions differ: \"" PL_FMT "\", \"" PL_FMT
                       "\"",
                       PL_ARG(raw), PL_ARG(text));
    if (has_raw)
        text = raw;
    if (!has_raw && !has_der)
        return PL_OK;
    return copy_text(cert, "the issuer extension", text, &cert->fulcio_issuer, err);
}

/* ---- the whole ---- */

static bool unix_time(const ASN1_TIME *t, int64_t *out)
{
    ASN1_GENERALIZEDTIME *full = ASN1_TIME_to_generalizedtime(t, NULL);
    struct pl_bytes in = full != NULL ? asn1_bytes(full) : pl_bytes(NULL, 0);
    const char *p = (const char *)in.p;
    char text[PL_RFC3339_LEN + 1];
    bool good = false;

    /* RFC 5280 section 4.1.2.5: YYYYMMDDHHMMSSZ, no fraction, no offset. */
    if (in.n == 15 && p[14] == 'Z')
        good = snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", p, p + 4, p + 6,
                        p + 8, p + 10, p + 12) == PL_RFC3339_LEN &&
               pl_parse_rfc3339(pl_str(text), out);
    ASN1_GENERALIZEDTIME_free(full);
    return good;
}

static enum pl_code read_key(struct pl_cert *cert, const X509 *x, struct pl_err *err)
{
    uint8_t *spki = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    enum pl_code rc;

    if (n <= 0)
        return PL_FAIL(err, PL_EINVAL, "certificate: it holds no public key");
    rc = pl_key_from_spki(pl_bytes(spki, (size_t)n), &cert->key, err);
    OPENSSL_free(spki);
    return rc == PL_OK ? rc : pl_err_wrap(err, "certificate");
}

static enum pl_code fill(struct pl_cert *cert, struct pl_bytes der, const X509 *x,
                         struct pl_err *err)
{
    enum pl_code rc;

    cert->der = pl_arena_dup(&cert->arena, der);
    if (cert->der.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "certificate: out of memory");
    if (!unix_time(X509_get0_notBefore(x), &cert->not_before) ||
        !unix_time(X509_get0_notAfter(x), &cert->not_after))
        return PL_FAIL(err, PL_EINVAL, "certificate: malformed validity times");
    PL_TRY(check_extensions(x, err));
    PL_TRY(read_key(cert, x, err));
    PL_TRY(read_names(cert, x, err));
    PL_TRY(read_issuer(cert, x, err));
out:
    return rc;
}

enum pl_code pl_cert_parse(struct pl_bytes der, struct pl_cert *out, struct pl_err *err)
{
    struct pl_cert cert = {0};
    X509 *x = parse(der);
    enum pl_code rc;

    if (x == NULL)
        return say_malformed(err);
    pl_arena_init(&cert.arena, 4 * PL_PEM_MAX);
    rc = fill(&cert, der, x, err);
    X509_free(x);
    if (rc != PL_OK) {
        ERR_clear_error();
        pl_cert_free(&cert);
        return rc;
    }
    *out = cert;
    return PL_OK;
}

void pl_cert_free(struct pl_cert *cert)
{
    if (cert == NULL)
        return;
    pl_key_unref(cert->key);
    pl_arena_free(&cert->arena);
    *cert = (struct pl_cert){0};
}

enum pl_code pl_cert_check_der(struct pl_bytes der, struct pl_err *err)
{
    X509 *x = parse(der);

    if (x == NULL)
        return say_malformed(err);
    X509_free(x);
    return PL_OK;
}

/* ---- certificate lists ---- */

/* What X509_verify_cert works on. */
struct chain {
    X509 *leaf, *root;
    STACK_OF(X509) * middle;
    X509_STORE *store;
    X509_STORE_CTX *ctx;
};

static void free_chain(struct chain *c)
{
    X509_STORE_CTX_free(c->ctx);
    X509_STORE_free(c->store);
    sk_X509_pop_free(c->middle, X509_free);
    X509_free(c->leaf);
    X509_free(c->root);
}

static enum pl_code parse_chain(struct chain *c, const struct pl_bytes *ders, size_t n,
                                struct pl_err *err)
{
    c->leaf = parse(ders[0]);
    c->root = parse(ders[n - 1]);
    c->middle = sk_X509_new_null();
    if (c->leaf == NULL || c->root == NULL)
        return say_malformed(err);
    for (size_t i = 1; i + 1 < n; i++) {
        X509 *x = parse(ders[i]);

        if (x == NULL)
            return say_malformed(err);
        if (sk_X509_push(c->middle, x) == 0) {
            X509_free(x);
            return PL_FAIL(err, PL_ENOMEM, "certificate list: out of memory");
        }
    }
    return PL_OK;
}

static enum pl_code verify_chain(struct chain *c, struct pl_err *err)
{
    X509_VERIFY_PARAM *param;
    int64_t when;

    c->store = X509_STORE_new();
    c->ctx = X509_STORE_CTX_new();
    if (c->middle == NULL || c->store == NULL || c->ctx == NULL ||
        X509_STORE_add_cert(c->store, c->root) != 1 ||
        X509_STORE_CTX_init(c->ctx, c->store, c->leaf, c->middle) != 1)
        return PL_FAIL(err, PL_ENOMEM, "certificate list: out of memory");
    if (!unix_time(X509_get0_notBefore(c->leaf), &when))
        return PL_FAIL(err, PL_EINVAL, "certificate: malformed validity times");
    param = X509_STORE_CTX_get0_param(c->ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)when);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    /* The last one is the anchor even if it is not self-signed. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_verify_cert(c->ctx) != 1)
        return PL_FAIL(err, PL_EVERIFY, "the certificate list is no chain from signer to root: %s",
                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(c->ctx)));
    return PL_OK;
}

enum pl_code pl_cert_check_list(const struct pl_bytes *ders, size_t n, struct pl_err *err)
{
    struct chain c = {0};
    enum pl_code rc;

    if (n < 2 || n > PL_CERTS_MAX)
        return PL_FAIL(err, PL_EINVAL, "a certificate list has 2 to %d certificates, this one %zu",
                       PL_CERTS_MAX, n);
    PL_TRY(parse_chain(&c, ders, n, err));
    PL_TRY(verify_chain(&c, err));
out:
    ERR_clear_error();
    free_chain(&c);
    return rc;
}
