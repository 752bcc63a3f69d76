/* SPDX-License-Identifier: Apache-2.0 */
/* exit.c - exit statuses. */
#include "client/client.h"

enum pl_exit pl_exit_of(const struct pl_err *err)
{
    switch (err->code) {
    case PL_OK:
        return PL_EXIT_OK;
    case PL_EVERIFY:
        return PL_EXIT_VERIFY;
    case PL_EINVAL:
        /* With an HTTP status as its cause (an errno is smaller) it is the server that refused. */
        return err->cause >= 300 ? PL_EXIT_REFUSED : PL_EXIT_USAGE;
    case PL_ENOTFOUND:
        return PL_EXIT_NOTFOUND;
    case PL_ETOOBIG:
        return PL_EXIT_REFUSED;
    case PL_EEXISTS:
        return PL_EXIT_USAGE;
    case PL_EBUSY:
    case PL_ENOSPACE:
    case PL_EIO:
    case PL_ECORRUPT:
    case PL_ENOMEM:
    case PL_CODE_COUNT:
        break;
    }
    return PL_EXIT_TROUBLE;
}
