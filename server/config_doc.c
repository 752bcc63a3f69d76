/* SPDX-License-Identifier: Apache-2.0 */
/* config_doc.c - --help, the man page, the shell completion and the JSON schema, from the table. */
#include "server/config.h"

#include <stdio.h>

/* ---- shared ---- */

static bool belongs(const struct pl_setting *s, const struct pl_command *c)
{
    return (s->commands & c->bit) != 0;
}

static const char *default_text(const struct pl_setting *s)
{
    return s->standard_text != NULL ? s->standard_text : s->standard;
}

/* @text in lines of at most @width columns, each behind @indent blanks. */
static void add_wrapped(struct pl_buf *out, const char *text, size_t indent, size_t width)
{
    while (*text != '\0') {
        size_t n = strlen(text);
        if (n > width - indent) {
            n = width - indent;
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

/* ---- --help ---- */

static void help_setting(const struct pl_setting *s, struct pl_buf *out)
{
    char flag[64], env[64], line[1024];
    pl_buf_addf(out, "  %s%s%s\n", pl_setting_flag(s, flag), s->metavar != NULL ? " " : "",
                s->metavar != NULL ? s->metavar : "");
    const char *standard = s->type != PL_SETTING_BOOL ? default_text(s) : NULL;
    (void)snprintf(line, sizeof(line), "%s.%s%s%s", s->help, standard != NULL ? " Default: " : "",
                   standard != NULL ? standard : "", standard != NULL ? "." : "");
    add_wrapped(out, line, 6, 80);
    if (s->choices != NULL)
        pl_buf_addf(out, "      One of: %s.\n", s->choices);
    pl_buf_addf(out, "      Environment: %s\n", pl_setting_env(s, env));
}

void pl_config_doc_help(const struct pl_command *command, struct pl_buf *out)
{
    bool serve = command->name[0] == '\0';
    pl_buf_addf(out, "Usage: provlogd%s%s [FLAG]...%s%s\n\n", serve ? "" : " ", command->name,
                command->operand != NULL ? " " : "",
                command->operand != NULL ? command->operand : "");
    add_wrapped(out, command->text, 0, 80);
    if (serve) {
        pl_buf_add_str(out, "\nSubcommands (provlogd SUBCOMMAND --help says more):\n");
        for (const struct pl_command *c = PL_COMMANDS + 1; c->name != NULL; c++)
            pl_buf_addf(out, "  %-8s %-5s %s\n", c->name, c->operand != NULL ? c->operand : "",
                        c->summary);
    }
    pl_buf_add_str(out, "\nFlags; each may come from the environment or the file of --config, in "
                        "this order:\n");
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++)
        if (belongs(s, command))
            help_setting(s, out);
    pl_buf_add_str(out, "  --help, --version\n      Print this, or the version.\n");
}

/* ---- man page (man macros) ---- */

static void man_text(struct pl_buf *out, const char *text)
{
    bool code = false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '`') {
            code = !code;
            pl_buf_add_str(out, code ? "\\fB" : "\\fR");
        } else if (*p == '-') {
            pl_buf_add_str(out, "\\-");
        } else if (*p == '\\') {
            pl_buf_add_str(out, "\\e");
        } else {
            pl_buf_add_byte(out, (uint8_t)*p);
        }
    }
}

static void man_setting(const struct pl_setting *s, struct pl_buf *out)
{
    char name[64];
    pl_buf_add_str(out, ".TP\n\\fB");
    man_text(out, pl_setting_flag(s, name));
    pl_buf_add_str(out, "\\fR");
    if (s->metavar != NULL)
        pl_buf_addf(out, " \\fI%s\\fR", s->metavar);
    pl_buf_add_str(out, "\n");
    man_text(out, s->help);
    pl_buf_add_str(out, ".\n");
    if (s->choices != NULL) {
        pl_buf_add_str(out, "One of: ");
        man_text(out, s->choices);
        pl_buf_add_str(out, ".\n");
    }
    if (s->type != PL_SETTING_BOOL && default_text(s) != NULL) {
        pl_buf_add_str(out, "Default: ");
        man_text(out, default_text(s));
        pl_buf_add_str(out, ".\n");
    }
    pl_buf_addf(out, "Environment: \\fB%s\\fR.\n", pl_setting_env(s, name));
    if ((s->commands & PL_CMD_SERVE) == 0 || (s->commands & ~(unsigned)PL_CMD_SERVE) == 0)
        return;
    pl_buf_add_str(out, "Also for:");
    for (const struct pl_command *c = PL_COMMANDS + 1; c->name != NULL; c++)
        if (belongs(s, c))
            pl_buf_addf(out, " %s", c->name);
    pl_buf_add_str(out, ".\n");
}

