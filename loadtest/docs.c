/* SPDX-License-Identifier: Apache-2.0 */
/* docs.c - distinct DSSE submissions, signed before the clock starts; and reads by index. */
#include "core/attest/dsse.h"
#include "core/attest/entry.h"
#include "core/base/enc.h"

#include "loadtest/load.h"

#include <inttypes.h>
#include <stdlib.h>

#define REQUESTS_MAX ((size_t)8 << 30) /* all of them, in memory */
#define REQUEST_MAX  ((size_t)4 << 20)
#define PAYLOAD_MAX  ((size_t)1 << 20)

/* Envelope, verifier and Rekor's wrapping around a statement, which base64 makes a third longer:
 * what a body of the wanted size leaves for the statement. */
static size_t statement_size(size_t body)
{
    const size_t around = 560;

    return body > around ? (body - around) * 3 / 4 : 0;
}

/* SLSA v1 provenance of one model file, filled up with random hex to @size. */
static void write_statement(struct pl_buf *b, uint64_t number, size_t size)
{
    uint8_t noise[32];
    char hex[2 * sizeof(noise) + 1];

    pl_random(noise, sizeof(noise));
    pl_hex_encode(pl_bytes(noise, sizeof(noise)), hex);
    pl_buf_addf(b,
                "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":"
                "\"model-%" PRIu64 ".safetensors\",\"digest\":{\"sha256\":\"%s\"}}],"
                "\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{"
                "\"buildDefinition\":{\"buildType\":\"https://provlog.example/loadtest/v1\","
                "\"externalParameters\":{\"epochs\":3,\"seed\":%" PRIu64 "},"
                "\"resolvedDependencies\":[{\"uri\":\"git+https://git.example.com/train\","
                "\"digest\":{\"gitCommit\":\"%.40s\"}}]},\"runDetails\":{\"builder\":{\"id\":"
                "\"https://ci.example.com/train\"},\"byproducts\":[{\"name\":\"",
                number, hex, number, hex);
    const char end[] = "\"}]}}}";
    while (b->n + sizeof(end) - 1 < size) {
        size_t left = size - b->n - (sizeof(end) - 1);
        pl_buf_add(b, hex, left < 64 ? left : 64);
    }
    pl_buf_add_str(b, end);
}

static enum pl_code copy_out(const struct pl_buf *b, struct pl_arena *arena, struct request *out,
                             struct pl_err *err)
{
    enum pl_code rc = pl_buf_check(b, "request", err);

    if (rc != PL_OK)
        return rc;
    out->bytes = pl_arena_dup(arena, pl_buf_bytes(b));
    if (out->bytes.p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "request: out of memory");
    return PL_OK;
}

static enum pl_code make_submission(const struct options *o, const struct pl_privkey *key,
                                    struct pl_bytes pem, uint64_t number, struct pl_arena *arena,
                                    struct request *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_buf statement, envelope, body, http;

    pl_buf_init(&statement, PAYLOAD_MAX);
    pl_buf_init(&envelope, REQUEST_MAX);
    pl_buf_init(&body, REQUEST_MAX);
    pl_buf_init(&http, REQUEST_MAX);
    write_statement(&statement, number, statement_size(o->size));
    PL_TRY(pl_buf_check(&statement, "statement", err));
    pl_sha256(pl_buf_bytes(&statement), &out->payload);
    PL_TRY(pl_dsse_sign(PL_LIT(PL_PAYLOAD_TYPE_INTOTO), pl_buf_bytes(&statement), key, &envelope,
                        err));
    pl_proposal_dsse(pl_buf_bytes(&envelope), pem, &body);
    PL_TRY(pl_buf_check(&body, "proposal", err));
    pl_buf_addf(&http,
                "POST /api/v1/log/entries HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: "
                "application/json\r\nAccept: application/json\r\nContent-Length: %zu\r\n\r\n",
                o->host, o->port, body.n);
    pl_buf_add_bytes(&http, pl_buf_bytes(&body));
    PL_TRY(copy_out(&http, arena, out, err));
out:
    pl_buf_free(&http);
    pl_buf_free(&body);
    pl_buf_free(&envelope);
    pl_buf_free(&statement);
    return rc;
}

/* Any index below the tree size, at random: no locality helps the server. */
static enum pl_code make_read(const struct options *o, struct pl_arena *arena, struct request *out,
                              struct pl_err *err)
{
    struct pl_buf http;
    uint64_t random;

    pl_random(&random, sizeof(random));
    out->index = random % o->tree_size;
    pl_buf_init(&http, REQUEST_MAX);
    pl_buf_addf(&http,
                "GET /api/v1/log/entries?logIndex=%" PRIu64
                " HTTP/1.1\r\nHost: %s:%s\r\nAccept: application/json\r\n\r\n",
                out->index, o->host, o->port);
    enum pl_code rc = copy_out(&http, arena, out, err);
    pl_buf_free(&http);
    return rc;
}

/* Round-robin over the keys; each key makes its share in one go, since its PEM is made once. */
static enum pl_code make_submissions(const struct options *o, struct requests *r,
                                     struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct pl_privkey *key = NULL;
    struct pl_buf pem;

    pl_buf_init(&pem, (size_t)1 << 16);
    for (uint64_t k = 0; k < o->keys; k++) {
        PL_TRY(pl_privkey_generate(PL_KEY_P256, &key, err));
        pl_buf_reset(&pem);
        pl_key_add_pem(pl_privkey_public(key), &pem);
        PL_TRY(pl_buf_check(&pem, "public key", err));
        for (size_t i = k; i < r->n; i += o->keys)
            PL_TRY(make_submission(o, key, pl_buf_bytes(&pem), i, &r->arena, &r->list[i], err));
        pl_privkey_free(key);
        key = NULL;
    }
out:
    pl_privkey_free(key);
    pl_buf_free(&pem);
    return rc;
}

enum pl_code make_requests(const struct options *o, struct requests *out, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    *out = (struct requests){.n = (size_t)o->count};
    pl_arena_init(&out->arena, REQUESTS_MAX);
    out->list = calloc(out->n, sizeof(out->list[0]));
    if (out->list == NULL)
        return PL_FAIL(err, PL_ENOMEM, "%zu requests: out of memory", out->n);
    if (o->reads) {
        for (size_t i = 0; i < out->n; i++)
            PL_TRY(make_read(o, &out->arena, &out->list[i], err));
    } else {
        PL_TRY(make_submissions(o, out, err));
    }
out:
    if (rc != PL_OK)
        free_requests(out);
    return rc;
}

void free_requests(struct requests *r)
{
    free(r->list);
    pl_arena_free(&r->arena);
    *r = (struct requests){0};
}
