/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_admin.c - the second port: /livez, /readyz, /startupz, /metrics. It never changes anything.
 *
 *   /livez     the event loops answer; a failure means: restart the process
 *   /startupz  the store is open and the log is served
 *   /readyz    submissions are taken now; 503 with the reason when not, while reads may well go on
 */
#include "server/app.h"
#include "server/reply.h"

#include "core/base/json.h"
#include "core/base/num.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STATUS_MAX         ((size_t)16 << 10)
#define METRICS_MAX        ((size_t)8 << 20)
#define CLOCK_BEHIND_MAX_S 10 /* as the sequencer refuses writes */

static enum pl_phase phase_of(struct pl_app *app)
{
    return (enum pl_phase)atomic_load_explicit(&app->phase, memory_order_acquire);
}

static const char *phase_name(enum pl_phase phase)
{
    switch (phase) {
    case PL_STARTING:
        return "starting";
    case PL_SERVING:
        return "serving";
    case PL_DRAINING:
        return "draining";
    }
    return "unknown";
}

static int64_t unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *yes(bool x)
{
    return x ? "true" : "false";
}

static void add_parts(struct pl_app *app, const struct pl_sequencer_status *s, bool clock_ok,
                      struct pl_buf *out)
{
    const struct pl_config *c = app->config;
    const int64_t now = unix_ms();
    char stamp[PL_RFC3339_LEN + 1];

    pl_buf_addf(out, ",\"write\":{\"ok\":%s,\"why\":", yes(s->writable));
    pl_buf_add_json_string(out, pl_str(s->writable ? "" : s->why));
    pl_buf_addf(out,
                "},\"disk\":{\"free_bytes\":%llu,\"size_bytes\":%llu,\"floor_bytes\":%llu,"
                "\"floor_percent\":%llu}",
                (unsigned long long)s->disk_free, (unsigned long long)s->disk_size,
                (unsigned long long)c->disk_floor_bytes, (unsigned long long)c->disk_floor_percent);
    pl_buf_addf(out, ",\"signer\":{\"ok\":%s,\"log_id\":\"%s\"}", yes(app->v1.key != NULL),
                app->v1.log_id_hex);
    pl_buf_addf(
        out, ",\"checkpoint\":{\"size\":%llu,\"age_seconds\":%lld}",
        (unsigned long long)s->tree_size,
        (long long)(s->checkpoint_time_ms == 0 ? -1 : (now - s->checkpoint_time_ms) / 1000));
    pl_format_rfc3339(now / 1000, stamp);
    pl_buf_addf(out, ",\"clock\":{\"ok\":%s,\"now\":\"%s\",", yes(clock_ok), stamp);
    pl_format_rfc3339(s->last_entry_time, stamp);
    pl_buf_addf(out, "\"last_entry\":\"%s\",\"behind_seconds\":%lld}", stamp,
                (long long)s->clock_behind_s);
    pl_buf_addf(out, ",\"queue\":{\"jobs\":%zu,\"jobs_max\":%llu,\"bytes\":%zu,\"bytes_max\":%llu}",
                s->queued, (unsigned long long)c->queue_max, s->queued_bytes,
                (unsigned long long)c->queue_bytes_max);
}

bool pl_app_status(struct pl_app *app, struct pl_buf *out)
{
    const enum pl_phase phase = phase_of(app);
    struct pl_sequencer_status s = {.writable = false};
    bool clock_ok = false, queue_ok = false;

    if (phase != PL_STARTING) {
        pl_sequencer_status(app->sequencer, &s);
        clock_ok = s.clock_behind_s <= CLOCK_BEHIND_MAX_S;
        queue_ok = s.queued < app->config->queue_max;
    }
    bool ready = phase == PL_SERVING && s.writable && clock_ok && queue_ok;
    pl_buf_addf(out, "{\"ready\":%s,\"phase\":\"%s\",\"version\":\"" PL_VERSION "\",\"pid\":%ld",
                yes(ready), phase_name(phase), (long)getpid());
    if (phase != PL_STARTING) {
        char stamp[PL_RFC3339_LEN + 1];
        pl_format_rfc3339(app->started_ms / 1000, stamp);
        pl_buf_addf(out, ",\"started\":\"%s\",\"started_ms\":%lld", stamp,
                    (long long)app->started_ms);
        add_parts(app, &s, clock_ok, out);
    }
    pl_buf_add_str(out, "}");
    return ready;
}

static void get_readyz(struct pl_req *req)
{
    struct pl_buf out;
    pl_buf_init_arena(&out, &req->arena, STATUS_MAX);
    bool ready = pl_app_status(req->app, &out);
    pl_reply_json(req, ready ? 200 : 503, pl_buf_bytes(&out));
}

static void get_livez(struct pl_req *req)
{
    pl_reply_json(req, 200, PL_LIT("{\"alive\":true}"));
}

