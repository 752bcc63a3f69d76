/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - request counters and histograms.
 *
 * A series is a (route, method, status); a latency is a (route, method). Both live in fixed tables
 * that only grow: a slot's key is written before its state becomes READY, and never changes then,
 * so finding it takes no lock. Adding one takes the mutex. A full table counts into its last slot,
 * "other", rather than losing requests.
 */
#include "server/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SERIES_MAX    1024
#define LATENCIES_MAX 256
#define OWN_BUCKETS   13
#define REKOR_BUCKETS 10

static const double OWN_BOUNDS[OWN_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                               0.1,    0.25,  0.5,    1,     2.5,  10};
static const char *const METHODS[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other"};
#define NMETHODS (sizeof(METHODS) / sizeof(METHODS[0]))

struct series {
    const char *route;
    unsigned method;
    int status;
    atomic_uint_fast64_t count;
};
struct latency {
    const char *route;
    unsigned method;
    atomic_uint_fast64_t own[OWN_BUCKETS], rekor[REKOR_BUCKETS]; /* not cumulative */
    atomic_uint_fast64_t count, sum_us;
};
struct pl_metrics {
    double rekor_bounds[REKOR_BUCKETS]; /* nanoseconds */
    pthread_mutex_t mu;                 /* held to add a slot */
    atomic_size_t nseries, nlatencies;  /* slots below these are complete */
    struct series series[SERIES_MAX];
    struct latency latencies[LATENCIES_MAX];
};

struct pl_metrics *pl_metrics_new(void)
{
    struct pl_metrics *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    (void)pthread_mutex_init(&m->mu, NULL);
    /* Ten exponential buckets from 1e6 to 6e10, as Rekor has them. */
    const double factor = pow(6e10 / 1e6, 1.0 / (REKOR_BUCKETS - 1));
    for (unsigned i = 0; i < REKOR_BUCKETS; i++)
        m->rekor_bounds[i] = 1e6 * pow(factor, i);
    m->rekor_bounds[REKOR_BUCKETS - 1] = 6e10;
    return m;
}

void pl_metrics_free(struct pl_metrics *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_destroy(&m->mu);
    free(m);
}

static unsigned method_number(const char *method)
{
    for (unsigned i = 0; i + 1 < NMETHODS; i++)
        if (strcmp(method, METHODS[i]) == 0)
            return i;
    return NMETHODS - 1;
}

static struct series *find_series(struct pl_metrics *m, size_t n, const char *route,
                                  unsigned method, int status)
{
    for (size_t i = 0; i < n; i++) {
        struct series *s = &m->series[i];
        /* Several rows of the route table may spell one pattern: compare the text too. */
        if (s->status == status && s->method == method &&
            (s->route == route || strcmp(s->route, route) == 0))
            return s;
    }
    return NULL;
}

static struct series *series_of(struct pl_metrics *m, const char *route, unsigned method,
                                int status)
{
    size_t n = atomic_load_explicit(&m->nseries, memory_order_acquire);
    struct series *s = find_series(m, n, route, method, status);
    if (s != NULL)
        return s;
    (void)pthread_mutex_lock(&m->mu);
    n = atomic_load_explicit(&m->nseries, memory_order_acquire);
    s = find_series(m, n, route, method, status);
    if (s == NULL && n < SERIES_MAX) {
        s = &m->series[n];
        s->route = n + 1 < SERIES_MAX ? route : "other";
        s->method = n + 1 < SERIES_MAX ? method : NMETHODS - 1;
        s->status = n + 1 < SERIES_MAX ? status : 0;
        atomic_store_explicit(&m->nseries, n + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&m->mu);
    return s != NULL ? s : &m->series[SERIES_MAX - 1];
}

static struct latency *find_latency(struct pl_metrics *m, size_t n, const char *route,
                                    unsigned method)
{
    for (size_t i = 0; i < n; i++) {
        struct latency *l = &m->latencies[i];
        if (l->method == method && (l->route == route || strcmp(l->route, route) == 0))
            return l;
    }
    return NULL;
}

static struct latency *latency_of(struct pl_metrics *m, const char *route, unsigned method)
{
    size_t n = atomic_load_explicit(&m->nlatencies, memory_order_acquire);
    struct latency *l = find_latency(m, n, route, method);
    if (l != NULL)
        return l;
    (void)pthread_mutex_lock(&m->mu);
    n = atomic_load_explicit(&m->nlatencies, memory_order_acquire);
    l = find_latency(m, n, route, method);
    if (l == NULL && n < LATENCIES_MAX) {
        l = &m->latencies[n];
        l->route = n + 1 < LATENCIES_MAX ? route : "other";
        l->method = n + 1 < LATENCIES_MAX ? method : NMETHODS - 1;
        atomic_store_explicit(&m->nlatencies, n + 1, memory_order_release);
    }
    (void)pthread_mutex_unlock(&m->mu);
    return l != NULL ? l : &m->latencies[LATENCIES_MAX - 1];
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    (void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void pl_metrics_request(struct pl_metrics *m, const char *route, const char *method, int status,
                        uint64_t micros)
{
    unsigned number = method_number(method);
    add(&series_of(m, route, number, status)->count, 1);
    struct latency *l = latency_of(m, route, number);
    const double seconds = (double)micros / 1e6, nanos = (double)micros * 1e3;
    unsigned i;
    for (i = 0; i < OWN_BUCKETS && seconds > OWN_BOUNDS[i]; i++)
        ;
    if (i < OWN_BUCKETS)
        add(&l->own[i], 1);
    for (i = 0; i < REKOR_BUCKETS && nanos > m->rekor_bounds[i]; i++)
        ;
    if (i < REKOR_BUCKETS)
        add(&l->rekor[i], 1);
    add(&l->sum_us, micros);
    add(&l->count, 1);
}

/* ---- text ---- */

void pl_metrics_add_number(struct pl_buf *out, double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    pl_buf_add_str(out, text);
}

void pl_metrics_add_head(struct pl_buf *out, const char *name, const char *type, const char *help)
{
    pl_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void pl_metrics_add(struct pl_buf *out, const char *name, const char *type, const char *help,
                    double value)
{
    pl_metrics_add_head(out, name, type, help);
    pl_buf_addf(out, "%s ", name);
    pl_metrics_add_number(out, value);
    pl_buf_add_byte(out, '\n');
}

/* Label values: patterns of ours, but quoted all the same. */
static void add_label(struct pl_buf *out, const char *name, const char *value)
{
    pl_buf_addf(out, "%s=\"", name);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            pl_buf_add_byte(out, '\\');
        pl_buf_add_byte(out, (uint8_t)*value);
    }
    pl_buf_add_byte(out, '"');
}

static void render_counts(struct pl_metrics *m, const char *name, const char *type,
                          const char *help, const char *path_label, struct pl_buf *out)
{
    pl_metrics_add_head(out, name, type, help);
    const size_t n = atomic_load_explicit(&m->nseries, memory_order_acquire);
    for (size_t i = 0; i < n; i++) {
        const struct series *s = &m->series[i];
        pl_buf_addf(out, "%s{", name);
        add_label(out, path_label, s->route);
        pl_buf_add_byte(out, ',');
        add_label(out, "method", METHODS[s->method]);
        pl_buf_addf(out, ",code=\"%d\"} %llu\n", s->status, (unsigned long long)get(&s->count));
    }
}

struct histogram {
    const char *name, *path_label;
    const double *bounds;
    unsigned nbounds;
    double sum_scale; /* from microseconds */
};

static void render_latency(const struct histogram *h, const struct latency *l,
                           const atomic_uint_fast64_t *buckets, struct pl_buf *out)
{
    uint64_t below = 0;
    struct pl_buf labels;
    pl_buf_init(&labels, 1024);
    add_label(&labels, h->path_label, l->route);
    pl_buf_add_byte(&labels, ',');
    add_label(&labels, "method", METHODS[l->method]);
    const char *text = pl_buf_cstr(&labels);
    /* Read first: a request that finishes meanwhile must not make +Inf smaller than a bucket. */
    uint64_t counts[OWN_BUCKETS] = {0};
    for (unsigned i = 0; i < h->nbounds; i++)
        counts[i] = get(&buckets[i]);
    uint64_t sum = get(&l->sum_us), all = get(&l->count);
    for (unsigned i = 0; i < h->nbounds; i++) {
        below += counts[i];
        pl_buf_addf(out, "%s_bucket{%s,le=\"", h->name, text);
        pl_metrics_add_number(out, h->bounds[i]);
        pl_buf_addf(out, "\"} %llu\n", (unsigned long long)below);
    }
    all = all > below ? all : below;
    pl_buf_addf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} ", h->name, text,
                (unsigned long long)all, h->name, text);
    pl_metrics_add_number(out, (double)sum * h->sum_scale);
    pl_buf_addf(out, "\n%s_count{%s} %llu\n", h->name, text, (unsigned long long)all);
    pl_buf_free(&labels);
}

void pl_metrics_render(struct pl_metrics *m, struct pl_buf *out)
{
    const struct histogram own = {"provlog_http_request_duration_seconds", "route", OWN_BOUNDS,
                                  OWN_BUCKETS, 1e-6};
    const struct histogram rekor = {"rekor_latency_by_api", "path", m->rekor_bounds, REKOR_BUCKETS,
                                    1e3};
    render_counts(m, "provlog_http_requests_total", "counter", "Finished requests.", "route", out);
    render_counts(m, "rekor_qps_by_api", "untyped",
                  "Finished requests, under the name that Rekor has for them.", "path", out);
    const size_t n = atomic_load_explicit(&m->nlatencies, memory_order_acquire);
    pl_metrics_add_head(out, own.name, "histogram",
                        "From the first byte of a request to its answer.");
    for (size_t i = 0; i < n; i++)
        render_latency(&own, &m->latencies[i], m->latencies[i].own, out);
    pl_metrics_add_head(out, rekor.name, "histogram", "The same in nanoseconds, as Rekor has it.");
    for (size_t i = 0; i < n; i++)
        render_latency(&rekor, &m->latencies[i], m->latencies[i].rekor, out);
}
