/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main_provlogd_fault.c - what makes build/tests/provlogd-fault of provlogd: linked beside its
 * main(), it puts the VFS shims below SQLite before main() runs. The production binary has nothing
 * of this.
 *
 * PROVLOG_FAULT holds words separated by ';':
 *   powercut        keep undo logs beside the files, for build/tests/powercut DIR SEED
 *   follow=FILE     take the plan from FILE whenever it changes (pl_fault_parse); no file, no plan
 *   class=...       a plan from the start
 *   synchronous=X   open the store with PRAGMA synchronous=X instead of FULL
 *   no-tail-rule    serve what an open finds without making it durable first
 * The last two show that the crash tests see what they are there to see. They come in through the
 * linker: every call of pl_store_open() is wrapped here (fault.mk).
 */
#include "store/store.h"
#include "tests/fault/vfs_fault.h"
#include "tests/fault/vfs_powercut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *synchronous; /* NULL: the store's own */
static bool no_tail_rule;

/* The names that the linker's --wrap=pl_store_open gives to the two. */
enum pl_code real_store_open(const struct pl_store_opts *opts, struct pl_store **out,
                             struct pl_err *err) __asm__("__real_pl_store_open");
enum pl_code wrapped_store_open(const struct pl_store_opts *opts, struct pl_store **out,
                                struct pl_err *err) __asm__("__wrap_pl_store_open");
enum pl_code wrapped_store_open(const struct pl_store_opts *opts, struct pl_store **out,
                                struct pl_err *err)
{
    struct pl_store_opts changed = *opts;

    if (synchronous != NULL)
        changed.synchronous = synchronous;
    if (no_tail_rule)
        changed.repair_tail = false;
    return real_store_open(&changed, out, err);
}

static void take_word(const char *word)
{
    struct pl_fault_plan plan;

    if (strncmp(word, "synchronous=", 12) == 0) {
        synchronous = word + 12;
        return;
    }
    if (strcmp(word, "no-tail-rule") == 0) {
        no_tail_rule = true;
        return;
    }
    if (strcmp(word, "powercut") == 0)
        return; /* installed already: it goes below the other one */
    if (strncmp(word, "follow=", 7) == 0) {
        pl_fault_follow(word + 7);
        return;
    }
    if (!pl_fault_parse(word, &plan)) {
        (void)fprintf(stderr, "PROVLOG_FAULT: \"%s\" is not understood\n", word);
        _exit(98);
    }
    pl_fault_set(&plan);
}

__attribute__((constructor)) static void install(void)
{
    static char words[512]; /* static: a plan may point into it */
    const char *text = getenv("PROVLOG_FAULT");

    if (text == NULL)
        return;
    pl_fault_install_memory();
    if (strstr(text, "powercut") != NULL)
        pl_powercut_install();
    pl_fault_install();
    int n = snprintf(words, sizeof(words), "%s", text);
    if (n < 0 || (size_t)n >= sizeof(words))
        _exit(98);
    for (char *word = words; word != NULL;) {
        char *end = strchr(word, ';');
        if (end != NULL)
            *end++ = '\0';
        take_word(word);
        word = end;
    }
}
