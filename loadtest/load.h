/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - the parts of the load generator: documents, pump, probes, checks.
 *
 * Everything that costs the generator time is done before the clock starts (signing, building the
 * requests) or after it stopped (verifying a sample of the answers). In between one thread moves
 * bytes: it shares the cores with the server, so what it costs is part of every figure.
 */
#ifndef PL_LOADTEST_LOAD_H
#define PL_LOADTEST_LOAD_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/crypto/key.h"

#include <sys/types.h>

struct options {
    const char *host, *port; /* of an http:// URL */
    bool reads;              /* GET by index instead of POST */
    uint64_t connections, count, seconds, keys, size, samples;
    uint64_t tree_size; /* reads: indexes below it */
    uint64_t pid;       /* of the server, 0: unknown */
    const char *log_key;
    const char *disk; /* folder on the disk that is measured */
};

/* ---- docs.c: requests, complete with HTTP head ---- */
struct request {
    struct pl_bytes bytes;  /* in the list's arena */
    struct pl_hash payload; /* SHA-256 of the statement; reads: zero */
    uint64_t index;         /* reads: the index asked for */
};
struct requests {
    struct request *list;
    size_t n;
    struct pl_arena arena;
};
/* o->count requests, each different. Signs with o->keys fresh P-256 keys. */
PL_MUST_CHECK enum pl_code make_requests(const struct options *o, struct requests *out,
                                         struct pl_err *err);
void free_requests(struct requests *r);

/* ---- pump.c: keep-alive connections over epoll ---- */
struct sample {
    size_t request;
    struct pl_bytes body; /* in the outcome's arena */
};
struct outcome {
    uint64_t *latency_ns; /* of the answered ones, sorted */
    size_t answered, errors, reconnects;
    double seconds;
    struct sample *samples;
    size_t nsamples;
    struct pl_arena arena;
    char first_error[256];
};
/* Sends all requests over o->connections connections, one outstanding on each, until they are
 * answered or o->seconds have passed. PL_EIO when the server can't be reached or falls silent. */
PL_MUST_CHECK enum pl_code pump(const struct options *o, const struct requests *reqs,
                                struct outcome *out, struct pl_err *err);
void free_outcome(struct outcome *out);

/* ---- probe.c: what this machine can do, and what the server used ---- */
struct machine {
    double t_verify_us, t_sign_us, t_sync_us; /* medians */
    unsigned cores;                           /* that this process may run on */
};
PL_MUST_CHECK enum pl_code probe_machine(const char *disk, struct machine *out, struct pl_err *err);
struct usage {
    double cpu_us;
    uint64_t rss_bytes, peak_bytes;
};
/* Of process @pid, from /proc. All zero for pid 0. */
PL_MUST_CHECK enum pl_code probe_process(uint64_t pid, struct usage *out, struct pl_err *err);
uint64_t now_ns(void);

/* ---- check.c: answers are believed only when they verify ---- */
/* Leaf hash, SET, inclusion proof, checkpoint; and that it is the entry that was asked for. */
PL_MUST_CHECK enum pl_code check_samples(const struct options *o, const struct requests *reqs,
                                         const struct outcome *out, struct pl_err *err);

#endif
