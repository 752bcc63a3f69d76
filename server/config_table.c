/* SPDX-License-Identifier: Apache-2.0 */
/* config_table.c - the settings and the subcommands, as data. */
#include "server/config.h"

#include "core/base/limits.h"

#define S PL_CMD_SERVE
#define ALL \
    (PL_CMD_SERVE | PL_CMD_INIT | PL_CMD_FSCK | PL_CMD_BACKUP | PL_CMD_RESTORE | PL_CMD_HEALTH)
#define DIRS       (PL_CMD_SERVE | PL_CMD_INIT | PL_CMD_FSCK | PL_CMD_BACKUP | PL_CMD_RESTORE)
#define AT(member) offsetof(struct pl_config, member)
#define MIB        ((uint64_t)1 << 20)
#define GIB        ((uint64_t)1 << 30)
#define TIB        ((uint64_t)1 << 40)

#define TEXT(n, member, dflt, cmds, meta, text)                                         \
    {                                                                                   \
        .name = (n), .type = PL_SETTING_TEXT, .offset = AT(member), .standard = (dflt), \
        .commands = (cmds), .metavar = (meta), .help = (text)                           \
    }
#define FILE_(n, member, cmds, text)                                                    \
    {                                                                                   \
        .name = (n), .type = PL_SETTING_FILE, .offset = AT(member), .commands = (cmds), \
        .metavar = "FILE", .help = (text)                                               \
    }
#define BOOL(n, member, cmds, text)                                                      \
    {                                                                                    \
        .name = (n), .type = PL_SETTING_BOOL, .offset = AT(member), .standard = "false", \
        .commands = (cmds), .help = (text)                                               \
    }
#define CHOICE(n, member, dflt, all, cmds, meta, text)                                    \
    {                                                                                     \
        .name = (n), .type = PL_SETTING_CHOICE, .offset = AT(member), .standard = (dflt), \
        .choices = (all), .commands = (cmds), .metavar = (meta), .help = (text)           \
    }
#define NUMBER(t, n, member, dflt, lo, hi, meta, text)                                   \
    {                                                                                    \
        .name = (n), .type = (t), .offset = AT(member), .standard = (dflt), .min = (lo), \
        .max = (hi), .commands = S, .metavar = (meta), .help = (text)                    \
    }
#define COUNT(n, member, dflt, lo, hi, text) \
    NUMBER(PL_SETTING_COUNT, n, member, dflt, lo, hi, "N", text)
#define SIZE(n, member, dflt, lo, hi, text) \
    NUMBER(PL_SETTING_SIZE, n, member, dflt, lo, hi, "SIZE", text)
#define TIME(n, member, dflt, lo, hi, text) \
    NUMBER(PL_SETTING_TIME, n, member, dflt, lo, hi, "TIME", text)

