/* SPDX-License-Identifier: Apache-2.0 */
/* crash_client.c - clients that submit until the server is gone, and remember what it said. */
#include "tests/fault/crash.h"

#include "core/attest/entry.h"
#include "core/base/enc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DOC_MAX     ((size_t)1 << 20)
#define ANSWER_MAX  ((size_t)4 << 20)
#define PAUSE_US    2000 /* after a refusal */
#define KEYFILE_MAX 8192

static enum pl_code keep(struct pl_bytes in, const char *what, struct pl_buf *out,
                         struct pl_err *err)
{
    pl_buf_init(out, ANSWER_MAX);
    pl_buf_add_bytes(out, in);
    return pl_buf_check(out, what, err);
}

static enum pl_code load_log_key(struct crash_world *w, const char *path, struct pl_err *err)
{
    struct pl_key *key = NULL;
    char text[KEYFILE_MAX];
    FILE *f = fopen(path, "rb");
    enum pl_code rc;

    if (f == NULL)
        return PL_FAIL(err, PL_EIO, "%s can't be opened", path);
    size_t n = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    PL_TRY(pl_key_from_pem(pl_bytes(text, n), &key, err));
    PL_TRY(pl_trusted_root_from_key(key, &w->root, err));
out:
    pl_key_unref(key);
    return rc;
}

enum pl_code crash_world_init(struct crash_world *w, const char *key_file, struct pl_err *err)
{
    enum pl_code rc;

    *w = (struct crash_world){.port = 0};
    pthread_mutex_init(&w->mu, NULL);
    pl_buf_init(&w->pem, KEYFILE_MAX);
    PL_TRY(load_log_key(w, key_file, err));
    PL_TRY(pl_privkey_generate(PL_KEY_P256, &w->key, err));
    pl_key_add_pem(pl_privkey_public(w->key), &w->pem);
    PL_TRY(pl_buf_check(&w->pem, "public key", err));
out:
    return rc;
}

void crash_doc_free(struct crash_doc *doc)
{
    pl_buf_free(&doc->proposal);
    pl_buf_free(&doc->answer);
    free(doc);
}

void crash_world_free(struct crash_world *w)
{
    struct crash_doc **const LISTS[] = {&w->answered, &w->doubt};

    for (size_t i = 0; i < 2; i++) {
        while (*LISTS[i] != NULL) {
            struct crash_doc *doc = *LISTS[i];
            *LISTS[i] = doc->next;
            crash_doc_free(doc);
        }
    }
    pl_trusted_root_free(&w->root);
    pl_privkey_free(w->key);
    pl_buf_free(&w->pem);
    free(w->entries);
    free(w->heads);
    pthread_mutex_destroy(&w->mu);
}

/* A fresh submission of 0.5 to 5 KB. */
static enum pl_code make_doc(const struct crash_world *w, struct crash_doc **out,
                             struct pl_err *err)
{
    struct crash_doc *doc = calloc(1, sizeof(*doc));
    struct pl_buf statement, envelope;
    uint8_t noise[32];
    char hex[2 * sizeof(noise) + 1];
    enum pl_code rc;

