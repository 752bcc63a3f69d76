/* SPDX-License-Identifier: Apache-2.0 */
/* options_doc.c - help and the man page, from the tables of commands.c. */
#include "client/options.h"

#include <stdio.h>

#define WIDTH 80

/* ---- help ---- */

/* @text in lines of at most WIDTH columns, each behind @indent blanks. */
static void add_wrapped(struct pl_buf *out, const char *text, size_t indent)
{
    while (*text != '\0') {
        size_t n = strlen(text);
        if (n > WIDTH - indent) {
            n = WIDTH - indent;
            while (n > 0 && text[n] != ' ')
                n--;
            if (n == 0)
                n = strcspn(text, " ");
        }
        pl_buf_addf(out, "%*s", (int)indent, "");
        pl_buf_add(out, text, n);
        pl_buf_add_str(out, "\n");
        text += n;
        text += strspn(text, " ");
    }
}

static void help_option(const struct pl_option *o, struct pl_buf *out)
{
    char line[1024];

    pl_buf_add_str(out, "  ");
    if (o->letter != '\0')
        pl_buf_addf(out, "-%c, ", o->letter);
    pl_buf_addf(out, "--%s%s%s\n", o->name, o->metavar != NULL ? " " : "",
                o->metavar != NULL ? o->metavar : "");
    (void)snprintf(line, sizeof(line), "%s.%s%s%s%s%s%s", o->help,
                   o->standard != NULL ? " Default: " : "", o->standard != NULL ? o->standard : "",
                   o->standard != NULL ? "." : "", o->env != NULL ? " Environment: " : "",
                   o->env != NULL ? o->env : "", o->env != NULL ? "." : "");
    add_wrapped(out, line, 6);
}

static void help_overview(struct pl_buf *out)
{
    pl_buf_add_str(out, "Usage: provlog SUBCOMMAND [OPTION]... [ARGUMENT]\n\n"
                        "Signs, submits, finds and verifies provenance in a transparency log.\n\n"
                        "Subcommands (provlog help SUBCOMMAND says more):\n");
    for (const struct pl_subcommand *s = PL_SUBCOMMANDS; s->name != NULL; s++)
        pl_buf_addf(out, "  %-13s %s\n", s->name, s->summary);
    pl_buf_add_str(out, "\nExit status: 0 done or verified; 1 verification failed; 2 usage; 3 not "
                        "found;\n4 refused by the server; 5 network or server trouble, worth a "
                        "retry.\n");
}

void pl_options_help(const struct pl_subcommand *command, struct pl_buf *out)
{
    if (command == NULL) {
        help_overview(out);
        return;
    }
    pl_buf_addf(out, "Usage: provlog %s [OPTION]...%s%s\n", command->name,
                command->operands[0] != '\0' ? " " : "", command->operands);
    if (command->alias != NULL)
        pl_buf_addf(out, "       provlog %s is the same.\n", command->alias);
    pl_buf_add_str(out, "\n");
    add_wrapped(out, command->text, 0);
    pl_buf_add_str(out, "\nOptions:\n");
    for (size_t t = 0; t < PL_OPTION_TABLES && command->options[t] != NULL; t++)
        for (const struct pl_option *o = command->options[t]; o->name != NULL; o++)
            if (!o->hidden)
                help_option(o, out);
}

/* ---- man page ---- */

/* Text for troff: a backslash is \e, a hyphen \-; a line must not begin with a control character.
 */
static void man_text(struct pl_buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        pl_buf_add_str(out, "\\&");
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            pl_buf_add_str(out, "\\e");
        else if (*text == '-')
            pl_buf_add_str(out, "\\-");
        else
            pl_buf_add(out, text, 1);
    }
}

static void man_option(const struct pl_option *o, struct pl_buf *out)
{
    pl_buf_add_str(out, ".TP\n.B ");
    if (o->letter != '\0')
        pl_buf_addf(out, "\\-%c, ", o->letter);
    pl_buf_add_str(out, "\\-\\-");
    man_text(out, o->name);
    if (o->metavar != NULL) {
        pl_buf_add_str(out, " \\fI");
        man_text(out, o->metavar);
        pl_buf_add_str(out, "\\fR");
    }
    pl_buf_add_str(out, "\n");
    man_text(out, o->help);
    pl_buf_add_str(out, ".\n");
    if (o->standard != NULL)
        pl_buf_addf(out, "Default: %s.\n", o->standard);
    if (o->env != NULL)
        pl_buf_addf(out, "Environment: %s.\n", o->env);
}

static void man_command(const struct pl_subcommand *s, struct pl_buf *out)
{
    pl_buf_addf(out, ".SS %s%s%s\n", s->name, s->alias != NULL ? ", " : "",
                s->alias != NULL ? s->alias : "");
    pl_buf_addf(out, ".B provlog %s\n.RI [ OPTION ]...", s->name);
    if (s->operands[0] != '\0') {
        pl_buf_add_str(out, "\n.I ");
        man_text(out, s->operands);
    }
    pl_buf_add_str(out, "\n.PP\n");
    man_text(out, s->text);
    pl_buf_add_str(out, "\n");
    for (size_t t = 0; t < PL_OPTION_TABLES && s->options[t] != NULL; t++)
        for (const struct pl_option *o = s->options[t]; o->name != NULL; o++)
            if (!o->hidden)
                man_option(o, out);
}

void pl_options_man(struct pl_buf *out)
{
    pl_buf_add_str(out,
                   ".\\\" Made by provlog help --man; change client/commands.c instead.\n"
                   ".TH PROVLOG 1 \"\" \"provlog " PL_VERSION "\" \"provlog\"\n"
                   ".SH NAME\nprovlog \\- sign, submit, find and verify provenance in a "
                   "transparency log\n"
                   ".SH SYNOPSIS\n.B provlog\n.I SUBCOMMAND\n.RI [ OPTION ]...\n"
                   ".RI [ ARGUMENT ]\n"
                   ".SH DESCRIPTION\n"
                   "provlog is the client of provlogd and of any log that speaks the API of Rekor "
                   "v1. Nothing of a server's answer is believed before its signed timestamp, "
                   "inclusion proof and checkpoint were verified under the log's key.\n"
                   ".SH SUBCOMMANDS\n");
    for (const struct pl_subcommand *s = PL_SUBCOMMANDS; s->name != NULL; s++)
        man_command(s, out);
    pl_buf_add_str(out, ".SH EXIT STATUS\n"
                        ".TP\n.B 0\nDone, or verified.\n.TP\n.B 1\nVerification failed.\n"
                        ".TP\n.B 2\nUsage: options, a file that can't be opened or is malformed.\n"
                        ".TP\n.B 3\nNot found.\n.TP\n.B 4\nRefused by the server.\n"
                        ".TP\n.B 5\nNetwork or server trouble; worth a retry.\n"
                        ".SH ENVIRONMENT\n"
                        ".TP\n.B PROVLOG_SERVER\nStands for \\-\\-server.\n"
                        ".TP\n.B COSIGN_PASSWORD\nPassword of private keys; may be empty.\n"
                        ".SH SEE ALSO\n.BR provlogd (8)\n");
}
