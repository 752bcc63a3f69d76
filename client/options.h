/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the client's subcommands and their options: one table for parsing, help and man page.
 *
 * An option stands anywhere after the subcommand: --name VALUE or --name=VALUE, -o VALUE; "--" ends
 * them. One that is given twice is refused, unless it is a list. The environment stands in for an
 * option that is not given, if the table names a variable.
 */
#ifndef PL_CLIENT_OPTIONS_H
#define PL_CLIENT_OPTIONS_H

#include "core/base/buf.h"

struct pl_client;

#define PL_OPERANDS_MAX 4
#define PL_RESULTS_MAX  8

/* What the command line says. Texts are borrowed from argv and the environment; NULL: not given. */
struct pl_args {
    const char *server, *log_key, *trusted_root, *ca_cert, *output;
    uint64_t timeout_s, retries;
    const char *key, *type, *predicate, *name, *bundle, *public_key, *results, *out;
    const char *result[PL_RESULTS_MAX]; /* NAME=PATH */
    size_t nresult;
    const char *uuid, *sha256, *artifact, *email, *checkpoint;
    const char *identity, *identity_regexp, *issuer, *issuer_regexp;
    uint64_t log_index, first_size, last_size;
    bool has_log_index, has_first_size, has_last_size;
    bool help, man, fingerprint;
    const char *operand[PL_OPERANDS_MAX];
    size_t noperands;
};

enum pl_option_type {
    PL_OPTION_TEXT,   /* const char * */
    PL_OPTION_LIST,   /* NAME=PATH, into pl_args.result */
    PL_OPTION_NUMBER, /* uint64_t, and a bool when there is a has_offset */
    PL_OPTION_FLAG    /* bool */
};
struct pl_option {
    const char *name; /* without the dashes */
    char letter;      /* short form, 0 if none */
    enum pl_option_type type;
    size_t offset, has_offset; /* in struct pl_args; has_offset 0: none */
    const char *metavar;       /* NULL for a flag */
    const char *aliases;       /* other names, separated by one blank; NULL if none */
    const char *env;           /* NULL if none */
    const char *standard;      /* default, for parsing and help; NULL if none */
    uint64_t min, max;         /* of a number */
    bool hidden;               /* not in help and man page */
    const char *help;
};

typedef enum pl_code (*pl_command_fn)(struct pl_client *c, struct pl_err *err);

#define PL_OPTION_TABLES 5
struct pl_subcommand {
    const char *name;     /* "attest", "model digest" */
    const char *alias;    /* another name, NULL if none */
    const char *operands; /* "ARTIFACT"; "" if none */
    size_t operands_min, operands_max;
    const struct pl_option *options[PL_OPTION_TABLES]; /* each ends with a NULL name */
    pl_command_fn run;
    const char *summary, *text;
};
extern const struct pl_subcommand PL_SUBCOMMANDS[]; /* ends with a NULL name */

/* By the words at the start of @argv ("model", "digest"); *words says how many; NULL if none. */
const struct pl_subcommand *pl_subcommand_find(int argc, const char *const *argv, int *words);

/* Reads what follows the subcommand's name. With --help nothing else is demanded. PL_EINVAL names
 * the option and the way out. */
PL_MUST_CHECK enum pl_code pl_options_parse(const struct pl_subcommand *command, int argc,
                                            const char *const *argv, struct pl_args *out,
                                            struct pl_err *err);

/* @command NULL: the overview. */
void pl_options_help(const struct pl_subcommand *command, struct pl_buf *out);
/* provlog(1), of all subcommands, in man macros. */
void pl_options_man(struct pl_buf *out);

#endif
