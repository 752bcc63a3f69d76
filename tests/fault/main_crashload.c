/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main_crashload.c - crashload LOG-KEY.pub: the clients of the crash tests, told line by line.
 *
 *   server PORT      where the server is now
 *   load CLIENTS     submit from so many connections until told to stop or the server is gone
 *   stop             end that, verify the answers
 *   retry            send again what is in doubt, verify the answers
 *   check newest N   compare the N newest entries, | check some N: N anywhere, | check all
 *   heads, heads all the present checkpoint extends the ones seen since the last time, or all
 *
 * Each line is answered by one JSON line; "answered" is false when the server was gone.
 */
#include "core/base/enc.h"
#include "core/base/num.h"
#include "tests/fault/crash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_state(const struct crash_world *w, bool answered)
{
    struct pl_buf out;
    size_t doubt = 0;

    for (const struct crash_doc *doc = w->doubt; doc != NULL; doc = doc->next)
        doubt++;
    pl_buf_init(&out, 65536);
    pl_buf_addf(
        &out,
        "{\"answered\":%s,\"acknowledged\":%zu,\"doubt\":%zu,\"heads\":%zu,\"size\":%" PRIu64
        ",\"lost\":%" PRIu64 ",\"changed\":%" PRIu64 ",\"forked\":%" PRIu64
        ",\"unverified\":%" PRIu64 ",\"problem\":",
        answered ? "true" : "false", w->nentries, doubt, w->nheads,
        w->nheads > 0 ? w->heads[w->nheads - 1].size : 0, w->lost, w->changed, w->forked,
        w->unverified);
    pl_buf_add_json_lossy(&out, pl_str(w->problem));
    pl_buf_add_str(&out, ",\"refusal\":");
    pl_buf_add_json_lossy(&out, pl_str(w->refusal));
    pl_buf_add_str(&out, ",\"status\":{");
    const char *comma = "";
    for (int i = 0; i < CRASH_STATUS_MAX; i++) {
        if (w->status[i] == 0)
            continue;
        pl_buf_addf(&out, "%s\"%d\":%" PRIu64, comma, i, w->status[i]);
        comma = ",";
    }
    pl_buf_add_str(&out, "}}");
    (void)puts(pl_buf_cstr(&out));
    (void)fflush(stdout);
    pl_buf_free(&out);
}

static bool check_some(struct crash_world *w, uint64_t n)
{
    bool answered = true;
    size_t at;

    for (uint64_t i = 0; i < n && w->nentries > 0 && answered; i++) {
        pl_random(&at, sizeof(at));
        at %= w->nentries;
        answered = crash_recheck(w, at, at + 1);
    }
    return answered;
}

/* False: not understood. */
static bool obey(struct crash_world *w, const char *line, bool *answered)
{
    struct pl_bytes number = pl_str(strrchr(line, ' ') != NULL ? strrchr(line, ' ') + 1 : "");
    bool has_number;
    struct pl_err err;
    uint64_t n = 0;

    has_number = pl_parse_u64(number, UINT32_MAX, &n);
    if (strncmp(line, "server ", 7) == 0 && has_number)
        w->port = (unsigned)n;
    else if (strncmp(line, "load ", 5) == 0 && has_number && n <= CRASH_CLIENTS_MAX)
        return crash_load_start(w, (size_t)n, &err) == PL_OK;
    else if (strcmp(line, "stop") == 0)
        crash_load_join(w);
    else if (strcmp(line, "retry") == 0)
        crash_retry(w);
    else if (strncmp(line, "check newest ", 13) == 0 && has_number)
        *answered = crash_recheck(w, w->nentries > n ? w->nentries - (size_t)n : 0, w->nentries);
    else if (strncmp(line, "check some ", 11) == 0 && has_number)
        *answered = check_some(w, n);
    else if (strcmp(line, "check all") == 0)
        *answered = crash_recheck(w, 0, w->nentries);
    else if (strcmp(line, "heads") == 0 || strcmp(line, "heads all") == 0)
        *answered = crash_check_heads(w, line[5] != '\0');
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    static struct crash_world world;
    struct pl_err err;
    char line[128];
    int status = 0;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: crashload LOG-KEY.pub <commands\n");
        return 2;
    }
    if (crash_world_init(&world, argv[1], &err) != PL_OK) {
        (void)fprintf(stderr, "crashload: %s\n", err.text);
        crash_world_free(&world);
        return 2;
    }
    while (status == 0 && fgets(line, sizeof(line), stdin) != NULL) {
        bool answered = true;
        line[strcspn(line, "\n")] = '\0';
        if (!obey(&world, line, &answered)) {
            (void)fprintf(stderr, "crashload: \"%s\" is not understood\n", line);
            status = 2;
        } else if (strncmp(line, "load ", 5) == 0) {
            (void)puts("{}"); /* the state is the clients' until they stop */
            (void)fflush(stdout);
        } else {
            crash_settle(&world);
            print_state(&world, answered);
        }
    }
    crash_load_join(&world);
    crash_world_free(&world);
    return status;
}
