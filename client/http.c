/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - requests over one libcurl easy handle. */
#include "client/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "core/base/num.h"
#include "core/crypto/hash.h"

#define CONNECT_TIMEOUT_MS 10000
#define BACKOFF_FIRST_MS   250
#define BACKOFF_MAX_MS     8000

struct pl_http {
    CURL *curl;
    char *server;                    /* as given, no trailing slash */
    const char *base;                /* what paths are put behind: @server, or http://localhost */
    int64_t timeout_ms, deadline_ms; /* monotonic; 0 until the first request */
    unsigned retries;
    char why[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *pl_http_server(const struct pl_http *http)
{
    return http->server;
}

/* ---- opening ---- */

/* Without the slashes at the end of @text. */
static struct pl_bytes strip(const char *text)
{
    struct pl_bytes server = pl_str(text);
    while (server.n > 0 && server.p[server.n - 1] == '/')
        server.n--;
    return server;
}

/* libcurl would take a host out of "http:///x", and TCP for a socket without a path. */
static enum pl_code check_server(struct pl_bytes server, struct pl_err *err)
{
    static const char *const prefixes[] = {"unix:", "http://", "https://"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i]);
        if (pl_bytes_has_prefix(server, prefixes[i]) && server.n > n &&
            (i == 0 || server.p[n] != '/'))
            return PL_OK;
    }
    return PL_FAIL(err, PL_EINVAL,
                   "--server \"" PL_FMT "\" is not http://HOST[:PORT], https://HOST or unix:PATH",
                   PL_ARG(server));
}

static bool set_options(struct pl_http *h, const struct pl_http_options *o)
{
    CURL *c = h->curl;
    bool ok =
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_USERAGENT, "provlog/" PL_VERSION) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why) == CURLE_OK;
    if (ok && strncmp(h->server, "unix:", 5) == 0)
        ok = curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->server + 5) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK;
    if (ok && o->ca_cert != NULL)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_cert) == CURLE_OK;
    return ok;
}

enum pl_code pl_http_open(const struct pl_http_options *options, struct pl_http **out,
                          struct pl_err *err)
{
    struct pl_bytes server = strip(options->server);
    enum pl_code rc = PL_OK;

    PL_TRY(check_server(server, err));
    struct pl_http *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    h->server = strndup((const char *)server.p, server.n);
    h->curl = curl_easy_init();
    if (h->server == NULL || h->curl == NULL || !set_options(h, options)) {
        pl_http_close(h);
        return PL_FAIL(err, PL_ENOMEM, "libcurl can't be set up");
    }
    h->base = strncmp(h->server, "unix:", 5) == 0 ? "http://localhost" : h->server;
    h->timeout_ms = (int64_t)options->timeout_s * 1000;
    h->retries = options->retries;
    *out = h;
out:
    return rc;
}

void pl_http_close(struct pl_http *http)
{
    if (http == NULL)
        return;
    if (http->curl != NULL)
        curl_easy_cleanup(http->curl);
    free(http->server);
    free(http);
}

/* ---- one attempt ---- */

/* What one attempt brought. */
struct attempt {
    CURLcode code;
    long status;
    struct pl_buf body;
    char location[512], retry_after[64];
};

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    struct attempt *a = ctx;
    pl_buf_add(&a->body, data, size * n);
    return pl_buf_ok(&a->body) ? size * n : 0;
}

/* Copies the value of header @name out of @line, if it is that one. */
static void take_value(struct pl_bytes line, const char *name, char *out, size_t out_size)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp((const char *)line.p, name, n) != 0)
        return;
    struct pl_bytes value = pl_bytes_trim(pl_bytes(line.p + n + 1, line.n - n - 1));
    if (value.n < out_size) {
        memcpy(out, value.p, value.n);
        out[value.n] = '\0';
    }
}

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
    struct attempt *a = ctx;
    struct pl_bytes line = pl_bytes(data, size * n);
    take_value(line, "Location", a->location, sizeof(a->location));
    take_value(line, "Retry-After", a->retry_after, sizeof(a->retry_after));
    return size * n;
}

static struct curl_slist *headers_of(const struct pl_http_request *request)
{
    char accept[128];
    (void)snprintf(accept, sizeof(accept), "Accept: %s",
                   request->accept != NULL ? request->accept : "application/json");
    struct curl_slist *list = curl_slist_append(NULL, accept);
    /* No "Expect: 100-continue": its round trip buys nothing here. */
    struct curl_slist *more = list != NULL ? curl_slist_append(list, "Expect:") : NULL;
    if (more != NULL && request->body.n != 0)
        more = curl_slist_append(more, "Content-Type: application/json");
    if (more == NULL)
        curl_slist_free_all(list);
    return more;
}

static bool set_request(struct pl_http *h, const struct pl_http_request *request, const char *url,
                        struct curl_slist *headers, struct attempt *a)
{
    CURL *c = h->curl;
    int64_t left = h->deadline_ms - now_ms();
    bool post = strcmp(request->method, "POST") == 0;
    bool ok = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left > 1 ? (long)left : 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERDATA, a) == CURLE_OK;
    if (ok && post)
        ok = curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n) ==
                 CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_POSTFIELDS, request->body.p) == CURLE_OK;
    else if (ok)
        ok = curl_easy_setopt(c, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return ok;
}

