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
#define PAUSE_US    2000 /* after a refusal */
#define KEYFILE_MAX 8192

static enum pl_code dup_bytes(struct pl_bytes in, struct pl_bytes *out, struct pl_err *err)
{
    uint8_t *p = malloc(in.n + 1);

    if (p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    if (in.n > 0)
        memcpy(p, in.p, in.n);
    p[in.n] = '\0';
    *out = pl_bytes(p, in.n);
    return PL_OK;
}

static void free_bytes(struct pl_bytes b)
{
    free((void *)(uintptr_t)(const void *)b.p);
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
    struct pl_buf pem;
    enum pl_code rc;

    *w = (struct crash_world){.port = 0};
    pthread_mutex_init(&w->mu, NULL);
    pl_buf_init(&pem, KEYFILE_MAX);
    PL_TRY(load_log_key(w, key_file, err));
    PL_TRY(pl_privkey_generate(PL_KEY_P256, &w->key, err));
    pl_key_add_pem(pl_privkey_public(w->key), &pem);
    PL_TRY(pl_buf_check(&pem, "public key", err));
    PL_TRY(dup_bytes(pl_buf_bytes(&pem), &w->pem, err));
out:
    pl_buf_free(&pem);
    return rc;
}

static void free_doc(struct crash_doc *doc)
{
    free_bytes(doc->proposal);
    free_bytes(doc->answer);
    free(doc);
}

void crash_world_free(struct crash_world *w)
{
    struct crash_doc **const LISTS[] = {&w->answered, &w->doubt};

    for (size_t i = 0; i < 2; i++) {
        while (*LISTS[i] != NULL) {
            struct crash_doc *doc = *LISTS[i];
            *LISTS[i] = doc->next;
            free_doc(doc);
        }
    }
    pl_trusted_root_free(&w->root);
    pl_privkey_free(w->key);
    free_bytes(w->pem);
    free(w->entries);
    free(w->heads);
    pthread_mutex_destroy(&w->mu);
}

/* A fresh submission of 0.5 to 5 KB. */
static enum pl_code make_doc(const struct crash_world *w, struct crash_doc **out,
                             struct pl_err *err)
{
    struct crash_doc *doc = calloc(1, sizeof(*doc));
    struct pl_buf statement, envelope, proposal;
    uint8_t noise[32];
    char hex[2 * sizeof(noise) + 1];
    enum pl_code rc;

    if (doc == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    pl_random(noise, sizeof(noise));
    pl_hex_encode(pl_bytes(noise, sizeof(noise)), hex);
    pl_buf_init(&statement, DOC_MAX);
    pl_buf_init(&envelope, DOC_MAX);
    pl_buf_init(&proposal, DOC_MAX);
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
    pl_proposal_dsse(pl_buf_bytes(&envelope), w->pem, &proposal);
    PL_TRY(pl_buf_check(&proposal, "proposal", err));
    PL_TRY(dup_bytes(pl_buf_bytes(&proposal), &doc->proposal, err));
    *out = doc;
out:
    if (rc != PL_OK)
        free_doc(doc);
    pl_buf_free(&statement);
    pl_buf_free(&envelope);
    pl_buf_free(&proposal);
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
                                       doc->proposal, &got);
        count(w, &got);
        if (got.status == 201 && dup_bytes(got.body, &doc->answer, &err) == PL_OK) {
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
    struct crash_doc *doc;
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
