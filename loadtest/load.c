/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - loads one provlog server with one scenario and prints one JSON object of figures.
 *
 *   load --url http://127.0.0.1:PORT --log-key v1.pub --disk DIR [--scenario submit|read]
 *        [--connections 64] [--count 20000] [--seconds 30] [--pid SERVER_PID] ...
 *
 * Exit status: 0 when every request was answered and every sampled answer verified; 1 otherwise
 * (the figures are printed all the same, unless nothing ran); 2 for wrong arguments.
 */
#include "core/base/num.h"

#include "loadtest/load.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Everything but the two signatures, in signatures: what the prototype of the write path showed. */
#define OVERHEAD 1.62

static int usage(const char *why)
{
    (void)fprintf(
        stderr,
        "load: %s\n"
        "usage: load --url http://HOST:PORT --log-key FILE --disk DIR [--scenario submit|read]\n"
        "            [--connections N] [--count N] [--seconds N] [--keys N] [--size BYTES]\n"
        "            [--samples N] [--tree-size N (read)] [--pid N]\n",
        why);
    return 2;
}

/* "http://HOST:PORT" cut in two, in place. */
static bool split_url(char *url, struct options *o)
{
    static const char scheme[] = "http://";

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    char *host = url + sizeof(scheme) - 1;
    char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    *colon = '\0';
    o->host = host;
    o->port = colon + 1;
    return true;
}

static const struct number {
    const char *name;
    size_t at;
    uint64_t least, most;
} NUMBERS[] = {
    {"connections", offsetof(struct options, connections), 1, 10000},
    {"count", offsetof(struct options, count), 1, 10000000},
    {"seconds", offsetof(struct options, seconds), 1, 3600},
    {"keys", offsetof(struct options, keys), 1, 10000},
    {"size", offsetof(struct options, size), 1200, 60000},
    {"samples", offsetof(struct options, samples), 1, 10000},
    {"tree-size", offsetof(struct options, tree_size), 1, UINT64_MAX},
    {"pid", offsetof(struct options, pid), 1, INT32_MAX},
};
#define NNUMBERS (sizeof(NUMBERS) / sizeof(NUMBERS[0]))

static const char *set_number(const char *name, const char *value, struct options *o)
{
    for (size_t i = 0; i < NNUMBERS; i++) {
        uint64_t v;
        if (strcmp(NUMBERS[i].name, name) != 0)
            continue;
        if (!pl_parse_u64(pl_str(value), NUMBERS[i].most, &v) || v < NUMBERS[i].least)
            return "a number is out of range";
        memcpy((char *)o + NUMBERS[i].at, &v, sizeof(v));
        return NULL;
    }
    return "unknown option";
}

static const char *set_option(const char *name, char *value, struct options *o)
{
    if (strcmp(name, "url") == 0)
        return split_url(value, o) ? NULL : "--url must be http://HOST:PORT";
    if (strcmp(name, "log-key") == 0) {
        o->log_key = value;
        return NULL;
    }
    if (strcmp(name, "disk") == 0) {
        o->disk = value;
        return NULL;
    }
    if (strcmp(name, "scenario") == 0) {
        o->reads = strcmp(value, "read") == 0;
        return o->reads || strcmp(value, "submit") == 0 ? NULL : "--scenario is submit or read";
    }
    return set_number(name, value, o);
}

static const char *parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
            return "options are --NAME VALUE";
        const char *why = set_option(argv[i] + 2, argv[i + 1], o);
        if (why != NULL)
            return why;
    }
    if (o->host == NULL || o->log_key == NULL || o->disk == NULL)
        return "--url, --log-key and --disk are required";
    if (o->reads && o->tree_size == 0)
        return "reads need --tree-size";
    return NULL;
}

static double percentile_ms(const struct outcome *out, double p)
{
    if (out->answered == 0)
        return 0;
    size_t at = (size_t)(p * (double)(out->answered - 1));
    return (double)out->latency_ns[at] / 1e6;
}

static double self_cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

struct figures {
    struct outcome outcome;
    struct machine machine;
    struct usage before, after;
    double generator_us;
    bool verified;
    size_t request_bytes;
};

