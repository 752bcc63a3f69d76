/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash.h - a client that remembers everything a server acknowledged, over the server's lives.
 *
 * Threads submit attestations until told to stop or the server is gone. Each answer is kept as it
 * came and verified afterwards: SET, inclusion proof, checkpoint. What was acknowledged must be
 * there for ever with the same index, body and time; every checkpoint ever seen must be a prefix of
 * the present one. A submission without an answer is in doubt and can be sent again.
 */
#ifndef PL_TESTS_FAULT_CRASH_H
#define PL_TESTS_FAULT_CRASH_H

#include "client/rekor.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- crash_http.c: HTTP over one keep-alive connection ---- */
struct crash_http {
    int fd; /* -1: not connected */
    char *buf;
    size_t cap;
};
struct crash_answer {
    int status;           /* 0: no whole answer came */
    struct pl_bytes body; /* until the connection's next call */
};
void crash_http_init(struct crash_http *h);
void crash_http_close(struct crash_http *h); /* also its memory */
/* One request to 127.0.0.1:@port. False: refused, reset, cut short, or silent for 10 s. */
bool crash_http_ask(struct crash_http *h, unsigned port, const char *method, struct pl_bytes path,
                    struct pl_bytes body, struct crash_answer *out);

/* ---- crash_client.c: submitting and remembering ---- */
#define CRASH_STATUS_MAX 600
struct crash_entry { /* acknowledged */
    uint64_t index;
    int64_t time;
    struct pl_hash body, leaf;
};
struct crash_head { /* a checkpoint that was seen */
    uint64_t size;
    struct pl_hash root;
};
struct crash_doc { /* a submission */
    struct crash_doc *next;
    struct pl_hash payload;
    struct pl_buf proposal;
    struct pl_buf answer; /* the body of a 201 */
};
#define CRASH_CLIENTS_MAX 64
struct crash_world {
    struct pl_trusted_root root; /* the log's key */
    struct pl_privkey *key;      /* the submitter's */
    struct pl_buf pem;
    unsigned port;
    _Atomic(bool) stop;
    pthread_t client[CRASH_CLIENTS_MAX];
    size_t nclients;
    pthread_mutex_t mu; /* guards from here on while clients run */
    struct crash_doc *answered, *doubt;
    uint64_t status[CRASH_STATUS_MAX]; /* answers by status; [0]: none came */
    char refusal[512];                 /* the newest answer that was not 201 */
    /* The main thread's. */
    struct crash_entry *entries;
    size_t nentries, entries_cap;
    struct crash_head *heads; /* ascending by size; [0, nproved) are prefixes of the next ones */
    size_t nheads, heads_cap, nproved;
    uint64_t lost, changed, forked, unverified;
    char problem[1024]; /* the first one */
};
/* Reads the log's public key. */
PL_MUST_CHECK enum pl_code crash_world_init(struct crash_world *w, const char *key_file,
                                            struct pl_err *err);
void crash_world_free(struct crash_world *w);
PL_MUST_CHECK enum pl_code crash_load_start(struct crash_world *w, size_t clients,
                                            struct pl_err *err);
void crash_load_join(struct crash_world *w);
void crash_doc_free(struct crash_doc *doc);
/* Sends what is in doubt again. */
void crash_retry(struct crash_world *w);

/* ---- crash_check.c: believing nothing ---- */
/* Verifies the answers that came and remembers what they acknowledge. */
void crash_settle(struct crash_world *w);
/* The entries [from, to) as the server shows them now; false: it did not answer. */
bool crash_recheck(struct crash_world *w, size_t from, size_t to);
/* The present checkpoint extends all that were seen: those not proved yet, or @all. */
bool crash_check_heads(struct crash_world *w, bool all);

#endif