    if (doc == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    pl_random(noise, sizeof(noise));
    pl_hex_encode(pl_bytes(noise, sizeof(noise)), hex);
    pl_buf_init(&statement, DOC_MAX);
    pl_buf_init(&envelope, DOC_MAX);
    pl_buf_init(&doc->proposal, DOC_MAX);
    pl_buf_addf(
        &statement,
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"m\","
        "\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":\"https://example.com/crash/v1\""
        ",\"predicate\":{\"filler\":\"",
        hex);
    for (unsigned i = 0; i < noise[0] % 48u; i++)
        pl_buf_add_str(&statement, hex);
    pl_buf_add_str(&statement, "\"}}");
    pl_sha256(pl_buf_bytes(&statement), &doc->payload);
    PL_TRY(pl_dsse_sign(PL_LIT(PL_PAYLOAD_TYPE_INTOTO), pl_buf_bytes(&statement), w->key, &envelope,
                        err));
    pl_proposal_dsse(pl_buf_bytes(&envelope), pl_buf_bytes(&w->pem), &doc->proposal);
    PL_TRY(pl_buf_check(&doc->proposal, "proposal", err));
    *out = doc;
out:
    if (rc != PL_OK)
        crash_doc_free(doc);
    pl_buf_free(&statement);
    pl_buf_free(&envelope);
    return rc;
}

static void put_away(struct crash_world *w, struct crash_doc **list, struct crash_doc *doc)
{
    pthread_mutex_lock(&w->mu);
    doc->next = *list;
    *list = doc;
    pthread_mutex_unlock(&w->mu);
}

static void count(struct crash_world *w, const struct crash_answer *got)
{
    pthread_mutex_lock(&w->mu);
    w->status[got->status]++;
    if (got->status != 0 && got->status != 201)
        (void)snprintf(w->refusal, sizeof(w->refusal), "%d %.*s", got->status,
                       (int)(got->body.n < 400 ? got->body.n : 400), (const char *)got->body.p);
    pthread_mutex_unlock(&w->mu);
}

/*
 * Sends @doc until it is acknowledged, the server is gone (false) or it is time to stop. A refusal
 * says nothing for certain: whatever is not acknowledged is in doubt.
 */
static bool submit(struct crash_world *w, struct crash_http *http, struct crash_doc *doc)
{
    struct crash_answer got;
    struct pl_err err;

    for (;;) {
        bool answered = crash_http_ask(http, w->port, "POST", PL_LIT("/api/v1/log/entries"),
                                       pl_buf_bytes(&doc->proposal), &got);
        count(w, &got);
        if (got.status == 201 && keep(got.body, "answer", &doc->answer, &err) == PL_OK) {
            put_away(w, &w->answered, doc);
            return true;
        }
        if (!answered || atomic_load(&w->stop)) {
            put_away(w, &w->doubt, doc);
            return answered;
        }
        usleep(PAUSE_US);
    }
}

/* One client's life: ends with the server's. */
static void *run_client(void *arg)
{
    struct crash_world *w = arg;
    struct crash_http http;
    struct crash_doc *doc = NULL;
    struct pl_err err;
    bool alive = true;

    crash_http_init(&http);
    while (alive && !atomic_load(&w->stop)) {
        if (make_doc(w, &doc, &err) != PL_OK) {
            (void)fprintf(stderr, "crashload: %s\n", err.text);
            break;
        }
        alive = submit(w, &http, doc);
    }
    crash_http_close(&http);
    return NULL;
}

enum pl_code crash_load_start(struct crash_world *w, size_t clients, struct pl_err *err)
{
    atomic_store(&w->stop, false);
    for (w->nclients = 0; w->nclients < clients; w->nclients++) {
        if (pthread_create(&w->client[w->nclients], NULL, run_client, w) != 0) {
            crash_load_join(w);
            return PL_FAIL(err, PL_ENOMEM, "no thread to be had");
        }
    }
    return PL_OK;
}

void crash_load_join(struct crash_world *w)
{
    atomic_store(&w->stop, true);
    for (size_t i = 0; i < w->nclients; i++)
        (void)pthread_join(w->client[i], NULL);
    w->nclients = 0;
}

void crash_retry(struct crash_world *w)
{
    struct crash_doc *list = w->doubt;
    struct crash_http http;
    bool alive = true;

    w->doubt = NULL;
    atomic_store(&w->stop, true); /* one attempt each */
    crash_http_init(&http);
    while (list != NULL) {
        struct crash_doc *doc = list;
        list = doc->next;
        if (alive)
            alive = submit(w, &http, doc);
        else
            put_away(w, &w->doubt, doc);
    }
    crash_http_close(&http);
}