static void man_commands(struct pl_buf *out)
{
    pl_buf_add_str(out, ".SH SUBCOMMANDS\n");
    for (const struct pl_command *c = PL_COMMANDS + 1; c->name != NULL; c++) {
        pl_buf_addf(out, ".TP\n\\fB%s\\fR", c->name);
        if (c->operand != NULL)
            pl_buf_addf(out, " \\fI%s\\fR", c->operand);
        pl_buf_add_str(out, "\n");
        man_text(out, c->text);
        pl_buf_add_str(out, "\n");
    }
}

void pl_config_doc_man(struct pl_buf *out)
{
    pl_buf_add_str(out, ".\\\" Made by provlogd --man; do not edit.\n"
                        ".TH PROVLOGD 8 \"\" \"provlog " PL_VERSION "\" \"provlog\"\n"
                        ".SH NAME\nprovlogd \\- transparency log for signed provenance\n"
                        ".SH SYNOPSIS\n"
                        "\\fBprovlogd\\fR [\\fIFLAG\\fR]...\n.br\n"
                        "\\fBprovlogd\\fR \\fISUBCOMMAND\\fR [\\fIFLAG\\fR]... [\\fIFILE\\fR]\n"
                        ".SH DESCRIPTION\n");
    man_text(out, PL_COMMANDS[0].text);
    pl_buf_add_str(out, "\n.PP\nA setting comes from a flag, else from the environment, else from "
                        "the JSON file of\n\\fB\\-\\-config\\fR, else from its default. In the "
                        "file its name is the flag's\nwith underscores: \\fBdata_dir\\fR. Lists in "
                        "the environment are separated by blanks.\n");
    man_commands(out);
    pl_buf_add_str(out, ".SH OPTIONS\n");
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++)
        man_setting(s, out);
    pl_buf_add_str(
        out,
        ".TP\n\\fB\\-\\-help\\fR, \\fB\\-\\-version\\fR\nPrint what there is, or the version.\n"
        ".SH EXIT STATUS\n"
        "0 done; 1 refused or failed; 2 usage or settings; 5 input, output or another server "
        "in the way.\n"
        ".SH FILES\n"
        "In the data directory: \\fBprovlog.db\\fR, \\fBindex.db\\fR (can be made again), "
        "\\fBkeys/v1.pem\\fR\n(secret), \\fBkeys/v1.pub\\fR, \\fBlock\\fR, "
        "\\fBadmin.sock\\fR, \\fBtrusted_root.json\\fR,\n\\fBsigning_config.json\\fR.\n"
        ".SH SEE ALSO\n\\fBprovlog\\fR(1)\n");
}

/* ---- bash completion ---- */

static void completion_flags(const struct pl_command *c, struct pl_buf *out)
{
    char flag[64];
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++)
        if (belongs(s, c))
            pl_buf_addf(out, "%s ", pl_setting_flag(s, flag));
    pl_buf_add_str(out, "--help --version");
}

static void completion_values(struct pl_buf *out)
{
    char flag[64];
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        if (s->choices != NULL)
            pl_buf_addf(out, "    %s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")); return ;;\n",
                        pl_setting_flag(s, flag), s->choices);
        else if (s->type == PL_SETTING_FILE)
            pl_buf_addf(out, "    %s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n",
                        pl_setting_flag(s, flag));
        else if (s->metavar != NULL && strcmp(s->metavar, "DIR") == 0)
            pl_buf_addf(out, "    %s) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n",
                        pl_setting_flag(s, flag));
        else if (s->type != PL_SETTING_BOOL)
            pl_buf_addf(out, "    %s) return ;;\n", pl_setting_flag(s, flag));
    }
}

