/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_tls.c - TLS contexts: TLS 1.2 and up, certificate and key loaded again when their files
 * change.
 *
 * A changed pair that does not load is reported once and the old one stays in use. Connections keep
 * the certificate that they began with.
 */
#include "server/http_answer.h"

#include "core/base/log.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CHECK_EVERY_MS 1000

/* What tells one version of a file from the next. */
struct stamp {
    struct timespec changed;
    ino_t inode;
    off_t size;
};

struct pl_tls {
    char *cert_file, *key_file;
    /* Guarded by @mu. */
    pthread_mutex_t mu;
    SSL_CTX *ctx;
    struct stamp cert, key;
    int64_t checked_ms;
};

static enum pl_code stamp_file(const char *path, struct stamp *out, struct pl_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "TLS file %s: %s", path, strerror(errno));
    *out = (struct stamp){.changed = st.st_mtim, .inode = st.st_ino, .size = st.st_size};
    return PL_OK;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->inode == b->inode && a->size == b->size;
}

/* The reason of OpenSSL's last error; clears its queue. */
static const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return reason != NULL ? reason : "unknown reason";
}

/* We speak HTTP/1.1 only; a client that offers nothing we know goes on without ALPN. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *in, unsigned in_n, void *ctx)
{
    static const char OURS[] = "http/1.1";

    (void)ssl;
    (void)ctx;
    for (unsigned at = 0; at < in_n && in[at] < in_n - at; at += in[at] + 1u) {
        if (in[at] != sizeof(OURS) - 1 || memcmp(in + at + 1, OURS, sizeof(OURS) - 1) != 0)
            continue;
        *out = in + at + 1;
        *out_n = in[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static enum pl_code set_up(const struct pl_tls *tls, SSL_CTX *ctx, struct pl_err *err)
{
    static const unsigned char SESSIONS[] = "provlog";

    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_session_id_context(ctx, SESSIONS, sizeof(SESSIONS) - 1) != 1)
        return PL_FAIL(err, PL_EIO, "TLS: %s", tls_reason());
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) != 1)
        return PL_FAIL(err, PL_EINVAL, "TLS certificate %s: %s", tls->cert_file, tls_reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return PL_FAIL(err, PL_EINVAL, "TLS key %s: %s", tls->key_file, tls_reason());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return PL_FAIL(err, PL_EINVAL, "TLS key %s does not belong to certificate %s",
                       tls->key_file, tls->cert_file);
    return PL_OK;
}

static enum pl_code make_context(const struct pl_tls *tls, SSL_CTX **out, struct pl_err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL)
        return PL_FAIL(err, PL_ENOMEM, "TLS: %s", tls_reason());
    enum pl_code rc = set_up(tls, ctx, err);
    if (rc != PL_OK) {
        SSL_CTX_free(ctx);
        return rc;
    }
    *out = ctx;
    return PL_OK;
}

enum pl_code pl_tls_open(const char *cert_file, const char *key_file, struct pl_tls **out,
                         struct pl_err *err)
{
    struct pl_tls *tls = calloc(1, sizeof(*tls));
    enum pl_code rc = PL_OK;

    if (tls == NULL)
        return PL_FAIL(err, PL_ENOMEM, "TLS: out of memory");
    pthread_mutex_init(&tls->mu, NULL);
    tls->cert_file = strdup(cert_file);
    tls->key_file = strdup(key_file);
    if (tls->cert_file == NULL || tls->key_file == NULL)
        rc = PL_FAIL(err, PL_ENOMEM, "TLS: out of memory");
    if (rc == PL_OK)
        rc = stamp_file(cert_file, &tls->cert, err);
    if (rc == PL_OK)
        rc = stamp_file(key_file, &tls->key, err);
    if (rc == PL_OK)
        rc = make_context(tls, &tls->ctx, err);
    if (rc != PL_OK) {
        pl_tls_close(tls);
        return rc;
    }
    *out = tls;
    return PL_OK;
}

void pl_tls_close(struct pl_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    pthread_mutex_destroy(&tls->mu);
    free(tls->cert_file);
    free(tls->key_file);
    free(tls);
}

SSL *pl_tls_accept(struct pl_tls *tls)
{
    pthread_mutex_lock(&tls->mu);
    SSL_CTX *ctx = tls->ctx;
    SSL_CTX_up_ref(ctx);
    pthread_mutex_unlock(&tls->mu);
    SSL *ssl = SSL_new(ctx); /* takes a reference of its own */
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return ssl;
}

/* Both files' stamps, when one of them is new. The new stamps are kept even if the pair turns out
 * not to load: each version is reported once. */
static bool files_changed(struct pl_tls *tls, struct pl_err *err)
{
    struct stamp cert, key;

    if (stamp_file(tls->cert_file, &cert, err) != PL_OK ||
        stamp_file(tls->key_file, &key, err) != PL_OK)
        return false; /* in the middle of a replacement: look again at the next check */
    if (same_stamp(&cert, &tls->cert) && same_stamp(&key, &tls->key))
        return false;
    tls->cert = cert;
    tls->key = key;
    return true;
}

void pl_tls_check(struct pl_tls *tls, int64_t now_ms)
{
    SSL_CTX *fresh = NULL, *old = NULL;
    struct pl_err err;

    pthread_mutex_lock(&tls->mu);
    bool due = now_ms - tls->checked_ms >= CHECK_EVERY_MS;
    if (due)
        tls->checked_ms = now_ms;
    due = due && files_changed(tls, &err);
    pthread_mutex_unlock(&tls->mu);
    if (!due)
        return;
    if (make_context(tls, &fresh, &err) != PL_OK) {
        char text[PL_LOG_ESC_MAX];
        PL_ERROR("tls.reload_failed", "reason=%s kept=old", pl_log_esc(pl_str(err.text), text));
        return;
    }
    pthread_mutex_lock(&tls->mu);
    old = tls->ctx;
    tls->ctx = fresh;
    pthread_mutex_unlock(&tls->mu);
    SSL_CTX_free(old);
    PL_INFO("tls.reload", "certificate=%s", tls->cert_file);
}