/* Submissions only: a read costs no verification and no sync. */
static void print_limits(const struct options *o, const struct figures *f, double rate)
{
    const struct machine *m = &f->machine;
    double crypto = m->t_verify_us + m->t_sign_us;
    double by_cpu = m->cores * 1e6 / (OVERHEAD * crypto);
    double by_wait = (double)o->connections * 1e6 / (m->t_sync_us + crypto);
    double bound = by_cpu < by_wait ? by_cpu : by_wait;

    printf(",\"limit_cpu\":%.1f,\"limit_wait\":%.1f,\"bound\":%.1f,\"ratio\":%.4f", by_cpu, by_wait,
           bound, rate / bound);
}

static void print_figures(const struct options *o, const struct figures *f)
{
    const struct outcome *out = &f->outcome;
    double n = out->answered > 0 ? (double)out->answered : 1;
    double rate = out->seconds > 0 ? (double)out->answered / out->seconds : 0;

    printf("{\"scenario\":\"%s\",\"connections\":%" PRIu64 ",\"request_bytes\":%zu,"
           "\"answered\":%zu,\"errors\":%zu,\"reconnects\":%zu,\"seconds\":%.4f,\"rate\":%.1f,",
           o->reads ? "read" : "submit", o->connections, f->request_bytes, out->answered,
           out->errors, out->reconnects, out->seconds, rate);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"server_cpu_us\":%.1f,"
           "\"generator_cpu_us\":%.1f,\"server_rss_bytes\":%" PRIu64
           ",\"server_peak_rss_bytes\":%" PRIu64 ",",
           percentile_ms(out, 0.5), percentile_ms(out, 0.99), percentile_ms(out, 1),
           (f->after.cpu_us - f->before.cpu_us) / n, f->generator_us / n, f->after.rss_bytes,
           f->after.peak_bytes);
    printf("\"cores\":%u,\"t_verify_us\":%.2f,\"t_sign_us\":%.2f,\"t_sync_us\":%.2f",
           f->machine.cores, f->machine.t_verify_us, f->machine.t_sign_us, f->machine.t_sync_us);
    if (!o->reads)
        print_limits(o, f, rate);
    printf(",\"checked\":%zu,\"verified\":%s}\n", out->nsamples, f->verified ? "true" : "false");
}

/* The machine is measured right before and after, server idle: the slower half of a noisy minute
 * would flatter the ratio, so the two are averaged. */
static enum pl_code measure(const struct options *o, const struct requests *reqs, struct figures *f,
                            struct pl_err *err)
{
    enum pl_code rc;
    struct machine first, last;

    PL_TRY(probe_machine(o->disk, &first, err));
    PL_TRY(probe_process(o->pid, &f->before, err));
    double cpu = self_cpu_us();
    PL_TRY(pump(o, reqs, &f->outcome, err));
    f->generator_us = self_cpu_us() - cpu;
    PL_TRY(probe_process(o->pid, &f->after, err));
    PL_TRY(probe_machine(o->disk, &last, err));
    f->machine = (struct machine){.t_verify_us = (first.t_verify_us + last.t_verify_us) / 2,
                                  .t_sign_us = (first.t_sign_us + last.t_sign_us) / 2,
                                  .t_sync_us = (first.t_sync_us + last.t_sync_us) / 2,
                                  .cores = first.cores};
out:
    return rc;
}

int main(int argc, char **argv)
{
    struct options o = {
        .connections = 64, .count = 20000, .seconds = 30, .keys = 8, .size = 2054, .samples = 64};
    struct requests reqs = {0};
    struct figures f = {.verified = false};
    struct pl_err err;
    int status = 1;

    const char *why = parse_options(argc, argv, &o);
    if (why != NULL)
        return usage(why);
    if (make_requests(&o, &reqs, &err) != PL_OK || measure(&o, &reqs, &f, &err) != PL_OK) {
        (void)fprintf(stderr, "load: %s\n", err.text);
        goto out;
    }
    f.request_bytes = reqs.list[0].bytes.n;
    f.verified = f.outcome.nsamples > 0 && check_samples(&o, &reqs, &f.outcome, &err) == PL_OK;
    print_figures(&o, &f);
    if (f.outcome.errors > 0)
        (void)fprintf(stderr, "load: %zu requests failed, the first with %s\n", f.outcome.errors,
                      f.outcome.first_error);
    else if (f.outcome.nsamples == 0)
        (void)fprintf(stderr, "load: no answer came\n");
    else if (!f.verified)
        (void)fprintf(stderr, "load: %s\n", err.text);
    else
        status = 0;
out:
    free_outcome(&f.outcome);
    free_requests(&reqs);
    return status;
}
