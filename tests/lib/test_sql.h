/* SPDX-License-Identifier: Apache-2.0 */
/* test_sql.h - damages databases on purpose, behind the store's back. Tests only. */
#ifndef PL_TESTS_LIB_TEST_SQL_H
#define PL_TESTS_LIB_TEST_SQL_H

#include <stdint.h>

/* Runs @sql on @dir/@file; a failure ends the program. The write-ahead log is moved in after. */
void test_sql(const char *dir, const char *file, const char *sql);
/* The first number of a query. */
int64_t test_sql_number(const char *dir, const char *file, const char *sql);
/* Overwrites @n bytes of @dir/@file at @at with 0xA5. */
void test_damage(const char *dir, const char *file, long at, int n);

#endif
