/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - counters and histograms, lock-free to write, Prometheus text to read. */
#ifndef PL_SERVER_METRICS_H
#define PL_SERVER_METRICS_H

#include "core/base/buf.h"

struct pl_metrics;
struct pl_metrics *pl_metrics_new(void);
void pl_metrics_free(struct pl_metrics *m);
/* One finished request. @route is the pattern ("" for none), static storage. Thread: any. */
void pl_metrics_request(struct pl_metrics *m, const char *route, const char *method, int status,
                        uint64_t micros);
/* Appends the request metrics in Prometheus text; the caller adds gauges of its own. */
void pl_metrics_render(struct pl_metrics *m, struct pl_buf *out);

#endif