static void get_startupz(struct pl_req *req)
{
    bool started = phase_of(req->app) != PL_STARTING;
    pl_reply_json(req, started ? 200 : 503,
                  started ? PL_LIT("{\"started\":true}") : PL_LIT("{\"started\":false}"));
}

/* ---- /metrics ---- */

static void add_log_metrics(struct pl_app *app, struct pl_buf *out)
{
    struct pl_sequencer_status s;
    pl_sequencer_status(app->sequencer, &s);
    pl_metrics_add(out, "rekor_new_entries", "untyped",
                   "Entries appended since the start, under the name that Rekor has for them.",
                   (double)s.entries);
    pl_metrics_add(out, "provlog_entries_total", "counter", "Entries appended since the start.",
                   (double)s.entries);
    pl_metrics_add(out, "provlog_duplicates_total", "counter",
                   "Submissions that were in the log already, or on their way.",
                   (double)(s.duplicates + app->repeats));
    pl_metrics_add(out, "provlog_batches_total", "counter", "Committed batches.",
                   (double)s.batches);
    pl_metrics_add(out, "provlog_failed_batches_total", "counter", "Batches rolled back.",
                   (double)s.failed_batches);
    pl_metrics_add(out, "provlog_commit_seconds_total", "counter",
                   "Time spent in commits, with their syncs.", (double)s.commit_us_sum / 1e6);
    pl_metrics_add(out, "provlog_tree_size", "gauge", "Leaves in the published tree.",
                   (double)s.tree_size);
    pl_metrics_add(out, "provlog_writable", "gauge", "1 when submissions are taken.",
                   s.writable ? 1 : 0);
    pl_metrics_add(out, "provlog_queue_jobs", "gauge", "Submissions waiting.", (double)s.queued);
    pl_metrics_add(out, "provlog_queue_bytes", "gauge", "Bytes of waiting submissions.",
                   (double)s.queued_bytes);
    pl_metrics_add(out, "provlog_disk_free_bytes", "gauge", "Free space for the database.",
                   (double)s.disk_free);
    pl_metrics_add(out, "provlog_disk_size_bytes", "gauge", "Size of that file system.",
                   (double)s.disk_size);
    pl_metrics_add(out, "provlog_checkpoint_timestamp_seconds", "gauge",
                   "When the newest checkpoint was signed (Unix time).",
                   (double)s.checkpoint_time_ms / 1e3);
    pl_metrics_add(out, "provlog_last_entry_timestamp_seconds", "gauge",
                   "Time of the newest entry (Unix time).", (double)s.last_entry_time);
    pl_metrics_add(out, "provlog_clock_behind_seconds", "gauge",
                   "How far the clock is behind the newest entry.", (double)s.clock_behind_s);
    pl_metrics_add(out, "provlog_worker_queue_jobs", "gauge", "Slow checks waiting.",
                   (double)pl_workers_queued(app->workers));
}

static void add_process_metrics(struct pl_app *app, struct pl_buf *out)
{
    unsigned connections = 0;
    for (unsigned i = 0; i < app->nloops; i++)
        connections += pl_http_connections(app->loops[i].http);
    pl_metrics_add(out, "provlog_http_connections", "gauge", "Open connections.", connections);
    pl_metrics_add_head(out, "provlog_build_info", "gauge", "Always 1; the version is a label.");
    pl_buf_add_str(out, "provlog_build_info{version=\"" PL_VERSION "\"} 1\n");
    struct timespec cpu;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    pl_metrics_add(out, "process_cpu_seconds_total", "counter", "Processor time used.",
                   (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    pl_metrics_add(out, "process_start_time_seconds", "gauge", "Start (Unix time).",
                   (double)app->started_ms / 1e3);
}

static void get_metrics(struct pl_req *req)
{
    struct pl_buf out;
    pl_buf_init_arena(&out, &req->arena, METRICS_MAX);
    if (phase_of(req->app) != PL_STARTING) {
        add_log_metrics(req->app, &out);
        add_process_metrics(req->app, &out);
    }
    pl_metrics_render(req->app->metrics, &out);
    if (!pl_buf_ok(&out)) {
        pl_reply_error(req, 500, "metrics do not fit into %zu bytes", METRICS_MAX);
        return;
    }
    pl_reply_bytes(req, 200, "text/plain; version=0.0.4; charset=utf-8", pl_buf_bytes(&out));
}

const struct pl_route PL_ROUTES_ADMIN[] = {
    {"/livez", PL_GET, 0, get_livez, 0},
    {"/readyz", PL_GET, 0, get_readyz, 0},
    {"/startupz", PL_GET, 0, get_startupz, 0},
    {"/metrics", PL_GET, 0, get_metrics, 0},
    {NULL, 0, 0, NULL, 0},
};
