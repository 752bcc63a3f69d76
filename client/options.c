/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - parses a command line by the tables of commands.c. */
#include "client/options.h"

#include <stdlib.h>

#include "core/base/num.h"

/* Is @word the whole @name up to its @n-th byte, or one of the blank-separated @aliases? */
static bool is_name(const struct pl_option *o, struct pl_bytes word)
{
    if (pl_bytes_eq_str(word, o->name))
        return true;
    const char *at = o->aliases != NULL ? o->aliases : "";
    while (*at != '\0') {
        size_t n = strcspn(at, " ");
        if (pl_bytes_eq(word, pl_bytes(at, n)))
            return true;
        at += n;
        at += strspn(at, " ");
    }
    return false;
}

static const struct pl_option *find_long(const struct pl_subcommand *command, struct pl_bytes word)
{
    for (size_t t = 0; t < PL_OPTION_TABLES && command->options[t] != NULL; t++)
        for (const struct pl_option *o = command->options[t]; o->name != NULL; o++)
            if (is_name(o, word))
                return o;
    return NULL;
}

static const struct pl_option *find_short(const struct pl_subcommand *command, char letter)
{
    for (size_t t = 0; t < PL_OPTION_TABLES && command->options[t] != NULL; t++)
        for (const struct pl_option *o = command->options[t]; o->name != NULL; o++)
            if (o->letter == letter && letter != '\0')
                return o;
    return NULL;
}

static bool word_is(const char *name, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(name, word, n) == 0;
}

const struct pl_subcommand *pl_subcommand_find(int argc, const char *const *argv, int *words)
{
    for (const struct pl_subcommand *s = PL_SUBCOMMANDS; argc > 0 && s->name != NULL; s++) {
        size_t first = strcspn(s->name, " ");
        *words = s->name[first] == '\0' ? 1 : 2;
        if (*words == 1 && s->alias != NULL && strcmp(argv[0], s->alias) == 0)
            return s;
        if (word_is(s->name, first, argv[0]) &&
            (*words == 1 || (argc > 1 && strcmp(s->name + first + 1, argv[1]) == 0)))
            return s;
    }
    return NULL;
}

/* ---- values ---- */

static void *member(struct pl_args *args, size_t offset)
{
    return (char *)args + offset;
}

static enum pl_code set_number(const struct pl_option *o, const char *value, struct pl_args *args,
                               struct pl_err *err)
{
    uint64_t n = 0;
    if (!pl_parse_u64(pl_str(value), UINT64_MAX, &n) || n < o->min || (o->max != 0 && n > o->max))
        return PL_FAIL(err, PL_EINVAL,
                       "--%s: \"" PL_FMT "\" is not a whole number from %llu to %llu", o->name,
                       PL_ARG(pl_str(value)), (unsigned long long)o->min,
                       (unsigned long long)(o->max != 0 ? o->max : UINT64_MAX));
    *(uint64_t *)member(args, o->offset) = n;
    if (o->has_offset != 0)
        *(bool *)member(args, o->has_offset) = true;
    return PL_OK;
}

static enum pl_code set_value(const struct pl_option *o, const char *value, struct pl_args *args,
                              struct pl_err *err)
{
    switch (o->type) {
    case PL_OPTION_FLAG:
        *(bool *)member(args, o->offset) = true;
        return PL_OK;
    case PL_OPTION_NUMBER:
        return set_number(o, value, args, err);
    case PL_OPTION_LIST:
        if (args->nresult == PL_RESULTS_MAX)
            return PL_FAIL(err, PL_EINVAL, "--%s is given more than %d times", o->name,
                           PL_RESULTS_MAX);
        args->result[args->nresult++] = value;
        return PL_OK;
    case PL_OPTION_TEXT:
        if (value == NULL || value[0] == '\0')
            return PL_FAIL(err, PL_EINVAL, "--%s is empty; leave it out or give it a value",
                           o->name);
        *(const char **)member(args, o->offset) = value;
        return PL_OK;
    }
    return PL_OK;
}

/* Which options were given: a bit for each, by table and place. */
struct given {
    uint32_t bits[PL_OPTION_TABLES];
};

static uint32_t *given_bit(struct given *g, const struct pl_subcommand *command,
                           const struct pl_option *o, uint32_t *mask)
{
    for (size_t t = 0; t < PL_OPTION_TABLES && command->options[t] != NULL; t++) {
        uint32_t bit = 1;
        for (const struct pl_option *x = command->options[t]; x->name != NULL; x++, bit <<= 1) {
            if (x == o) {
                *mask = bit;
                return &g->bits[t];
            }
        }
    }
    *mask = 0;
    return &g->bits[0];
}

