/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - the running server: what all its threads share, start, drain, upgrade. */
#ifndef PL_SERVER_APP_H
#define PL_SERVER_APP_H

#include "server/config.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/sequencer.h"
#include "server/workers.h"

enum pl_phase { PL_STARTING, PL_SERVING, PL_DRAINING };

/* Set before the first public listener accepts, then read-only, but for what says otherwise. The
 * admin port is served earlier: its handlers look at @phase first. */
struct pl_app {
    const struct pl_config *config;
    struct pl_v1_log v1;
    struct pl_sequencer *sequencer; /* thread-safe by itself */
    struct pl_workers *workers;     /* thread-safe by itself */
    struct pl_metrics *metrics;     /* thread-safe by itself */
    struct pl_loop *loops;
    unsigned nloops;
    struct pl_bytes trusted_root; /* JSON, served and written to DATA_DIR */
    struct pl_bytes signing_config;
    int64_t started_ms;        /* Unix time of this process's (latest) start */
    _Atomic(unsigned) phase;   /* enum pl_phase */
    _Atomic(uint64_t) repeats; /* submissions answered from the published log */
};

/* Runs the server until SIGTERM/SIGINT (drains, returns 0) or a failure at start; the result is the
 * exit status. @argv is what an upgrade in place starts the new program with. */
int pl_app_main(const struct pl_config *config, char **argv);

/* The /readyz document into @out; true when ready. Thread: any. */
bool pl_app_status(struct pl_app *app, struct pl_buf *out);

/* Route tables (router.c joins them): api_rekor1.c, api_attest.c, api_admin.c. Each ends with a
 * NULL pattern. */
extern const struct pl_route PL_ROUTES_REKOR1[];
extern const struct pl_route PL_ROUTES_ATTEST[];
extern const struct pl_route PL_ROUTES_ADMIN[];

#endif
