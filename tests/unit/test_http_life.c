/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_life.c - loops, listeners and the life of connections: caps, drain, TLS, lost clients.
 */
#include "tests/lib/http_toy.h"
#include "tests/unit/test.h"

#include "core/base/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PING "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"

static int ask_status(int fd, const char *request)
{
    struct toy_answer a;

    toy_ask(fd, request, &a);
    return a.status;
}

static void lose(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a reset */
    close(fd);
}

/* ---- loops ---- */

struct count_task {
    struct pl_task task;
    unsigned from, number;
};
static unsigned next_number[4]; /* by sender; only touched on the loop */
static unsigned out_of_order, run_count;

static void count(struct pl_task *task)
{
    struct count_task *t = (struct count_task *)(void *)task;

    out_of_order += next_number[t->from]++ != t->number;
    run_count++;
}

#define TASKS 500
struct sender {
    pthread_t thread;
    struct pl_loop *loop;
    unsigned from;
    struct count_task tasks[TASKS];
};

static void *send_tasks(void *ctx)
{
    struct sender *s = ctx;

    for (unsigned i = 0; i < TASKS; i++) {
        s->tasks[i] = (struct count_task){{.run = count}, s->from, i};
        pl_loop_post(s->loop, &s->tasks[i].task);
    }
    return NULL;
}

