/* SPDX-License-Identifier: Apache-2.0 */
/* api_pending.c - empty route tables until the API handlers are added; delete it then. */
#include "server/app.h"

const struct pl_route PL_ROUTES_REKOR1[] = {{.pattern = NULL}};
const struct pl_route PL_ROUTES_ATTEST[] = {{.pattern = NULL}};