/* clang-format off */
const struct pl_setting PL_SETTINGS[] = {
    FILE_("config", config_file, ALL,
          "JSON file with settings, one member for each, named as in the schema "
          "config.schema.json. Flags and the environment come before it"),
    {.name = "data_dir", .type = PL_SETTING_TEXT, .offset = AT(data_dir), .commands = DIRS,
     .metavar = "DIR",
     .standard_text = "$STATE_DIRECTORY, else $XDG_STATE_HOME/provlog, else ~/.local/state/provlog",
     .help = "Folder of the database, the keys and the lock; one server at a time. It is made, "
             "with mode 0700, when it does not exist"},
    {.name = "listen", .type = PL_SETTING_LIST, .offset = AT(listen), .standard = "127.0.0.1:3000",
     .max = PL_LISTEN_MAX, .commands = S, .metavar = "ADDR:PORT|unix:PATH",
     .help = "Where to serve; may be given several times. Port 0 picks a free one. Sockets that "
             "systemd passes (LISTEN_FDS) take the place of these"},
    TEXT("admin_listen", admin_listen, "127.0.0.1:2112", S | PL_CMD_HEALTH, "ADDR:PORT|none",
         "Where to serve /metrics, /livez, /readyz and /startupz. This port changes nothing; it "
         "needs no protection but from load"),
    TEXT("origin", origin, "localhost", S | PL_CMD_INIT, "HOST",
         "Host name of the log, in each checkpoint; fixed when the log is created. Clients want "
         "it to be part of the URL at which they reach the log"),
    {.name = "base_url", .type = PL_SETTING_TEXT, .offset = AT(base_url), .commands = S,
     .metavar = "URL", .standard_text = "http://ORIGIN with the first listening port",
     .help = "URL of the log in trusted_root.json and signing_config.json; must contain the "
             "origin"},
    BOOL("no_create", no_create, S,
         "Never make a new log: refuse to start when the database or the keys are missing. "
         "`provlogd init` makes one"),
    {.name = "continue_from", .type = PL_SETTING_COUNT, .offset = AT(continue_from),
     .max = INT64_MAX, .commands = S, .metavar = "SIZE",
     .help = "After `provlogd restore`: write on, since you know that the log never got beyond "
             "this tree size. If it did, what was signed then contradicts what will be signed "
             "now, and every client can prove it"},
    FILE_("tls_cert", tls_cert, S,
          "Certificate chain (PEM) for all TCP addresses of --listen; read again when it changes"),
    FILE_("tls_key", tls_key, S, "Private key (PEM) of --tls-cert; read again when it changes"),
    FILE_("trust_extra", trust_extra, S,
          "JSON file whose certificateAuthorities, timestampAuthorities and ctlogs go into "
          "trusted_root.json, and caUrls, oidcUrls and tsaUrls into signing_config.json"),
    CHOICE("duplicates", duplicates, "return", "return conflict", S, "WHAT",
           "Answer to a submission that is in the log already: `return` the entry with 201, or "
           "`conflict` with 409 as Rekor does"),
    COUNT("threads", threads, "0", 0, 256, "Event loops; 0: one for each core"),
    COUNT("workers", workers, "2", 1, 64,
          "Threads for slow checks: P-384, P-521 and RSA keys, large bodies"),
    SIZE("body_max", body_max, "8MiB", 1024, 256 * MIB,
         "Largest request body; beyond it 413"),
    SIZE("inflight_max", inflight_max, "256MiB", MIB, TIB,
         "Request bodies held at once over all connections; beyond it 503"),
    COUNT("conns_max", conns_max, "4096", 8, 1000000,
          "Open connections; beyond it the one that has been idle longest is closed"),
    COUNT("queue_max", queue_max, "16384", 1, 1000000,
          "Submissions waiting for the log; beyond it 503 with Retry-After"),
    SIZE("queue_bytes_max", queue_bytes_max, "128MiB", MIB, TIB,
         "Bytes of waiting submissions; beyond it 503 with Retry-After"),
    SIZE("wal_max", wal_max, "64MiB", MIB, 64 * GIB,
         "Size of the write-ahead log from which it is truncated before the next batch"),
    SIZE("disk_floor_bytes", disk_floor_bytes, "512MiB", 0, 64 * TIB,
         "Free space below which submissions get 507; reads go on"),
    COUNT("disk_floor_percent", disk_floor_percent, "2", 0, 90,
          "The same in per cent of the file system; either of the two stops writes"),
    TIME("head_timeout", head_timeout_ms, "10s", 100, 3600000,
         "For the request line and headers"),
    TIME("idle_timeout", idle_timeout_ms, "60s", 100, 3600000,
         "For a connection without a request"),
    TIME("request_timeout", request_timeout_ms, "60s", 100, 3600000,
         "For a whole request and its answer"),
    TIME("drain_timeout", drain_timeout_ms, "25s", 0, 3600000,
         "How long SIGTERM and SIGUSR2 wait for running requests"),
    CHOICE("log_format", log_format, "auto", "auto json text", ALL, "FORMAT",
           "Log lines on standard error: `json` has the keys that Cloud Logging reads; `auto` is "
           "text on a terminal and JSON elsewhere"),
    CHOICE("log_level", log_level, "info", "debug info warn error", ALL, "LEVEL",
           "The least severe lines to write"),
    {.name = "mirror", .type = PL_SETTING_LIST, .offset = AT(mirror), .max = PL_MIRROR_MAX,
     .commands = S, .metavar = "URL[,key=PEM][,api=v1|v2]",
     .help = "Another log to send every entry to. Not in this build: refused"},
    BOOL("ready_json", ready_json, S,
         "Print one JSON line with the addresses and paths to standard output once it serves"),
    BOOL("check", check, S, "Check the settings and end: 0 when they are good, else 2"),
    {.name = NULL},
};

const struct pl_command PL_COMMANDS[] = {
    {PL_CMD_SERVE, "", NULL, "serve a log",
     "Serves one log from one data directory. Without arguments it makes its keys and its "
     "database and listens on 127.0.0.1. SIGTERM and SIGINT finish running requests and end with "
     "0; a second one ends at once. SIGUSR2 (and SIGHUP, unless standard error is a terminal) "
     "replaces the running program by the file it was started from, with new settings, in the "
     "same process, without refusing a connection."},
    {PL_CMD_INIT, "init", NULL, "make the keys and the database of a new log",
     "Makes the keys and the database of a new log and ends. Refuses when either exists."},
    {PL_CMD_FSCK, "fsck", NULL, "recompute everything and name what differs",
     "Reads the whole database and recomputes hashes, the tree, checkpoints, signatures, bodies "
     "and search keys. May run beside a server. Status 0: clean; 1: problems, each named on a "
     "line of its own; 5: could not read."},
    {PL_CMD_BACKUP, "backup", "FILE", "write a consistent copy of the database to FILE",
     "Copies the database while the server runs, checks the copy, and writes the newest "
     "checkpoint in it to FILE.checkpoint. The keys are not in it: keep DIR/keys elsewhere, "
     "apart from it."},
    {PL_CMD_RESTORE, "restore", "FILE", "put a backup into an empty data directory",
     "Puts a backup in place and marks it as restored: the server then serves reads and refuses "
     "to write until it is started once with --continue-from SIZE. Put the keys back by hand."},
    {PL_CMD_HEALTH, "health", NULL, "ask a running server whether it is ready",
     "Asks /readyz at --admin-listen and prints the answer. Status 0: ready; 1: not ready; 5: no "
     "answer."},
    {PL_CMD_VERSION, "version", NULL, "print the version", "Prints the version."},
    {0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

const struct pl_command *pl_command_find(const char *name)
{
    for (const struct pl_command *c = PL_COMMANDS; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
