/* SPDX-License-Identifier: Apache-2.0 */
/* test_sql.c - SQL and bytes behind the store's back. */
#include "tests/lib/test_sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static void path_of(char out[256], const char *dir, const char *file)
{
    int n = snprintf(out, 256, "%s/%s", dir, file);
    if (n < 0 || n >= 256)
        exit(99);
}

static sqlite3 *open_db(const char *dir, const char *file)
{
    char path[256];
    sqlite3 *h = NULL;

    path_of(path, dir, file);
    if (sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(h));
        exit(99);
    }
    return h;
}

void test_sql(const char *dir, const char *file, const char *sql)
{
    sqlite3 *h = open_db(dir, file);
    char *text = NULL;
    if (sqlite3_exec(h, sql, NULL, NULL, &text) != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, text);
        exit(99);
    }
    sqlite3_wal_checkpoint_v2(h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(h);
}

int64_t test_sql_number(const char *dir, const char *file, const char *sql)
{
    sqlite3 *h = open_db(dir, file);
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
        (void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(h));
        exit(99);
    }
    int64_t value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(h);
    return value;
}

void test_damage(const char *dir, const char *file, long at, int n)
{
    char path[256];

    path_of(path, dir, file);
    FILE *f = fopen(path, "r+b");
    if (f == NULL || fseek(f, at, SEEK_SET) != 0)
        exit(99);
    for (int i = 0; i < n; i++)
        (void)fputc(0xA5, f);
    if (fclose(f) != 0)
        exit(99);
}
