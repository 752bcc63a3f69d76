/* SPDX-License-Identifier: Apache-2.0 */
/* main_powercut.c - powercut DIR SEED: plays a power cut over a folder that no process uses. */
#include "core/base/num.h"
#include "tests/fault/vfs_powercut.h"

#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct pl_powercut_stats stats = {0};
    uint64_t seed = 0;

    if (argc != 3 || !pl_parse_u64(pl_str(argv[2]), UINT64_MAX, &seed)) {
        (void)fprintf(stderr, "usage: powercut DIR SEED\n");
        return 2;
    }
    if (!pl_powercut(argv[1], seed, &stats))
        return 1;
    (void)printf("{\"unsynced\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"torn\":%" PRIu64
                 ",\"files_gone\":%" PRIu64 "}\n",
                 stats.unsynced, stats.lost, stats.torn, stats.files_gone);
    return 0;
}
