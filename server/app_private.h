/* SPDX-License-Identifier: Apache-2.0 */
/* app_private.h - the parts of the server's life: folder, sockets, background threads. */
#ifndef PL_SERVER_APP_PRIVATE_H
#define PL_SERVER_APP_PRIVATE_H

#include "server/app.h"

/* ---- app_dir.c: the data directory ---- */

#define PL_LOCK_WAIT_MS 10000
/*
 * Takes DATA_DIR/lock, waiting at most PL_LOCK_WAIT_MS; the process id is written into it. It is
 * held until @fd_out is closed. PL_EBUSY names the holder, or says that @signal_fd (-1: none)
 * became readable meanwhile.
 */
PL_MUST_CHECK enum pl_code pl_app_lock(const char *dir, int signal_fd, int *fd_out,
                                       struct pl_err *err);
/* Makes keys and database when there are neither and @create; refuses when one of the two is
 * missing. Nothing is changed when both are there. */
PL_MUST_CHECK enum pl_code pl_app_create_log(const struct pl_config *config, bool create,
                                             bool *created_out, struct pl_err *err);
/* DATA_DIR/NAME in @out. PL_EINVAL when too long. */
PL_MUST_CHECK enum pl_code pl_app_path(const struct pl_config *config, const char *name,
                                       char out[4096], struct pl_err *err);
/* Makes trusted_root.json and signing_config.json; views in @arena. */
PL_MUST_CHECK enum pl_code pl_app_trust_files(const struct pl_config *config,
                                              const struct pl_v1_log *v1, int64_t created,
                                              const char *base_url, struct pl_arena *arena,
                                              struct pl_bytes *root_out,
                                              struct pl_bytes *signing_out, struct pl_err *err);

/* ---- app_sockets.c: listening sockets, from systemd, from before an upgrade, or bound ---- */

struct pl_sockets {
    struct pl_listener *listener[PL_LISTEN_MAX + 1];
    bool passed[PL_LISTEN_MAX + 1]; /* came from systemd */
    size_t n;
};
/* What came with the process: read once, before anything else opens a descriptor. */
struct pl_inherited {
    int lock_fd; /* -1: none */
    struct {
        int fd;
        bool admin, passed;
        char text[256];
    } socket[2 * PL_LISTEN_MAX];
    size_t nsockets;
    bool upgrade; /* this is the new program after an upgrade in place */
};
PL_MUST_CHECK enum pl_code pl_inherited_read(struct pl_inherited *in, struct pl_err *err);
/* Opens all listeners; none accepts yet. Descriptors of @in that the settings no longer name are
 * closed. */
PL_MUST_CHECK enum pl_code pl_sockets_open(const struct pl_config *config, struct pl_inherited *in,
                                           struct pl_sockets *out, struct pl_err *err);
void pl_sockets_close(struct pl_sockets *s, bool keep_socket_files);
struct pl_listener *pl_sockets_admin(const struct pl_sockets *s); /* NULL: none */
struct pl_listener *pl_sockets_first(const struct pl_sockets *s); /* public; NULL: none */
/* Writes the environment variable that pl_inherited_read() of the next program reads, and makes the
 * descriptors survive an execve; @keep = false takes that back. */
PL_MUST_CHECK enum pl_code pl_sockets_hand_over(const struct pl_sockets *s, int lock_fd, bool keep,
                                                struct pl_err *err);
/* sd_notify(3), if NOTIFY_SOCKET is set; best effort. */
void pl_notify(const char *state);

/* ---- app_background.c: the thread that keeps the search index and the write-ahead log short ----
 */

struct pl_background;
PL_MUST_CHECK enum pl_code pl_background_start(struct pl_app *app, struct pl_background **out,
                                               struct pl_err *err);
void pl_background_stop(struct pl_background *b); /* NULL is allowed */

/* ---- admin_sock.c: DATA_DIR/admin.sock, 0600 ---- */

struct pl_admin_sock;
/* One request a connection, a word and LF: "status" answers with the /readyz document, "upgrade"
 * does what SIGUSR2 does. */
PL_MUST_CHECK enum pl_code pl_admin_sock_start(struct pl_app *app, struct pl_admin_sock **out,
                                               struct pl_err *err);
void pl_admin_sock_stop(struct pl_admin_sock *s); /* NULL is allowed */

#endif
