/* SPDX-License-Identifier: Apache-2.0 */
/* password.c - see password.h. */
#include "client/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct pl_bytes pl_password_bytes(const struct pl_password *p)
{
    return pl_bytes(p->text, p->n);
}

void pl_password_wipe(struct pl_password *p)
{
    explicit_bzero(p, sizeof(*p));
}

/* ---- the terminal ---- */

/* One read of @fd, unless a signal that @signals tells of comes first. */
static ssize_t read_line(int fd, int signals, struct pl_password *out)
{
    struct pollfd on[] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

    while (poll(on, 2, -1) < 0)
        if (errno != EINTR)
            return -1;
    return on[1].revents == 0 ? read(fd, out->text, sizeof(out->text)) : -1;
}

/* The same with a prompt and without echo, which comes back in any case. */
static ssize_t ask_quietly(int fd, int signals, const char *what, struct pl_password *out)
{
    struct termios old, quiet;

    if (tcgetattr(fd, &old) != 0)
        return -1;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
        return -1;
    /* Behind the flush: what is typed at the prompt counts. */
    (void)dprintf(fd, "provlog: %s: ", what);
    ssize_t n = read_line(fd, signals, out);
    (void)tcsetattr(fd, TCSAFLUSH, &old);
    (void)dprintf(fd, "\n");
    return n;
}

/* One line of the terminal @fd. INT and TERM wait until the echo is back, then end the program. */
static bool ask(int fd, const char *what, struct pl_password *out)
{
    sigset_t wait, before;

    (void)sigemptyset(&wait);
    (void)sigaddset(&wait, SIGINT);
    (void)sigaddset(&wait, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &wait, &before) != 0)
        return false;
    int signals = signalfd(-1, &wait, SFD_CLOEXEC);
    ssize_t n = ask_quietly(fd, signals, what, out);
    if (signals >= 0)
        (void)close(signals);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (n <= 0 || out->text[n - 1] != '\n')
        return false;
    out->n = (size_t)n - 1;
    return true;
}

static enum pl_code ask_terminal(const char *what, bool twice, struct pl_password *out,
                                 struct pl_err *err)
{
    struct pl_password again = {{0}, 0};
    enum pl_code rc = PL_OK;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return PL_FAIL(err, PL_EINVAL,
                       "set COSIGN_PASSWORD to the password of the private key; it may be empty");
    if (!ask(fd, what, out) || (twice && !ask(fd, "the same again", &again)))
        rc = PL_FAIL(err, PL_EINVAL, "no password was given");
    else if (twice && !pl_equal_secret(pl_password_bytes(out), pl_password_bytes(&again)))
        rc = PL_FAIL(err, PL_EINVAL, "the two passwords differ");
    pl_password_wipe(&again);
    (void)close(fd);
    return rc;
}

enum pl_code pl_password_get(const char *what, bool twice, struct pl_password *out,
                             struct pl_err *err)
{
    /* One thread, and nothing here changes the environment. */
    const char *set = getenv("COSIGN_PASSWORD"); // NOLINT(concurrency-mt-unsafe)

    if (set == NULL)
        return ask_terminal(what, twice, out, err);
    size_t n = strlen(set);
    if (n > sizeof(out->text))
        return PL_FAIL(err, PL_EINVAL, "COSIGN_PASSWORD is longer than %zu bytes",
                       sizeof(out->text));
    memcpy(out->text, set, n);
    out->n = n;
    return PL_OK;
}
