/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - error values and their texts. */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const code_names[PL_CODE_COUNT] = {
    [PL_OK] = "PL_OK",           [PL_EINVAL] = "PL_EINVAL",
    [PL_EVERIFY] = "PL_EVERIFY", [PL_ENOTFOUND] = "PL_ENOTFOUND",
    [PL_EEXISTS] = "PL_EEXISTS", [PL_ETOOBIG] = "PL_ETOOBIG",
    [PL_EBUSY] = "PL_EBUSY",     [PL_ENOSPACE] = "PL_ENOSPACE",
    [PL_EIO] = "PL_EIO",         [PL_ECORRUPT] = "PL_ECORRUPT",
    [PL_ENOMEM] = "PL_ENOMEM",
};

const char *pl_code_name(enum pl_code code)
{
    if ((unsigned)code >= PL_CODE_COUNT)
        return "?";
    return code_names[code];
}

void pl_err_clear(struct pl_err *err)
{
    *err = (struct pl_err){.code = PL_OK};
}

/* Marks a text that did not fit. @want is what vsnprintf returned. */
static void mark_cut(char *text, size_t size, int want)
{
    if (want < 0)
        text[0] = '\0';
    else if ((size_t)want >= size)
        memcpy(text + size - 4, "...", 4);
}

enum pl_code pl_err_set(struct pl_err *err, enum pl_code code, int cause, const char *file,
                        int line, const char *fmt, ...)
{
    char text[sizeof(err->text)]; /* the arguments may point into err->text */
    va_list ap;

    va_start(ap, fmt);
    mark_cut(text, sizeof(text), vsnprintf(text, sizeof(text), fmt, ap));
    va_end(ap);
    err->code = code;
    err->cause = cause;
    err->file = file;
    err->line = line;
    memcpy(err->text, text, strlen(text) + 1);
    return code;
}

enum pl_code pl_err_wrap(struct pl_err *err, const char *fmt, ...)
{
    char context[sizeof(err->text)], text[sizeof(err->text)];
    va_list ap;

    va_start(ap, fmt);
    mark_cut(context, sizeof(context), vsnprintf(context, sizeof(context), fmt, ap));
    va_end(ap);
    mark_cut(text, sizeof(text), snprintf(text, sizeof(text), "%s: %s", context, err->text));
    memcpy(err->text, text, strlen(text) + 1);
    return err->code;
}

void pl_never_happened(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: this can never happen: %s\n", file, line, expr);
    abort();
}
