/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs_powercut.h - a SQLite VFS under which a power cut can be played.
 *
 * The files show what the page cache would show. Before each write or truncation the bytes that it
 * replaces are kept in an undo log beside the file ("FILE!undo"), which a sync of the file empties:
 * the log holds exactly what no disk has to hold yet. A SIGKILL keeps all (the page cache lives
 * on). pl_powercut(), while no process uses the folder, makes of it what a power cut may leave: any
 * subset of the unsynced writes, later ones without earlier ones, torn at 512-byte sectors; a new
 * write-ahead log or journal whose folder was never synced may be gone; -shm files are gone.
 * Real syncs are left out: they would prove nothing here and cost time.
 *
 * Not played: the deletion of a file coming undone; names of main database files (their makers sync
 * the folder themselves, past SQLite).
 */
#ifndef PL_TESTS_FAULT_VFS_POWERCUT_H
#define PL_TESTS_FAULT_VFS_POWERCUT_H

#include <stdbool.h>
#include <stdint.h>

/* Makes it the default VFS over the present one. Before the first connection; once. */
void pl_powercut_install(void);

struct pl_powercut_stats {
    uint64_t unsynced, lost, torn; /* writes and truncations */
    uint64_t files_gone;
};
/* Plays the cut over @dir. False with a line on stderr when the folder can't be worked on. */
bool pl_powercut(const char *dir, uint64_t seed, struct pl_powercut_stats *stats);

#endif
