/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.c - the server's life: start, wait for signals, drain, end or upgrade.
 *
 * Order of a start: settings, lock, sockets (connections wait in their backlog), threads, admin
 * port, keys and database, sequencer, public port. A stop takes it back in reverse. An upgrade in
 * place stops as for good, keeps sockets and lock, and runs the program's file anew in this
 * process; if that fails, it starts all again from what it has.
 */
#include "server/app_private.h"

#include "core/base/log.h"
#include "server/file.h"
#include "server/router.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VERIFIERS_PER_LOOP 4096
#define WORKER_QUEUE_MAX   4096
#define CHECK_WAIT_MS      5000 /* for the new program to look at the settings */
#define LOOPS_MAX          256
#define TRUST_ARENA_MAX    ((size_t)32 << 20)

struct drain;

/* Everything here belongs to the main thread. */
struct server {
    struct pl_app app;
    const struct pl_config *config;
    char **argv;
    char program[4096]; /* file to run at an upgrade, as it was named at the start */
    int lock_fd, signal_fd;
    int drained_fd;       /* eventfd: the last loop has drained */
    struct drain *drains; /* one for each loop, until the loops have ended */
    bool upgraded;        /* this process is the new program of an upgrade */
    int stop_later;       /* SIGTERM or SIGINT that came while an upgrade drained; 0: none */
    struct pl_sockets sockets;
    struct pl_route *public_routes;
    struct pl_tls *tls;
    struct pl_background *background;
    struct pl_admin_sock *admin_sock;
    struct pl_arena trust_arena;
    unsigned started_loops;
    bool has_v1;
};

/* ---- loops ---- */

static enum pl_code start_loops(struct server *s, struct pl_err *err)
{
    struct pl_app *app = &s->app;
    const struct pl_config *c = s->config;
    const struct pl_route *const tables[] = {PL_ROUTES_REKOR1, PL_ROUTES_ATTEST};
    const struct pl_http_limits limits = {
        .body_max = c->body_max,
        .inflight_max = c->inflight_max,
        .conns_max = (unsigned)c->conns_max,
        .head_ms = (unsigned)c->head_timeout_ms,
        .idle_ms = (unsigned)c->idle_timeout_ms,
        .request_ms = (unsigned)c->request_timeout_ms,
    };
    enum pl_code rc = PL_OK;

    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    app->nloops = c->threads != 0 ? (unsigned)c->threads : cores > 0 ? (unsigned)cores : 1;
    app->nloops = app->nloops > LOOPS_MAX ? LOOPS_MAX : app->nloops;
    app->loops = calloc(app->nloops, sizeof(*app->loops));
    s->public_routes = pl_routes_join(tables, sizeof(tables) / sizeof(tables[0]));
    if (app->loops == NULL || s->public_routes == NULL)
        return PL_FAIL(err, PL_ENOMEM, "start event loops: out of memory");
    if (c->tls_cert != NULL)
        PL_TRY(pl_tls_open(c->tls_cert, c->tls_key, &s->tls, err));
    for (; s->started_loops < app->nloops; s->started_loops++) {
        struct pl_loop *loop = &app->loops[s->started_loops];
        PL_TRY(pl_loop_start(loop, app, s->started_loops, err));
        PL_TRY(pl_http_new(loop, s->public_routes, PL_ROUTES_ADMIN, &limits, s->tls, &loop->http,
                           err));
    }
out:
    return rc;
}

static void stop_loops(struct server *s)
{
    for (unsigned i = 0; s->app.loops != NULL && i < s->app.nloops; i++)
        if (s->app.loops[i].base != NULL)
            pl_loop_stop(&s->app.loops[i]);
    free(s->app.loops);
    s->app.loops = NULL;
    free(s->drains);
    s->drains = NULL;
    s->app.nloops = s->started_loops = 0;
    free(s->public_routes);
    s->public_routes = NULL;
    pl_tls_close(s->tls);
    s->tls = NULL;
}