static void a_loop_runs_every_task_in_order_and_before_it_stops(void **state)
{
    struct sender *senders = calloc(4, sizeof(*senders));
    struct pl_loop loop;
    struct pl_err err;

    (void)state;
    out_of_order = run_count = 0;
    assert_ok(pl_loop_start(&loop, NULL, 0, &err), err);
    for (unsigned i = 0; i < 4; i++) {
        senders[i].loop = &loop;
        senders[i].from = i;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_tasks, &senders[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(senders[i].thread, NULL);
    pl_loop_stop(&loop);
    assert_int_equal(run_count, 4 * TASKS);
    assert_int_equal(out_of_order, 0);
    pl_loop_stop(&loop); /* once more does nothing */
    free(senders);
}

/* ---- spread and caps ---- */

static void connections_spread_evenly(void **state)
{
    struct toy toy;
    int fds[20];

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    for (unsigned i = 0; i < 20; i++)
        fds[i] = toy_connect(toy.port);
    assert_true(toy_wait_connections(&toy, 20));
    assert_int_equal(pl_http_connections(toy.loops[0].http), 10);
    assert_int_equal(pl_http_connections(toy.loops[1].http), 10);
    /* all of one loop's go; the next ones go there */
    struct toy_answer a;
    for (unsigned i = 0; i < 20; i++) {
        toy_ask(fds[i], "GET /thread HTTP/1.1\r\nHost: x\r\n\r\n", &a);
        if (a.body[0] == '0') {
            close(fds[i]);
            fds[i] = -1;
        }
    }
    assert_true(toy_wait_connections(&toy, 10));
    for (unsigned i = 0; i < 20; i++)
        if (fds[i] < 0)
            fds[i] = toy_connect(toy.port);
    assert_true(toy_wait_connections(&toy, 20));
    assert_int_equal(pl_http_connections(toy.loops[0].http), 10);
    for (unsigned i = 0; i < 20; i++)
        close(fds[i]);
    toy_stop(&toy);
}

static void over_the_cap_the_longest_idle_one_goes(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy toy;
    int fds[6];

    (void)state;
    limits.conns_max = 4;
    toy_start(&toy, &limits, NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = toy_connect(toy.port);
        assert_int_equal(ask_status(fds[i], PING), 200);
        toy_sleep(5);
    }
    assert_int_equal(ask_status(fds[0], PING), 200); /* now 1 is the longest idle one */
    fds[4] = toy_connect(toy.port);
    assert_int_equal(ask_status(fds[4], PING), 200);
    assert_int_equal(toy_rest(fds[1], 5000), 0);
    static const unsigned ALIVE[] = {0, 2, 3, 4};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ask_status(fds[ALIVE[i]], PING), 200);
    /* half a head counts as idle too: it cannot keep others out */
    for (unsigned i = 0; i < 4; i++)
        toy_send_str(fds[ALIVE[i]], "GET /pi");
    fds[5] = toy_connect(toy.port);
    assert_int_equal(ask_status(fds[5], PING), 200);
    for (unsigned i = 0; i < 6; i++)
        close(fds[i]);
    assert_true(toy_wait_connections(&toy, 0));
    toy_stop(&toy);
}

/* Many are accepted before one eviction runs: the cap must hold again when all have settled. */
static void a_burst_leaves_no_more_than_the_cap(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy toy;
    int fds[60];

    (void)state;
    limits.conns_max = 8;
    for (unsigned round = 0; round < 3; round++) {
        toy_start(&toy, &limits, NULL, NULL);
        for (unsigned i = 0; i < 60; i++)
            fds[i] = toy_connect(toy.port);
        assert_int_equal(ask_status(fds[59], PING), 200); /* the last one is in */
        for (unsigned i = 0; i < 300 && toy_connections(&toy) > 8; i++)
            toy_sleep(10);
        assert_in_range(toy_connections(&toy), 1, 8);
        for (unsigned i = 0; i < 60; i++)
            close(fds[i]);
        toy_stop(&toy);
    }
}

static void when_all_are_busy_new_ones_wait_in_the_backlog(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy_answer a;
    struct toy toy;
    int fds[3];

    (void)state;
    limits.conns_max = 2;
    toy_start(&toy, &limits, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = toy_connect(toy.port);
        toy_send_str(fds[i], "GET /later?ms=300 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    toy_sleep(100);
    int64_t began = pl_now_ms();
    fds[2] = toy_connect(toy.port);
    assert_int_equal(ask_status(fds[2], PING), 200);
    assert_true(pl_now_ms() - began >= 100);
    for (unsigned i = 0; i < 2; i++) {
        toy_read(fds[i], false, &a);
        assert_int_equal(a.status, 200);
        close(fds[i]);
    }
    close(fds[2]);
    toy_stop(&toy);
}

/* The child has few descriptors; the parent asks for more connections than it can hold. */
static void serve_with_few_descriptors(int out)
{
    struct rlimit few = {.rlim_cur = 32, .rlim_max = 32};
    struct toy toy;

    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    setrlimit(RLIMIT_NOFILE, &few);
    if (write(out, &toy.port, sizeof(toy.port)) != (ssize_t)sizeof(toy.port))
        _exit(1);
    for (;;)
        pause();
}

static unsigned cpu_ms(int fd)
{
    struct toy_answer a;
    unsigned n = 0;

    toy_ask(fd, "GET /cpu HTTP/1.1\r\nHost: x\r\n\r\n", &a);
    for (const char *c = a.body; *c >= '0' && *c <= '9'; c++)
        n = n * 10 + (unsigned)(*c - '0');
    assert_int_equal(a.status, 200);
    return n;
}

#define CROWD 40
static void without_descriptors_the_listener_pauses_and_does_not_spin(void **state)
{
    struct toy_answer a;
    unsigned port = 0;
    int fds[CROWD], pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        serve_with_few_descriptors(pipes[1]);
    }
    assert_int_equal(read(pipes[0], &port, sizeof(port)), sizeof(port));
    int watch = toy_connect(port);
    unsigned before = cpu_ms(watch);
    /* All busy for a while, so that none can be evicted: the rest waits in the backlog. */
    for (unsigned i = 0; i < CROWD; i++) {
        fds[i] = toy_connect(port);
        toy_send_str(fds[i], "GET /later?ms=500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    int64_t began = pl_now_ms();
    for (unsigned i = 0; i < CROWD; i++) {
        toy_read(fds[i], false, &a);
        assert_int_equal(a.status, 200);
        close(fds[i]);
    }
    assert_true(pl_now_ms() - began >= 700); /* in two waves */
    int again = toy_connect(port);
    unsigned used = cpu_ms(again) - before;
    close(again);
    close(watch);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipes[0]);
    close(pipes[1]);
    if (used > 400)
        fail_msg("the server used %u ms of CPU while it waited: it spins", used);
}

static void bodies_in_flight_are_bounded(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy_answer a;
    struct toy toy;
    char *body = malloc(90000);

    (void)state;
    memset(body, 1, 90000);
    limits.inflight_max = 100000;
    toy_start(&toy, &limits, NULL, NULL);
    int first = toy_connect(toy.port), second = toy_connect(toy.port);
    toy_send_str(first, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    toy_send(first, body, 80000);
    toy_sleep(100);
    toy_send_str(second, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
    toy_read(second, false, &a);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "Retry-After: "));
    assert_non_null(strstr(a.head, "Connection: close"));
    close(second);
    /* the same without a length: refused while it comes */
    second = toy_connect(toy.port);
    toy_send_str(second,
                 "POST /big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n");
    toy_send(second, body, 50000);
    toy_read(second, false, &a);
    assert_int_equal(a.status, 503);
    close(second);
    toy_send(first, body, 10000);
    toy_read(first, false, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "90000");
    /* what was counted is given back */
    toy_send_str(first, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n");
    toy_send(first, body, 90000);
    toy_read(first, false, &a);
    assert_int_equal(a.status, 200);
    close(first);
    free(body);
    toy_stop(&toy);
}

/* ---- lost and slow clients ---- */

static void a_client_that_goes_while_its_request_is_with_a_handler(void **state)
{
    struct toy_answer a;
    struct toy toy;
    unsigned before = toy_answers;

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    for (unsigned i = 0; i < 10; i++) {
        int fd = toy_connect(toy.port);
        toy_send_str(fd, "GET /later?ms=100 HTTP/1.1\r\nHost: x\r\n\r\n");
        toy_sleep(5);
        lose(fd);
    }
    /* still counted: their handlers have not answered */
    assert_int_equal(toy_connections(&toy), 10);
    assert_true(toy_wait_connections(&toy, 0));
    assert_int_equal(toy_answers - before, 10); /* each handler answered, once */
    /* one that only ends its sending side still gets its answer */
    int fd = toy_connect(toy.port);
    toy_send_str(fd, "GET /later?ms=50 HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    toy_read(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(toy_rest(fd, 5000), 0);
    close(fd);
    toy_stop(&toy);
}

static void loops_stop_with_requests_still_unanswered(void **state)
{
    struct toy toy;

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    int fd = toy_connect(toy.port), half = toy_connect(toy.port);
    toy_send_str(half, "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    assert_true(toy_wait_connections(&toy, 2));
    toy_stop(&toy); /* the sanitizers look for leaks */
    close(fd);
    close(half);
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    struct pl_http_limits limits = TOY_LIMITS;
    struct toy_answer a;
    struct toy toy;

    (void)state;
    limits.request_ms = 300;
    toy_start(&toy, &limits, NULL, NULL);
    int fd = toy_connect(toy.port);
    toy_send_str(fd, "GET /fill?n=30000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    toy_sleep(100);
    assert_int_equal(toy_connections(&toy), 1);
    assert_true(toy_wait_connections(&toy, 0));
    close(fd);
    /* one that reads gets all of it */
    fd = toy_connect(toy.port);
    toy_ask(fd, "GET /fill?n=30000000 HTTP/1.1\r\nHost: x\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 30000000);
    assert_int_equal(ask_status(fd, PING), 200);
    close(fd);
    toy_stop(&toy);
}

/* ---- drain ---- */

static _Atomic(unsigned) drained;

static void on_drained(void *ctx)
{
    (void)ctx;
    drained++;
}

struct drain_task {
    struct pl_task task;
    struct pl_http *http;
};

static void run_drain(struct pl_task *task)
{
    pl_http_drain(((struct drain_task *)(void *)task)->http, on_drained, NULL);
}

static void drain_ends_idle_connections_and_serves_the_others(void **state)
{
    struct drain_task tasks[TOY_LOOPS];
    struct toy_answer a;
    struct toy toy;

    (void)state;
    drained = 0;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    int idle = toy_connect(toy.port), busy = toy_connect(toy.port), fresh = toy_connect(toy.port),
        half = toy_connect(toy.port);
    assert_int_equal(ask_status(idle, PING), 200);
    toy_send_str(busy, "GET /later?ms=200 HTTP/1.1\r\nHost: x\r\n\r\n" PING);
    toy_send_str(half, "GET /ping HT");
    toy_sleep(50);
    pl_listener_stop(toy.listener);
    for (unsigned i = 0; i < TOY_LOOPS; i++) {
        tasks[i] = (struct drain_task){{.run = run_drain}, toy.loops[i].http};
        pl_loop_post(&toy.loops[i], &tasks[i].task);
    }
    assert_int_equal(toy_rest(idle, 5000), 0);
    assert_int_equal(drained, 0);
    toy_ask(fresh, PING, &a); /* connected before, asks now */
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Connection: close"));
    toy_ask(half, "TP/1.1\r\nHost: x\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
    toy_read(busy, false, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "later");
    assert_non_null(strstr(a.head, "Connection: close"));
    assert_int_equal(toy_rest(busy, 5000), 0);
    close(busy);
    close(fresh);
    close(half);
    assert_true(toy_wait_connections(&toy, 0));
    for (unsigned i = 0; i < 100 && drained != TOY_LOOPS; i++)
        toy_sleep(10);
    assert_int_equal(drained, TOY_LOOPS);
    close(idle);
    toy_stop(&toy);
}

/* ---- listeners ---- */

static void one_address_has_one_listener(void **state)
{
    struct pl_listen_spec spec = {.fd = -1};
    struct pl_listener *second = NULL;
    struct pl_err err;
    struct toy toy;

    (void)state;
    toy_start(&toy, &TOY_LIMITS, NULL, NULL);
    (void)snprintf(spec.text, sizeof(spec.text), "127.0.0.1:%u", toy.port);
    assert_fails(pl_listener_open(&spec, &second, &err), PL_EIO, "in use", err);
    static const char *const BAD[] = {"127.0.0.1", "127.0.0.1:65536", "127.0.0.1:", ":80",
                                      "::1:80",    "127.0.0.1:+80",   "[]:80",      "unix:"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        (void)snprintf(spec.text, sizeof(spec.text), "%s", BAD[i]);
        assert_fails(pl_listener_open(&spec, &second, &err), PL_EINVAL, BAD[i], err);
    }
    assert_null(second);
    toy_stop(&toy);
}

static void an_inherited_socket_is_served(void **state)
{
    struct pl_listen_spec spec = {.fd = -1, .text = "127.0.0.1:0"};
    struct pl_listener *first, *second;
    struct pl_err err;

    (void)state;
    assert_ok(pl_listener_open(&spec, &first, &err), err);
    spec.fd = dup(pl_listener_fd(first));
    (void)snprintf(spec.text, sizeof(spec.text), "inherited");
    assert_ok(pl_listener_open(&spec, &second, &err), err);
    assert_string_equal(pl_listener_url(first), pl_listener_url(second));
    assert_memory_equal(pl_listener_url(first), "http://127.0.0.1:", 17);
    pl_listener_close(first, true);
    pl_listener_close(second, true);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    spec.fd = pipes[0];
    assert_fails(pl_listener_open(&spec, &second, &err), PL_EIO, "inherited descriptor", err);
    close(pipes[0]);
    close(pipes[1]);
}

static void unix_sockets(void **state)
{
    char dir[] = "/tmp/plhttpXXXXXX", path[64], listen[80];
    struct pl_listen_spec spec = {.fd = -1};
    struct pl_listener *l = NULL;
    struct pl_err err;
    struct stat st;
    struct toy toy;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    (void)snprintf(listen, sizeof(listen), "unix:%s", path);
    (void)snprintf(spec.text, sizeof(spec.text), "%s", listen);
    toy_start(&toy, &TOY_LIMITS, listen, NULL);
    assert_string_equal(toy.url, listen);
    int fd = toy_connect_unix(path);
    assert_int_equal(ask_status(fd, PING), 200);
    assert_int_equal(ask_status(fd, PING), 200);
    close(fd);
    assert_fails(pl_listener_open(&spec, &l, &err), PL_EIO, "another server answers", err);
    toy_stop(&toy);
    assert_int_not_equal(stat(path, &st), 0);
    /* one that a dead server left is replaced */
    assert_ok(pl_listener_open(&spec, &l, &err), err);
    pl_listener_close(l, true);
    assert_int_equal(stat(path, &st), 0);
    toy_start(&toy, &TOY_LIMITS, listen, NULL);
    fd = toy_connect_unix(path);
    assert_int_equal(ask_status(fd, PING), 200);
    close(fd);
    toy_stop(&toy);
    /* another kind of file is not */
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    assert_fails(pl_listener_open(&spec, &l, &err), PL_EIO, "no socket", err);
    unlink(path);
    rmdir(dir);
}

/* ---- TLS ---- */

static void write_pair(const char *cert_file, const char *key_file, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *f;

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    f = fopen(cert_file, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, cert), 1);
    (void)fclose(f);
    f = fopen(key_file, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};

/* False when the handshake fails; @version is the highest one offered. */
static bool tls_connect(struct tls_client *c, unsigned port, int version)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c->ctx, 0); /* or TLS 1.1 would not even be tried */
    SSL_CTX_set_max_proto_version(c->ctx, version);
    c->fd = toy_connect(port);
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_connect(c->ssl) == 1;
}

static void tls_close(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

/* The status of GET @path. Reads the answer to its end, which must be announced (close_notify). */
static int tls_ask(struct tls_client *c, const char *path, size_t *bytes)
{
    char request[200], answer[16384];
    size_t got = 0, total = 0;
    int status = 0, n = snprintf(request, sizeof(request),
                                 "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);

    assert_int_equal(SSL_write(c->ssl, request, n), n);
    while (SSL_read_ex(c->ssl, answer, sizeof(answer), &got) == 1) {
        if (total == 0 && got > 12)
            status = (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + answer[11] - '0';
        total += got;
    }
    assert_int_equal(SSL_get_error(c->ssl, 0), SSL_ERROR_ZERO_RETURN);
    *bytes = total;
    return status;
}

/* The common name that the server shows to a new connection. */
static void shown_name(unsigned port, char out[64])
{
    struct tls_client c;
    size_t bytes;

    assert_true(tls_connect(&c, port, TLS1_3_VERSION));
    X509 *cert = SSL_get1_peer_certificate(c.ssl);
    assert_non_null(cert);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, 64);
    X509_free(cert);
    assert_int_equal(tls_ask(&c, "/ping", &bytes), 200);
    tls_close(&c);
}

static bool shows_within_5s(unsigned port, const char *name)
{
    char shown[64];

    for (unsigned i = 0; i < 100; i++) {
        shown_name(port, shown);
        if (strcmp(shown, name) == 0)
            return true;
        toy_sleep(50);
    }
    return false;
}

static _Atomic(unsigned) failed_reloads;

static void note_reload(enum pl_severity severity, const char *event, const char *fields)
{
    (void)severity;
    (void)fields;
    if (strcmp(event, "tls.reload_failed") == 0)
        failed_reloads++;
}

static void tls_serves_and_reloads(void **state)
{
    char dir[] = "/tmp/plhttpXXXXXX", cert[64], key[64], cert2[64], key2[64];
    struct tls_client c, old;
    struct pl_tls *tls;
    struct pl_err err;
    struct toy toy;
    size_t bytes;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert, sizeof(cert), "%s/cert", dir);
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    (void)snprintf(cert2, sizeof(cert2), "%s/cert2", dir);
    (void)snprintf(key2, sizeof(key2), "%s/key2", dir);
    write_pair(cert, key, "one");
    write_pair(cert2, key2, "two");
    assert_fails(pl_tls_open(cert, key2, &tls, &err), PL_EINVAL, "key", err);
    assert_fails(pl_tls_open(cert, "/nonexistent", &tls, &err), PL_EIO, "/nonexistent", err);
    assert_ok(pl_tls_open(cert, key, &tls, &err), err);
    pl_log_set_sink(note_reload, PL_LOG_WARN);
    toy_start(&toy, &TOY_LIMITS, NULL, tls);
    assert_memory_equal(toy.url, "https://127.0.0.1:", 18);
    assert_true(shows_within_5s(toy.port, "one"));
    assert_true(tls_connect(&c, toy.port, TLS1_2_VERSION));
    assert_int_equal(tls_ask(&c, "/fill?n=3000000", &bytes), 200);
    assert_true(bytes > 3000000);
    tls_close(&c);
    assert_false(tls_connect(&c, toy.port, TLS1_1_VERSION));
    tls_close(&c);
    /* plain HTTP to the TLS port: closed, and the server goes on */
    int fd = toy_connect(toy.port);
    assert_int_equal(ask_status(fd, PING), 0);
    close(fd);
    /* a broken file keeps the old pair */
    assert_true(tls_connect(&old, toy.port, TLS1_3_VERSION));
    FILE *f = fopen(cert, "w");
    assert_non_null(f);
    (void)fputs("no certificate\n", f);
    (void)fclose(f);
    for (unsigned i = 0; i < 300 && failed_reloads == 0; i++)
        toy_sleep(10);
    assert_int_equal(failed_reloads, 1);
    assert_true(shows_within_5s(toy.port, "one"));
    /* replaced one after the other; the pair fits only at the end */
    assert_int_equal(rename(key2, key), 0);
    assert_int_equal(rename(cert2, cert), 0);
    assert_true(shows_within_5s(toy.port, "two"));
    assert_int_equal(tls_ask(&old, "/ping", &bytes), 200); /* from before goes on */
    tls_close(&old);
    toy_stop(&toy);
    pl_log_set_sink(NULL, PL_LOG_ERROR);
    unlink(cert);
    unlink(key);
    rmdir(dir);
}

/* Reading cannot be paused under TLS, so one that does not take its answer may not send for ever.
 */
static void a_tls_client_that_only_sends_is_closed(void **state)
{
    static char flood[16384];
    char dir[] = "/tmp/plhttpXXXXXX", cert[64], key[64];
    struct tls_client c;
    struct pl_tls *tls;
    struct pl_err err;
    struct toy toy;
    size_t sent = 0;
    int n;

    (void)state;
    memset(flood, 'x', sizeof(flood));
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert, sizeof(cert), "%s/cert", dir);
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    write_pair(cert, key, "one");
    assert_ok(pl_tls_open(cert, key, &tls, &err), err);
    toy_start(&toy, &TOY_LIMITS, NULL, tls);
    assert_true(tls_connect(&c, toy.port, TLS1_3_VERSION));
    const char *ask = "GET /fill?n=20000000 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(SSL_write(c.ssl, ask, (int)strlen(ask)), (int)strlen(ask));
    do {
        n = SSL_write(c.ssl, flood, sizeof(flood));
        sent += n > 0 ? (size_t)n : 0;
    } while (n > 0 && sent < (size_t)64 << 20);
    assert_true(n <= 0);
    assert_true(toy_wait_connections(&toy, 0));
    tls_close(&c);
    toy_stop(&toy);
    unlink(cert);
    unlink(key);
    rmdir(dir);
}

static void a_tls_client_that_never_speaks_is_closed(void **state)
{
    char dir[] = "/tmp/plhttpXXXXXX", cert[64], key[64];
    struct pl_http_limits limits = TOY_LIMITS;
    struct pl_tls *tls;
    struct pl_err err;
    struct toy toy;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(cert, sizeof(cert), "%s/cert", dir);
    (void)snprintf(key, sizeof(key), "%s/key", dir);
    write_pair(cert, key, "one");
    assert_ok(pl_tls_open(cert, key, &tls, &err), err);
    limits.head_ms = 200;
    toy_start(&toy, &limits, NULL, tls);
    int fd = toy_connect(toy.port);
    assert_int_equal(toy_rest(fd, 3000), 0);
    close(fd);
    toy_stop(&toy);
    unlink(cert);
    unlink(key);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_descriptors_the_listener_pauses_and_does_not_spin),
        cmocka_unit_test(a_loop_runs_every_task_in_order_and_before_it_stops),
        cmocka_unit_test(connections_spread_evenly),
        cmocka_unit_test(over_the_cap_the_longest_idle_one_goes),
        cmocka_unit_test(a_burst_leaves_no_more_than_the_cap),
        cmocka_unit_test(when_all_are_busy_new_ones_wait_in_the_backlog),
        cmocka_unit_test(bodies_in_flight_are_bounded),
        cmocka_unit_test(a_client_that_goes_while_its_request_is_with_a_handler),
        cmocka_unit_test(loops_stop_with_requests_still_unanswered),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
        cmocka_unit_test(drain_ends_idle_connections_and_serves_the_others),
        cmocka_unit_test(one_address_has_one_listener),
        cmocka_unit_test(an_inherited_socket_is_served),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(tls_serves_and_reloads),
        cmocka_unit_test(a_tls_client_that_only_sends_is_closed),
        cmocka_unit_test(a_tls_client_that_never_speaks_is_closed),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