void pl_config_doc_completion(struct pl_buf *out)
{
    pl_buf_add_str(out,
                   "# Made by provlogd --completion; do not edit.\n"
                   "_provlogd()\n{\n"
                   "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]}\n"
                   "    local flags subcommands=\"\"\n"
                   "    COMPREPLY=()\n"
                   "    case $last in\n");
    completion_values(out);
    pl_buf_add_str(out, "    esac\n    case ${COMP_WORDS[1]} in\n");
    for (const struct pl_command *c = PL_COMMANDS + 1; c->name != NULL; c++) {
        pl_buf_addf(out, "    %s) flags=\"", c->name);
        completion_flags(c, out);
        pl_buf_add_str(out, "\" ;;\n");
    }
    pl_buf_add_str(out, "    *) flags=\"");
    completion_flags(PL_COMMANDS, out);
    pl_buf_add_str(out, "\" ;;\n    esac\n    [ \"$COMP_CWORD\" = 1 ] && subcommands=\"");
    for (const struct pl_command *c = PL_COMMANDS + 1; c->name != NULL; c++)
        pl_buf_addf(out, "%s%s", c == PL_COMMANDS + 1 ? "" : " ", c->name);
    pl_buf_add_str(out, "\"\n"
                        "    case $word in\n"
                        "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
                        "    *) COMPREPLY=($(compgen -f -W \"$subcommands\" -- \"$word\")) ;;\n"
                        "    esac\n}\n"
                        "complete -F _provlogd provlogd\n");
}

/* ---- JSON schema ---- */

static void schema_string(struct pl_buf *out, const char *text)
{
    pl_buf_add_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            pl_buf_add_byte(out, '\\');
        pl_buf_add_byte(out, (uint8_t)*text);
    }
    pl_buf_add_byte(out, '"');
}

static void schema_choices(const char *choices, struct pl_buf *out)
{
    pl_buf_add_str(out, "\"type\": \"string\", \"enum\": [");
    for (const char *p = choices; *p != '\0';) {
        size_t n = strcspn(p, " ");
        pl_buf_addf(out, "%s\"%.*s\"", p == choices ? "" : ", ", (int)n, p);
        p += n + (p[n] == ' ');
    }
    pl_buf_add_str(out, "]");
}

static void schema_number(const struct pl_setting *s, struct pl_buf *out)
{
    pl_buf_addf(out,
                "\"type\": [\"integer\", \"string\"], \"minimum\": %llu, \"maximum\": %llu, "
                "\"pattern\": \"^[0-9]+%s$\"",
                (unsigned long long)s->min, (unsigned long long)s->max,
                s->type == PL_SETTING_SIZE   ? "(B|KiB|MiB|GiB|TiB)?"
                : s->type == PL_SETTING_TIME ? "(ms|s|min|h)?"
                                             : "");
}

static void schema_type(const struct pl_setting *s, struct pl_buf *out)
{
    switch (s->type) {
    case PL_SETTING_BOOL:
        pl_buf_add_str(out, "\"type\": \"boolean\", \"default\": false");
        return;
    case PL_SETTING_CHOICE:
        schema_choices(s->choices, out);
        break;
    case PL_SETTING_COUNT:
    case PL_SETTING_SIZE:
    case PL_SETTING_TIME:
        schema_number(s, out);
        break;
    case PL_SETTING_LIST:
        pl_buf_addf(out,
                    "\"type\": [\"string\", \"array\"], \"items\": {\"type\": \"string\"}, "
                    "\"maxItems\": %llu",
                    (unsigned long long)s->max);
        break;
    case PL_SETTING_TEXT:
    case PL_SETTING_FILE:
        pl_buf_add_str(out, "\"type\": \"string\", \"minLength\": 1");
        break;
    }
    if (s->standard == NULL)
        return;
    pl_buf_add_str(out, ", \"default\": ");
    if (s->type == PL_SETTING_COUNT)
        pl_buf_add_str(out, s->standard);
    else
        schema_string(out, s->standard);
}

void pl_config_doc_schema(struct pl_buf *out)
{
    pl_buf_add_str(out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                        "  \"title\": \"provlogd --config\",\n"
                        "  \"$comment\": \"Made by provlogd --schema; do not edit.\",\n"
                        "  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
                        "  \"properties\": {");
    bool first = true;
    for (const struct pl_setting *s = PL_SETTINGS; s->name != NULL; s++) {
        if (s->offset == offsetof(struct pl_config, config_file))
            continue;
        pl_buf_addf(out, "%s\n    \"%s\": {\n      \"description\": ", first ? "" : ",", s->name);
        schema_string(out, s->help);
        pl_buf_add_str(out, ",\n      ");
        schema_type(s, out);
        pl_buf_add_str(out, "\n    }");
        first = false;
    }
    pl_buf_add_str(out, "\n  }\n}\n");
}