static enum pl_code give(struct given *g, const struct pl_subcommand *command,
                         const struct pl_option *o, const char *value, struct pl_args *args,
                         struct pl_err *err)
{
    uint32_t mask;
    uint32_t *bits = given_bit(g, command, o, &mask);
    if ((*bits & mask) != 0 && o->type != PL_OPTION_LIST)
        return PL_FAIL(err, PL_EINVAL, "--%s is given twice", o->name);
    *bits |= mask;
    return set_value(o, value, args, err);
}

/* What was not given: from the environment, else the default. */
static enum pl_code fill_in(struct given *g, const struct pl_subcommand *command,
                            struct pl_args *args, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    for (size_t t = 0; t < PL_OPTION_TABLES && command->options[t] != NULL; t++) {
        for (const struct pl_option *o = command->options[t]; o->name != NULL; o++) {
            uint32_t mask;
            if ((*given_bit(g, command, o, &mask) & mask) != 0)
                continue;
            /* One thread, and nothing here changes the environment. */
            const char *value =
                o->env != NULL ? getenv(o->env) : NULL; // NOLINT(concurrency-mt-unsafe)
            if (value == NULL || value[0] == '\0')
                value = o->standard;
            if (value != NULL)
                PL_TRY(set_value(o, value, args, err));
        }
    }
out:
    return rc;
}

/* ---- the command line ---- */

struct cursor {
    int argc, at;
    const char *const *argv;
    bool ended; /* "--" was seen */
};

/* The value of @o: @attached, or the next word. */
static enum pl_code take_value(struct cursor *cur, const struct pl_option *o, const char *attached,
                               const char **out, struct pl_err *err)
{
    if (o->type == PL_OPTION_FLAG) {
        if (attached != NULL)
            return PL_FAIL(err, PL_EINVAL, "--%s takes no value", o->name);
        *out = NULL;
        return PL_OK;
    }
    if (attached == NULL && cur->at == cur->argc)
        return PL_FAIL(err, PL_EINVAL, "--%s needs a value: --%s %s", o->name, o->name, o->metavar);
    *out = attached != NULL ? attached : cur->argv[cur->at++];
    return PL_OK;
}

static enum pl_code take_option(struct cursor *cur, struct given *g,
                                const struct pl_subcommand *command, const char *word,
                                struct pl_args *args, struct pl_err *err)
{
    const struct pl_option *o;
    const char *attached = NULL;
    const char *value = NULL;
    enum pl_code rc = PL_OK;

    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        o = find_long(command, pl_bytes(word + 2, n));
        attached = word[2 + n] == '=' ? word + 2 + n + 1 : NULL;
    } else {
        o = find_short(command, word[1]);
        attached = word[2] != '\0' ? word + 2 : NULL;
    }
    if (o == NULL)
        return PL_FAIL(err, PL_EINVAL, "unknown option \"" PL_FMT "\"; see provlog help %s",
                       PL_ARG(pl_str(word)), command->name);
    PL_TRY(take_value(cur, o, attached, &value, err));
    PL_TRY(give(g, command, o, value, args, err));
out:
    return rc;
}

static enum pl_code check_operands(const struct pl_subcommand *command, const struct pl_args *args,
                                   struct pl_err *err)
{
    if (args->noperands < command->operands_min)
        return PL_FAIL(err, PL_EINVAL, "%s is missing; see provlog help %s", command->operands,
                       command->name);
    if (args->noperands > command->operands_max)
        return PL_FAIL(err, PL_EINVAL,
                       "\"" PL_FMT "\" is one argument too many; see provlog help %s",
                       PL_ARG(pl_str(args->operand[command->operands_max])), command->name);
    return PL_OK;
}

enum pl_code pl_options_parse(const struct pl_subcommand *command, int argc,
                              const char *const *argv, struct pl_args *out, struct pl_err *err)
{
    struct pl_args args = {0};
    struct given g = {0};
    struct cursor cur = {.argc = argc, .argv = argv};
    enum pl_code rc = PL_OK;

    while (cur.at < argc) {
        const char *word = argv[cur.at++];
        if (!cur.ended && strcmp(word, "--") == 0) {
            cur.ended = true;
        } else if (!cur.ended && word[0] == '-' && word[1] != '\0') {
            PL_TRY(take_option(&cur, &g, command, word, &args, err));
        } else {
            if (args.noperands == PL_OPERANDS_MAX)
                return PL_FAIL(err, PL_EINVAL, "\"" PL_FMT "\" is one argument too many",
                               PL_ARG(pl_str(word)));
            args.operand[args.noperands++] = word;
        }
    }
    PL_TRY(fill_in(&g, command, &args, err));
    if (!args.help)
        PL_TRY(check_operands(command, &args, err));
    *out = args;
out:
    return rc;
}