/* Before the first public connection: each loop reads by a connection of its own. */
static enum pl_code open_views(struct server *s, struct pl_err *err)
{
    for (unsigned i = 0; i < s->app.nloops; i++) {
        struct pl_loop *loop = &s->app.loops[i];
        loop->verifiers = pl_verifier_cache_new(VERIFIERS_PER_LOOP);
        if (loop->verifiers == NULL)
            return PL_FAIL(err, PL_ENOMEM, "key cache: out of memory");
        enum pl_code rc = pl_view_open(s->config->data_dir, &loop->view, err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

/* ---- the log ---- */

static enum pl_code check_origin(const struct pl_config *c, const struct pl_log_row *row,
                                 struct pl_err *err)
{
    if (!c->origin_given || pl_bytes_eq_str(row->origin, c->origin))
        return PL_OK;
    return PL_FAIL(err, PL_EINVAL,
                   "origin: '%s' is set, but the log in %s was created with '%.*s', and that never "
                   "changes",
                   c->origin, c->data_dir, (int)row->origin.n, (const char *)row->origin.p);
}

static enum pl_code clear_restored(struct server *s, struct pl_store *store,
                                   const struct pl_log_state *state, struct pl_err *err)
{
    if (!s->config->continue_given)
        return PL_OK;
    if (!state->restored) {
        PL_WARN("continue_from.ignored", "size=%" PRIu64 " why=\"the log is not marked restored\"",
                s->config->continue_from);
        return PL_OK;
    }
    enum pl_code rc = pl_store_clear_restored(store, PL_LOG_ID_V1, s->config->continue_from, err);
    if (rc != PL_OK)
        return pl_err_wrap(err, "--continue-from %" PRIu64, s->config->continue_from);
    PL_WARN("restore.continued", "size=%" PRIu64, s->config->continue_from);
    return PL_OK;
}

/* "http://localhost:3000": what clients reach the log by, unless base_url says. */
static const char *base_url(struct server *s, char out[512])
{
    struct pl_listener *first = pl_sockets_first(&s->sockets);
    const char *url = first != NULL ? pl_listener_url(first) : "";
    const char *colon = strrchr(url, ':');
    bool tls = strncmp(url, "https:", 6) == 0, tcp = tls || strncmp(url, "http:", 5) == 0;
    const char *port = tcp && colon != NULL ? colon : "";
    if (strcmp(port, tls ? ":443" : ":80") == 0)
        port = "";
    if (s->config->base_url != NULL)
        return s->config->base_url;
    (void)snprintf(out, 512, "%s://%s%s", tls ? "https" : "http", s->app.v1.origin, port);
    return out;
}

static struct pl_sequencer_config sequencer_config(const struct pl_config *c)
{
    return (struct pl_sequencer_config){
        .dir = c->data_dir,
        .queue_max = c->queue_max,
        .queue_bytes_max = c->queue_bytes_max,
        .disk_floor_bytes = c->disk_floor_bytes,
        .disk_floor_percent = (unsigned)c->disk_floor_percent,
        .wal_max = c->wal_max,
    };
}

/* Key, trust files: what reading and writing both need. */
static enum pl_code load_log(struct server *s, const struct pl_log_row *row, struct pl_err *err)
{
    char url[512];
    enum pl_code rc;

    PL_TRY(check_origin(s->config, row, err));
    PL_TRY(pl_signer_load(s->config->data_dir, row, &s->app.v1, err));
    s->has_v1 = true;
    pl_signer_renew_public(s->config->data_dir, &s->app.v1);
    PL_TRY(pl_app_trust_files(s->config, &s->app.v1, row->created, base_url(s, url),
                              &s->trust_arena, &s->app.trusted_root, &s->app.signing_config, err));
out:
    return rc;
}

/* Opens the store for writing and starts the sequencer on it; the store is the sequencer's then. */
static enum pl_code start_writer(struct server *s, struct pl_err *err)
{
    const struct pl_store_opts opts = {
        .dir = s->config->data_dir, .wal_max = s->config->wal_max, .repair_tail = true};
    const struct pl_sequencer_config config = sequencer_config(s->config);
    struct pl_store *store = NULL;
    struct pl_log_state state;
    enum pl_code rc;

    PL_TRY(pl_store_open(&opts, &store, err));
    PL_TRY(pl_store_log_state(store, PL_LOG_ID_V1, &state, err));
    PL_TRY(load_log(s, &state.log, err));
    PL_TRY(clear_restored(s, store, &state, err));
    PL_TRY(pl_sequencer_bootstrap(store, &s->app.v1, err));
    PL_TRY(pl_sequencer_start(&config, store, &s->app.v1, &s->app.sequencer, err));
    return PL_OK;
out:
    pl_store_close(store);
    return rc;
}

/* A log that contradicts itself is not written any more, but whoever has entries in it can still
 * read them: that is what an auditor needs most then. */
static enum pl_code start_reader(struct server *s, const struct pl_err *why, struct pl_err *err)
{
    const struct pl_sequencer_config config = sequencer_config(s->config);
    struct pl_arena arena;
    struct pl_log_row *rows;
    size_t n = 0;
    enum pl_code rc;

    PL_ERROR("log.broken", "error=\"%s\"", why->text);
    pl_arena_init(&arena, PL_NOTE_MAX);
    PL_TRY(pl_store_logs(s->config->data_dir, &arena, &rows, &n, err));
    while (n != 0 && rows[n - 1].log_id != PL_LOG_ID_V1)
        n--;
    if (n == 0) {
        rc = PL_FAIL(err, PL_ECORRUPT, "the database names no v1 log");
        goto out;
    }
    if (!s->has_v1)
        PL_TRY(load_log(s, &rows[n - 1], err));
    PL_TRY(pl_sequencer_start_broken(&config, &s->app.v1, why->text, &s->app.sequencer, err));
out:
    pl_arena_free(&arena);
    return rc;
}

static enum pl_code start_log(struct server *s, struct pl_err *err)
{
    enum pl_code rc = start_writer(s, err);

    if (rc != PL_ECORRUPT)
        return rc;
    const struct pl_err why = *err;
    if (start_reader(s, &why, err) == PL_OK)
        return PL_OK;
    *err = why; /* what came first says more */
    return rc;
}

/* ---- start and stop ---- */

static enum pl_code start_listeners(struct server *s, bool admin, struct pl_err *err)
{
    for (size_t i = 0; i < s->sockets.n; i++) {
        struct pl_listener *l = s->sockets.listener[i];
        if (pl_listener_spec(l)->admin != admin)
            continue;
        enum pl_code rc = pl_listener_start(l, &s->app.loops[i % s->app.nloops], err);
        if (rc != PL_OK)
            return rc;
    }
    return PL_OK;
}

static void stop_listeners(struct server *s, bool admin)
{
    for (size_t i = 0; i < s->sockets.n; i++)
        if (pl_listener_spec(s->sockets.listener[i])->admin == admin)
            pl_listener_stop(s->sockets.listener[i]);
}

/* What waits in the backlog is lost with the socket, unless somebody else holds that too. */
static void stop_taking(struct server *s, bool for_good)
{
    for (size_t i = 0; for_good && i < s->sockets.n; i++)
        if (!s->sockets.passed[i] && !pl_listener_spec(s->sockets.listener[i])->admin)
            pl_listener_finish(s->sockets.listener[i]);
    stop_listeners(s, false);
}

static int64_t unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_phase(struct server *s, enum pl_phase phase)
{
    atomic_store_explicit(&s->app.phase, (unsigned)phase, memory_order_release);
}

static void log_started(struct server *s)
{
    const struct pl_published *p = pl_sequencer_published(s->app.sequencer);
    for (size_t i = 0; i < s->sockets.n; i++)
        PL_INFO("listen", "url=%s role=%s", pl_listener_url(s->sockets.listener[i]),
                pl_listener_spec(s->sockets.listener[i])->admin ? "admin" : "public");
    PL_INFO("start", "version=" PL_VERSION " data_dir=%s origin=%s log_id=%s tree_size=%" PRIu64,
            s->config->data_dir, s->app.v1.origin, s->app.v1.log_id_hex, p->size);
    pl_published_unref(p);
}

/* The socket serves only the administrator: the server does not depend on it. */
static enum pl_code start_admin_sock(struct server *s, struct pl_err *err)
{
    enum pl_code rc = pl_admin_sock_start(&s->app, &s->admin_sock, err);
    if (rc != PL_ETOOBIG)
        return rc;
    PL_WARN("admin.sock_missing", "error=\"%s\"", err->text);
    return PL_OK;
}

/* All but sockets and lock, which outlive a stop that is followed by another start. */
static enum pl_code start_all(struct server *s, struct pl_err *err)
{
    enum pl_code rc;
    bool created;

    set_phase(s, PL_STARTING);
    s->app.started_ms = unix_ms();
    PL_TRY(start_loops(s, err));
    PL_TRY(start_listeners(s, true, err));
    PL_TRY(pl_app_create_log(s->config, !s->config->no_create, &created, err));
    PL_TRY(start_log(s, err));
    PL_TRY(open_views(s, err));
    PL_TRY(pl_workers_start((unsigned)s->config->workers, WORKER_QUEUE_MAX, &s->app.workers, err));
    PL_TRY(pl_background_start(&s->app, &s->background, err));
    PL_TRY(start_admin_sock(s, err));
    set_phase(s, PL_SERVING);
    PL_TRY(start_listeners(s, false, err));
    log_started(s);
out:
    return rc;
}

/* In the reverse order; takes whatever start_all() got to. No request may be running. */
static void stop_all(struct server *s)
{
    stop_listeners(s, false);
    pl_admin_sock_stop(s->admin_sock);
    s->admin_sock = NULL;
    pl_background_stop(s->background);
    s->background = NULL;
    stop_listeners(s, true);
    /* Both answer their last jobs through the loops, and both refuse what still comes from them; so
     * the loops end after they have stopped, and before they are gone. */
    if (s->app.workers != NULL)
        pl_workers_stop(s->app.workers);
    if (s->app.sequencer != NULL)
        pl_sequencer_stop(s->app.sequencer);
    stop_loops(s);
    pl_workers_free(s->app.workers);
    pl_sequencer_free(s->app.sequencer);
    s->app.workers = NULL;
    s->app.sequencer = NULL;
    if (s->has_v1)
        pl_signer_free(&s->app.v1);
    s->has_v1 = false;
    s->app.trusted_root = s->app.signing_config = (struct pl_bytes){NULL, 0};
    pl_arena_reset(&s->trust_arena);
}

/* ---- ready ---- */

static void add_path(struct pl_buf *out, const char *name, const struct pl_config *c,
                     const char *file)
{
    char path[4096];
    struct pl_err err;
    pl_buf_addf(out, ",\"%s\":", name);
    if (pl_app_path(c, file, path, &err) == PL_OK)
        pl_buf_add_json_string(out, pl_str(path));
    else
        pl_buf_add_str(out, "null");
}

static void print_ready(struct server *s)
{
    struct pl_listener *admin = pl_sockets_admin(&s->sockets);
    struct pl_buf out;
    pl_buf_init(&out, 65536);
    pl_buf_add_str(&out, "{\"ready\":true,\"listen\":[");
    bool first = true;
    for (size_t i = 0; i < s->sockets.n; i++) {
        struct pl_listener *l = s->sockets.listener[i];
        if (pl_listener_spec(l)->admin)
            continue;
        pl_buf_add_str(&out, first ? "" : ",");
        pl_buf_add_json_string(&out, pl_str(pl_listener_url(l)));
        first = false;
    }
    pl_buf_add_str(&out, "],\"admin\":");
    if (admin != NULL)
        pl_buf_add_json_string(&out, pl_str(pl_listener_url(admin)));
    else
        pl_buf_add_str(&out, "null");
    pl_buf_add_str(&out, ",\"data_dir\":");
    pl_buf_add_json_string(&out, pl_str(s->config->data_dir));
    add_path(&out, "v1_public_key", s->config, "keys/v1.pub");
    pl_buf_add_str(&out, ",\"v2_public_key\":null");
    add_path(&out, "trusted_root", s->config, "trusted_root.json");
    pl_buf_add_str(&out, "}\n");
    if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
        PL_WARN("ready_json.failed", "errno=%d", errno);
    pl_buf_free(&out);
}

/* ---- drain ---- */

struct drain {
    struct pl_task task;
    struct pl_http *http;
    atomic_uint *left;
    int done_fd;
};

static void loop_drained(void *ctx)
{
    struct drain *d = ctx;
    const uint64_t one = 1;
    if (atomic_fetch_sub(d->left, 1) == 1 && write(d->done_fd, &one, sizeof(one)) < 0)
        PL_ERROR("drain.wake_failed", "errno=%d", errno);
}

static void drain_loop(struct pl_task *task)
{
    struct drain *d = (struct drain *)(void *)task;
    pl_http_drain(d->http, loop_drained, d);
}

/* The next signal, 0 when @done_fd (-1: none) is readable, -1 when @timeout_ms are over. */
static int next_signal(struct server *s, int done_fd, int timeout_ms)
{
    struct pollfd wait[2] = {{.fd = s->signal_fd, .events = POLLIN},
                             {.fd = done_fd, .events = POLLIN}};
    const int64_t end = pl_now_ms() + timeout_ms;
    for (;;) {
        int64_t left = timeout_ms < 0 ? -1 : end - pl_now_ms();
        int n = poll(wait, 2, timeout_ms < 0 ? -1 : (int)(left > 0 ? left : 0));
        if (n == 0)
            return -1;
        if (n < 0)
            continue;
        struct signalfd_siginfo info;
        if (wait[0].revents != 0 &&
            read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            return (int)info.ssi_signo;
        if (wait[1].revents != 0)
            return 0;
    }
}

/*
 * No further connection is taken; those that are open get their answers. False when some were still
 * open at the end of the time. A second SIGTERM ends the process: what was acknowledged is on disk.
 * One that comes while an upgrade drains is kept for after it.
 */
static bool drain(struct server *s, bool for_good)
{
    static atomic_uint left;
    const unsigned n = s->app.nloops;
    const int64_t end = pl_now_ms() + (int64_t)s->config->drain_timeout_ms;
    set_phase(s, PL_DRAINING);
    stop_taking(s, for_good);
    s->drains = calloc(n, sizeof(*s->drains));
    atomic_store(&left, n);
    for (unsigned i = 0; s->drains != NULL && i < n; i++) {
        s->drains[i] = (struct drain){.task = {.run = drain_loop},
                                      .http = s->app.loops[i].http,
                                      .left = &left,
                                      .done_fd = s->drained_fd};
        pl_loop_post(&s->app.loops[i], &s->drains[i].task);
    }
    int got;
    do {
        int64_t ms = end - pl_now_ms();
        got = next_signal(s, s->drained_fd, ms > 0 ? (int)ms : 0);
        if (got != SIGTERM && got != SIGINT)
            continue;
        if (for_good || s->stop_later != 0) {
            PL_WARN("stop.at_once", "signal=%d", got);
            _exit(1);
        }
        s->stop_later = got;
    } while (got > 0);
    uint64_t count;
    if (got == 0 && read(s->drained_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        return true;
    PL_WARN("drain.timeout", "timeout_ms=%" PRIu64, s->config->drain_timeout_ms);
    return false;
}

/* ---- upgrade ---- */

/* Asks the program's file, with the same arguments, whether it likes the settings: what it can't
 * start with must not take the place of what runs. */
static enum pl_code check_program(struct server *s, struct pl_err *err)
{
    size_t argc = 0;
    while (s->argv[argc] != NULL)
        argc++;
    char **argv = calloc(argc + 2, sizeof(*argv));
    if (argv == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    char check[] = "--check";
    memcpy(argv, s->argv, argc * sizeof(*argv));
    argv[argc] = check;
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid;
    (void)sigemptyset(&none);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawn(&pid, s->program, NULL, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    free(argv);
    if (failed != 0)
        return PL_FAIL_CAUSE(err, PL_EIO, failed, "run %s: %s", s->program, strerror(failed));
    const struct timespec pause = {.tv_nsec = 5000000};
    const int64_t end = pl_now_ms() + CHECK_WAIT_MS;
    int status = 0;
    pid_t got;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && pl_now_ms() < end)
        (void)nanosleep(&pause, NULL);
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return PL_FAIL(err, PL_EIO, "%s --check did not end in %d ms", s->program, CHECK_WAIT_MS);
    }
    if (got != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return PL_FAIL(err, PL_EINVAL, "%s --check failed (wait status %d)", s->program, status);
    return PL_OK;
}

/*
 * Returns only when it did not work; true: the server still serves, or serves again. In between no
 * connection is refused: the sockets stay open and queue.
 */
static bool upgrade(struct server *s)
{
    struct pl_err err;
    PL_INFO("upgrade.begin", "program=%s", s->program);
    if (check_program(s, &err) != PL_OK) {
        PL_ERROR("upgrade.refused", "error=\"%s\"", err.text);
        return true;
    }
    pl_notify("RELOADING=1\nSTATUS=upgrading in place\n");
    bool clean = drain(s, false);
    if (clean)
        stop_all(s);
    if (s->stop_later != 0)
        (void)kill(getpid(),
                   s->stop_later); /* stays pending over execve: who serves next reads it */
    s->stop_later = 0;
    if (pl_sockets_hand_over(&s->sockets, s->lock_fd, true, &err) == PL_OK)
        (void)execv(s->program, s->argv);
    PL_ERROR("upgrade.failed", "program=%s errno=%d", s->program, errno);
    if (pl_sockets_hand_over(&s->sockets, s->lock_fd, false, &err) != PL_OK)
        PL_ERROR("upgrade.failed", "error=\"%s\"", err.text);
    if (!clean)
        return false; /* half stopped: end, and be started anew */
    if (start_all(s, &err) != PL_OK) {
        PL_ERROR("restart.failed", "error=\"%s\"", err.text);
        stop_all(s);
        return false;
    }
    pl_notify("READY=1\nSTATUS=upgrade failed, serving on\n");
    return true;
}

/* ---- main thread ---- */

static int serve(struct server *s)
{
    for (;;) {
        int got = next_signal(s, -1, -1);
        bool again = got == SIGUSR2 || (got == SIGHUP && isatty(STDERR_FILENO) == 0);
        if (again && upgrade(s))
            continue;
        if (again)
            return 1;
        PL_INFO("stop", "signal=%d", got);
        pl_notify("STOPPING=1\n");
        if (!drain(s, true)) {
            /* Threads still work on requests: leave without taking things away from under them.
             * What was acknowledged is on disk. */
            _exit(0);
        }
        stop_all(s);
        return 0;
    }
}

static enum pl_code take_signals(struct server *s, struct pl_err *err)
{
    static const int TAKEN[] = {SIGTERM, SIGINT, SIGUSR2, SIGHUP};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(TAKEN) / sizeof(TAKEN[0]); i++)
        (void)sigaddset(&set, TAKEN[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 ||
        (s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0 ||
        (s->drained_fd = eventfd(0, EFD_CLOEXEC)) < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "signals: %s", strerror(errno));
    return PL_OK;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            PL_WARN("limit.files", "errno=%d", errno);
    }
}

/* The file to run at an upgrade. Looked up at once: after a package was replaced, the link says
 * "(deleted)". */
static enum pl_code find_program(struct server *s, struct pl_err *err)
{
    ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
    if (n <= 0)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "/proc/self/exe: %s", strerror(errno));
    s->program[n] = '\0';
    return PL_OK;
}

static enum pl_code open_folder(struct server *s, struct pl_inherited *in, struct pl_err *err)
{
    s->lock_fd = in->lock_fd;
    if (s->lock_fd >= 0)
        return PL_OK;
    /* Without leave to create a log, a missing folder is an error, not a new folder. */
    if (s->config->no_create && access(s->config->data_dir, F_OK) != 0)
        return PL_FAIL_CAUSE(err, PL_EINVAL, errno,
                             "%s holds no log (%s) and --no-create is set; `provlogd init` makes a "
                             "new one",
                             s->config->data_dir, strerror(errno));
    enum pl_code rc = pl_dir_make(s->config->data_dir, err);
    return rc != PL_OK ? rc : pl_app_lock(s->config->data_dir, s->signal_fd, &s->lock_fd, err);
}

static enum pl_code start(struct server *s, struct pl_err *err)
{
    struct pl_inherited inherited;
    enum pl_code rc;

    PL_TRY(pl_inherited_read(&inherited, err));
    s->upgraded = inherited.upgrade;
    PL_TRY(take_signals(s, err));
    raise_file_limit();
    PL_TRY(find_program(s, err));
    PL_TRY(open_folder(s, &inherited, err));
    PL_TRY(pl_sockets_open(s->config, &inherited, &s->sockets, err));
    s->app.metrics = pl_metrics_new();
    if (s->app.metrics == NULL)
        return PL_FAIL(err, PL_ENOMEM, "metrics: out of memory");
    PL_TRY(start_all(s, err));
    if (s->config->ready_json && !s->upgraded)
        print_ready(s);
    pl_notify("READY=1\nSTATUS=serving\n");
out:
    return rc;
}

static int exit_status(const struct pl_err *err)
{
    return err->code == PL_EIO || err->code == PL_EBUSY || err->code == PL_ENOSPACE ? 5 : 1;
}

int pl_app_main(const struct pl_config *config, char **argv)
{
    struct server *s = calloc(1, sizeof(*s));
    struct pl_err err;
    int status;
    if (s == NULL)
        return 1;
    s->config = s->app.config = config;
    s->argv = argv;
    s->lock_fd = s->signal_fd = s->drained_fd = -1;
    pl_arena_init(&s->trust_arena, TRUST_ARENA_MAX);
    if (start(s, &err) == PL_OK) {
        status = serve(s);
    } else {
        PL_ERROR("start.failed", "error=\"%s\" at=%s:%d", err.text, err.file, err.line);
        status = exit_status(&err);
        stop_all(s);
    }
    pl_sockets_close(&s->sockets, false);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    if (s->signal_fd >= 0)
        (void)close(s->signal_fd);
    if (s->drained_fd >= 0)
        (void)close(s->drained_fd);
    pl_metrics_free(s->app.metrics);
    pl_arena_free(&s->trust_arena);
    free(s);
    return status;
}
