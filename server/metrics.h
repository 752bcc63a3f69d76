/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - request counters and histograms, lock-free to write, Prometheus text to read.
 *
 * Our own names count seconds. Rekor's first three (rekor_new_entries, rekor_qps_by_api,
 * rekor_latency_by_api in nanoseconds) are there too, so that existing dashboards work; the two
 * counters carry no TYPE of "counter", since Rekor's names lack the "_total" that goes with it.
 */
#ifndef PL_SERVER_METRICS_H
#define PL_SERVER_METRICS_H

#include "core/base/buf.h"

struct pl_metrics;
struct pl_metrics *pl_metrics_new(void); /* NULL: out of memory */
void pl_metrics_free(struct pl_metrics *m);
/* One finished request. @route is the pattern ("" for none), static storage. Thread: any. */
void pl_metrics_request(struct pl_metrics *m, const char *route, const char *method, int status,
                        uint64_t micros);
/* Appends the request metrics in Prometheus text; the caller adds gauges of its own. */
void pl_metrics_render(struct pl_metrics *m, struct pl_buf *out);

/* "# HELP ...", "# TYPE ..." and one sample without labels. @type: "gauge", "counter", "untyped".
 */
void pl_metrics_add(struct pl_buf *out, const char *name, const char *type, const char *help,
                    double value);
void pl_metrics_add_head(struct pl_buf *out, const char *name, const char *type, const char *help);
/* A number as Prometheus writes it: shortest text that reads back the same. */
void pl_metrics_add_number(struct pl_buf *out, double value);

#endif
