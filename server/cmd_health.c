/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_health.c - provlogd health: asks /readyz of the running server; for container probes. */
#include "server/cmd.h"

#include "core/base/num.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define WAIT_S     5

static enum pl_code connect_to(const char *address, int *out, struct pl_err *err)
{
    struct pl_bytes host;
    uint16_t port;
    if (!pl_config_split_address(pl_str(address), &host, &port) || port == 0)
        return PL_FAIL(err, PL_EINVAL, "admin_listen: '%.64s' is not an address to ask", address);
    char host_text[256], port_text[8];
    (void)snprintf(host_text, sizeof(host_text), "%.*s", (int)host.n, (const char *)host.p);
    (void)snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(host_text, port_text, &hints, &list);
    if (failed != 0)
        return PL_FAIL(err, PL_EIO, "%s: %s", address, gai_strerror(failed));
    int fd = -1, cause = 0;
    for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct timeval limit = {.tv_sec = WAIT_S};
        if (fd >= 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
            (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        }
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        cause = errno;
        if (fd >= 0)
            (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        return PL_FAIL_CAUSE(err, PL_EIO, cause, "connect to %s: %s", address, strerror(cause));
    *out = fd;
    return PL_OK;
}

static enum pl_code ask(int fd, const char *address, struct pl_buf *answer, struct pl_err *err)
{
    char request[512];
    int n = snprintf(request, sizeof(request),
                     "GET /readyz HTTP/1.1\r\nHost: %.300s\r\nConnection: close\r\n\r\n", address);
    if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        return PL_FAIL_CAUSE(err, PL_EIO, errno, "send to %s: %s", address, strerror(errno));
    for (;;) {
        uint8_t block[4096];
        ssize_t got = recv(fd, block, sizeof(block), 0);
        if (got < 0)
            return PL_FAIL_CAUSE(err, PL_EIO, errno, "read from %s: %s", address, strerror(errno));
        if (got == 0)
            return pl_buf_check(answer, "answer", err);
        pl_buf_add(answer, block, (size_t)got);
    }
}

/* "HTTP/1.1 200 OK": the number; 0 when it is none. */
static uint64_t status_of(struct pl_bytes answer)
{
    uint64_t status = 0;
    if (answer.n < 12 || !pl_bytes_has_prefix(answer, "HTTP/1.1 ") ||
        !pl_parse_u64(pl_bytes(answer.p + 9, 3), 599, &status))
        return 0;
    return status;
}

int pl_cmd_health(const struct pl_config *config)
{
    struct pl_buf answer;
    struct pl_err err;
    int fd = -1;
    pl_buf_init(&answer, ANSWER_MAX);
    enum pl_code rc = connect_to(config->admin_listen, &fd, &err);
    if (rc == PL_OK)
        rc = ask(fd, config->admin_listen, &answer, &err);
    if (fd >= 0)
        (void)close(fd);
    uint64_t status = rc == PL_OK ? status_of(pl_buf_bytes(&answer)) : 0;
    if (rc == PL_OK && status == 0)
        rc = PL_FAIL(&err, PL_EIO, "%s: not an HTTP/1.1 answer", config->admin_listen);
    const char *body = rc == PL_OK ? strstr(pl_buf_cstr(&answer), "\r\n\r\n") : NULL;
    if (body != NULL)
        (void)fputs(body + 4, stdout);
    pl_buf_free(&answer);
    if (rc != PL_OK)
        return err.code == PL_EINVAL ? (void)pl_cmd_failed("health", &err),
               PL_EXIT_USAGE         : pl_cmd_failed("health", &err);
    return status == 200 ? PL_EXIT_OK : PL_EXIT_PROBLEM;
}
