/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - the password of a private key: COSIGN_PASSWORD, else asked for at the terminal. */
#ifndef PL_CLIENT_PASSWORD_H
#define PL_CLIENT_PASSWORD_H

#include "client/client.h"

struct pl_password {
    char text[1024];
    size_t n;
};
/* @twice: for a new key, to catch a slip. PL_EINVAL without variable and terminal. */
PL_MUST_CHECK enum pl_code pl_password_get(const char *what, bool twice, struct pl_password *out,
                                           struct pl_err *err);
struct pl_bytes pl_password_bytes(const struct pl_password *p);
void pl_password_wipe(struct pl_password *p);

#endif
