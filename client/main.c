/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - provlog: one subcommand, one exit status. */
#include <signal.h>
#include <stdio.h>

#include "client/client.h"

#define OUTPUT_MAX ((size_t)128 << 20)

static const char *exit_name(enum pl_exit status)
{
    static const char *const names[] = {
        "ok", "verification-failed", "usage", "not-found", "refused", "trouble"};
    return names[status];
}

/* Was JSON asked for, on a command line that may be malformed? */
static bool asks_json(int argc, const char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        if (strcmp(word, "-ojson") == 0 || strcmp(word, "--output=json") == 0 ||
            strcmp(word, "--format=json") == 0)
            return true;
        if (i + 1 < argc && strcmp(argv[i + 1], "json") == 0 &&
            (strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0 ||
             strcmp(word, "--format") == 0))
            return true;
    }
    return false;
}

/* The reason on standard error; with -o json also an object on standard output. */
static int report(struct pl_client *c, const struct pl_err *err)
{
    enum pl_exit status = pl_exit_of(err);

    pl_out_error(err->text);
    if (c->json) {
        pl_buf_reset(&c->out);
        pl_buf_addf(&c->out, "{\"schema\":\"provlog/error/v1\",\"exit\":%d,\"error\":\"%s\",",
                    (int)status, exit_name(status));
        pl_buf_add_str(&c->out, "\"message\":");
        pl_buf_add_json_lossy(&c->out, pl_str(err->text));
        pl_buf_add_str(&c->out, "}\n");
        if (pl_buf_ok(&c->out)) {
            (void)fwrite(c->out.p, 1, c->out.n, stdout);
            (void)fflush(stdout);
        }
    }
    return (int)status;
}

/* "model digest" -> "model_digest", for the schema's name. */
static const char *schema_name(struct pl_client *c, const struct pl_subcommand *command)
{
    char *name = pl_arena_printf(&c->arena, "%s", command->name);
    for (char *p = name; p != NULL && *p != '\0'; p++)
        if (*p == ' ')
            *p = '-';
    return name != NULL ? name : "";
}

static enum pl_code run(struct pl_client *c, const struct pl_subcommand *command, int argc,
                        const char *const *argv, struct pl_err *err)
{
    enum pl_code rc;

    PL_TRY(pl_options_parse(command, argc, argv, &c->args, err));
    if (strcmp(c->args.output, "text") != 0 && strcmp(c->args.output, "json") != 0)
        return PL_FAIL(err, PL_EINVAL, "--output is text or json, not \"" PL_FMT "\"",
                       PL_ARG(pl_str(c->args.output)));
    pl_out_begin(c, schema_name(c, command));
    if (c->args.help) {
        c->json = false;
        pl_buf_reset(&c->out);
        pl_options_help(command, &c->out);
    } else {
        PL_TRY(command->run(c, err));
    }
    PL_TRY(pl_out_end(c, err));
out:
    return rc;
}

static const struct pl_subcommand *find(int argc, const char *const *argv, int *words,
                                        struct pl_err *err)
{
    static const char *const as_help[] = {"help"}, *const as_version[] = {"version"};
    const char *first = argc > 0 ? argv[0] : "";
    const struct pl_subcommand *s = NULL;

    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        s = pl_subcommand_find(1, as_help, words);
    else if (strcmp(first, "--version") == 0)
        s = pl_subcommand_find(1, as_version, words);
    else
        s = pl_subcommand_find(argc, argv, words);
    if (s == NULL && argc == 0)
        (void)PL_FAIL(err, PL_EINVAL, "which subcommand? See provlog help");
    else if (s == NULL)
        (void)PL_FAIL(err, PL_EINVAL, "unknown subcommand \"" PL_FMT "\"; see provlog help",
                      PL_ARG(pl_str(first)));
    return s;
}

static void free_client(struct pl_client *c)
{
    pl_http_close(c->http);
    if (c->root.logs == &c->pinned) /* made from a bare key: nothing of it is in the arena */
        pl_key_unref(c->pinned.key);
    else
        pl_trusted_root_free(&c->root);
    pl_buf_free(&c->out);
    pl_arena_free(&c->arena);
}

int main(int argc, char **argv)
{
    struct pl_client c = {.http = NULL};
    struct pl_err err;
    int words = 0, status = 0;

    /* A reader that went away is an error of the write, not a death without a word. */
    (void)signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): nothing to do about it
    pl_err_clear(&err);
    pl_arena_init(&c.arena, PL_CLIENT_ARENA_MAX);
    pl_buf_init(&c.out, OUTPUT_MAX);
    /* argv[0] may be missing. */
    const char *const *rest = (const char *const *)argv + (argc > 0);
    int n = argc > 0 ? argc - 1 : 0;
    const struct pl_subcommand *s = find(n, rest, &words, &err);
    if (s == NULL || run(&c, s, n - words, rest + words, &err) != PL_OK) {
        c.json = asks_json(n, rest);
        status = report(&c, &err);
    }
    free_client(&c);
    return status;
}