static enum pl_code attempt_once(struct pl_http *h, const struct pl_http_request *request,
                                 const char *url, struct attempt *a, struct pl_err *err)
{
    struct curl_slist *headers = headers_of(request);
    bool ready = headers != NULL && set_request(h, request, url, headers, a);

    h->why[0] = '\0';
    if (ready) {
        a->code = curl_easy_perform(h->curl);
        if (curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &a->status) != CURLE_OK)
            a->status = 0;
    }
    curl_slist_free_all(headers);
    return ready ? PL_OK : PL_FAIL(err, PL_ENOMEM, "libcurl can't be set up");
}

/* ---- retries ---- */

static bool status_is_trouble(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

/* Trouble that another attempt can't heal: the address itself, TLS trust, an answer too large. */
static bool code_is_final(CURLcode code)
{
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_WRITE_ERROR || code == CURLE_OUT_OF_MEMORY;
}

int pl_http_retry_after(struct pl_bytes value, int64_t now)
{
    uint64_t seconds;
    if (pl_parse_u64(value, UINT64_MAX, &seconds))
        return seconds < PL_HTTP_WAIT_MAX_S ? (int)seconds : PL_HTTP_WAIT_MAX_S;
    char text[64];
    if (value.n == 0 || value.n >= sizeof(text) || value.p[0] < 'A')
        return -1;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    time_t at = curl_getdate(text, NULL);
    if (at == (time_t)-1)
        return -1;
    if (at <= now)
        return 0;
    return at - now < PL_HTTP_WAIT_MAX_S ? (int)(at - now) : PL_HTTP_WAIT_MAX_S;
}

/* How long before attempt number @next (from 1): what the server asked for, else back-off. */
static int64_t wait_ms(const struct attempt *a, unsigned next)
{
    if (a->code == CURLE_OK && a->retry_after[0] != '\0') {
        int seconds = pl_http_retry_after(pl_str(a->retry_after), (int64_t)time(NULL));
        if (seconds >= 0)
            return (int64_t)seconds * 1000;
    }
    int64_t most = BACKOFF_MAX_MS;
    if (next < 6)
        most = (int64_t)BACKOFF_FIRST_MS << (next - 1);
    uint32_t r;
    pl_random(&r, sizeof(r));
    return most / 2 + (int64_t)(r % (uint32_t)(most / 2 + 1));
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

/* One line, why the attempt @a brought no final answer. */
static void describe(const struct pl_http *h, const struct attempt *a, char out[512])
{
    if (a->code == CURLE_WRITE_ERROR && !a->body.nomem) {
        (void)snprintf(out, 512, "the answer is larger than %zu MiB", a->body.max >> 20);
        return;
    }
    if (a->code != CURLE_OK) {
        (void)snprintf(out, 512, "%s", h->why[0] != '\0' ? h->why : curl_easy_strerror(a->code));
        return;
    }
    struct pl_bytes body = pl_bytes_trim(pl_buf_bytes(&a->body));
    int n = (int)(body.n < 160 ? body.n : 160);
    (void)snprintf(out, 512, "status %ld%s%.*s", a->status, n > 0 ? ": " : "", n,
                   n > 0 ? (const char *)body.p : "");
    /* What a server says must not move the terminal's cursor. */
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

static enum pl_code finish(const struct attempt *a, struct pl_arena *arena,
                           struct pl_http_answer *out, struct pl_err *err)
{
    out->body = pl_arena_dup(arena, pl_buf_bytes(&a->body));
    out->location = pl_arena_dup(arena, pl_str(a->location));
    out->status = (int)a->status;
    if (out->body.p == NULL || out->location.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory for an answer of %zu bytes", a->body.n);
    return PL_OK;
}

enum pl_code pl_http_call(struct pl_http *http, const struct pl_http_request *request,
                          struct pl_arena *arena, struct pl_http_answer *out, struct pl_err *err)
{
    struct attempt a = {.code = CURLE_OK};
    char why[512];
    enum pl_code rc = PL_OK;
    const char *url = pl_arena_printf(arena, "%s%.*s", http->base, (int)request->path.n,
                                      (const char *)request->path.p);

    if (url == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    /* Not from the opening on: hours of hashing may lie between. */
    if (http->deadline_ms == 0)
        http->deadline_ms = now_ms() + http->timeout_ms;
    pl_buf_init(&a.body, PL_HTTP_ANSWER_MAX);
    for (unsigned done = 1;; done++) {
        pl_buf_reset(&a.body);
        a.location[0] = a.retry_after[0] = '\0';
        a.status = 0;
        PL_TRY(attempt_once(http, request, url, &a, err));
        if (a.code == CURLE_OK && !status_is_trouble(a.status)) {
            rc = finish(&a, arena, out, err);
            goto out;
        }
        describe(http, &a, why);
        int64_t wait = wait_ms(&a, done);
        bool late = now_ms() + wait >= http->deadline_ms;
        if (done > http->retries || late || (a.code != CURLE_OK && code_is_final(a.code))) {
            /* A certificate that is not trusted will not be after a wait. */
            enum pl_code code = a.code == CURLE_SSL_CACERT_BADFILE         ? PL_EINVAL
                                : a.code == CURLE_PEER_FAILED_VERIFICATION ? PL_EVERIFY
                                                                           : PL_EIO;
            rc = PL_FAIL_CAUSE(err, code, (int)a.code, "%s %s: %s (attempt %u%s)", request->method,
                               http->server, why, done, late ? ", --timeout is used up" : "");
            goto out;
        }
        (void)fprintf(stderr, "provlog: %s: %s; trying again in %.1f s (%u of %u)\n", http->server,
                      why, (double)wait / 1000, done, http->retries);
        sleep_ms(wait);
    }
out:
    pl_buf_free(&a.body);
    return rc;
}
