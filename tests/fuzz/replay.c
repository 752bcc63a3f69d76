/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - the main that feeds files to one fuzz target without libFuzzer, and prints TAP.
 *
 * Arguments are files and folders (their files, sorted; not deeper). Each input is copied into a
 * block of exactly its size, so that AddressSanitizer sees a read past its end. A target that finds
 * its property broken aborts: the last line printed names the input.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count, failed;

static void report(const char *path, const char *why)
{
    count++;
    failed += why != NULL;
    printf("%sok %u - %s%s%s\n", why != NULL ? "not " : "", count, path, why != NULL ? ": " : "",
           why != NULL ? why : "");
}

static void replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);

    if (f == NULL || data == NULL || fread(data, 1, size, f) != size) {
        report(path, strerror(errno));
    } else {
        printf("# %s\n", path);
        (void)fflush(stdout);
        report(path, LLVMFuzzerTestOneInput(data, size) == 0 ? NULL : "returned non-zero");
    }
    if (f != NULL)
        (void)fclose(f);
    free(data);
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void replay_path(const char *path, int depth)
{
    struct stat st;
    struct dirent **names = NULL;

    if (stat(path, &st) != 0) {
        report(path, strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
        return;
    }
    int n = depth > 0 ? 0 : scandir(path, &names, visible, alphasort);
    if (n < 0)
        report(path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *one = NULL;
        if (asprintf(&one, "%s/%s", path, names[i]->d_name) > 0)
            replay_path(one, depth + 1);
        free(one);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay_path(argv[i], 0);
    if (count == 0)
        report("no input at all", "an empty corpus tests nothing");
    printf("1..%u\n", count);
    return failed == 0 ? 0 : 1;
}
