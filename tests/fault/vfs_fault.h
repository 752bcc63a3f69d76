/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs_fault.h - a SQLite VFS that fails the n-th call of a class, over the VFS that is the default
 * when it is installed.
 *
 * One plan for the process. Calls are counted from the moment the plan is set; a call counts when
 * its file's name ends in the plan's suffix (NULL: every file). Thread-safe.
 */
#ifndef PL_TESTS_FAULT_VFS_FAULT_H
#define PL_TESTS_FAULT_VFS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum pl_fault_class {
    PL_FAULT_NONE,
    PL_FAULT_OPEN,
    PL_FAULT_READ,
    PL_FAULT_WRITE,
    PL_FAULT_TRUNCATE,
    PL_FAULT_SYNC,
    PL_FAULT_SIZE,
    PL_FAULT_LOCK,
    PL_FAULT_DELETE,
    PL_FAULT_ACCESS,
    PL_FAULT_SHM_MAP,
    PL_FAULT_SHM_LOCK,
    PL_FAULT_MEMORY, /* sqlite3_malloc; no file: the suffix is ignored */
    PL_FAULT_CLASS_COUNT
};
enum pl_fault_how {
    PL_FAULT_BEFORE, /* fails without doing it */
    PL_FAULT_AFTER,  /* does it and then says that it failed */
    PL_FAULT_HALF,   /* of a write the first half is done; as BEFORE otherwise */
    PL_FAULT_KILL,   /* SIGKILL to this process instead, before doing it */
};

struct pl_fault_plan {
    enum pl_fault_class class;
    uint64_t nth; /* 1 = the next call of the class */
    bool sticky;  /* all from the nth on */
    enum pl_fault_how how;
    int code;           /* SQLITE_IOERR_WRITE, SQLITE_FULL, ...; 0 = the class's usual one */
    unsigned sync_ms;   /* each sync takes this much longer, whatever the class */
    const char *suffix; /* "-wal", ".db", ...; lives at least until the next plan */
};

/* Makes it the default VFS. Before the first connection; once. */
void pl_fault_install(void);
/* Lets PL_FAULT_MEMORY count. Before anything else of SQLite is used; else it does nothing. */
void pl_fault_install_memory(void);
void pl_fault_set(const struct pl_fault_plan *plan);
void pl_fault_clear(void);
/* How often a planned failure has happened, and how many calls of the plan's class were seen. */
uint64_t pl_fault_hits(void);
uint64_t pl_fault_calls(void);
const char *pl_fault_class_name(enum pl_fault_class class);
/*
 * The plan as text: "class=sync,nth=3,how=after,code=1034,sticky,sync_ms=5,suffix=-wal". False when
 * it is not understood.
 */
bool pl_fault_parse(const char *text, struct pl_fault_plan *out);
/* Takes the plan from the file @path from now on, whenever it changes; missing or empty: no plan.
 */
void pl_fault_follow(const char *path);

#endif
