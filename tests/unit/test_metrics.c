/* SPDX-License-Identifier: Apache-2.0 */
/* test_metrics.c - what is counted comes out, merged by pattern, in cumulative buckets. */
#include "tests/unit/test.h"

#include "server/metrics.h"

#include <pthread.h>

static const char *render(struct pl_metrics *m, struct pl_buf *out)
{
    pl_buf_init(out, 1 << 20);
    pl_metrics_render(m, out);
    return pl_buf_cstr(out);
}

static void has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("\"%s\" is missing in\n%s", line, text);
}

static void requests_are_counted_by_route_method_and_code(void **state)
{
    (void)state;
    struct pl_metrics *m = pl_metrics_new();
    /* Two rows of a route table with the same pattern at different addresses. */
    static const char a[] = "/api/v1/log/entries", b[] = "/api/v1/log/entries";
    pl_metrics_request(m, a, "GET", 200, 400);
    pl_metrics_request(m, b, "GET", 200, 3000000);
    pl_metrics_request(m, b, "POST", 201, 20000000);
    pl_metrics_request(m, "", "BREW", 404, 1);
    struct pl_buf out;
    const char *text = render(m, &out);
    has(text, "provlog_http_requests_total{route=\"/api/v1/log/"
              "entries\",method=\"GET\",code=\"200\"} 2\n");
    has(text, "rekor_qps_by_api{path=\"/api/v1/log/entries\",method=\"POST\",code=\"201\"} 1\n");
    has(text, "provlog_http_requests_total{route=\"\",method=\"other\",code=\"404\"} 1\n");
    has(text, "provlog_http_request_duration_seconds_bucket{route=\"/api/v1/log/entries\","
              "method=\"GET\",le=\"0.0005\"} 1\n");
    has(text, "{route=\"/api/v1/log/entries\",method=\"GET\",le=\"2.5\"} 1\n");
    has(text, "{route=\"/api/v1/log/entries\",method=\"GET\",le=\"10\"} 2\n");
    has(text, "{route=\"/api/v1/log/entries\",method=\"POST\",le=\"10\"} 0\n");
    has(text, "{route=\"/api/v1/log/entries\",method=\"POST\",le=\"+Inf\"} 1\n");
    has(text, "provlog_http_request_duration_seconds_sum{route=\"/api/v1/log/entries\",method="
              "\"POST\"} 20\n");
    /* Rekor's buckets are nanoseconds: 0.4 ms is in the first, 3 s is not. */
    has(text, "rekor_latency_by_api_bucket{path=\"/api/v1/log/"
              "entries\",method=\"GET\",le=\"1e+06\"} 1\n");
    has(text, "rekor_latency_by_api_bucket{path=\"/api/v1/log/"
              "entries\",method=\"GET\",le=\"6e+10\"} 2\n");
    has(text, "rekor_latency_by_api_count{path=\"/api/v1/log/entries\",method=\"GET\"} 2\n");
    assert_true(pl_buf_ok(&out));
    pl_buf_free(&out);
    pl_metrics_free(m);
}

static void a_full_table_counts_into_other(void **state)
{
    (void)state;
    struct pl_metrics *m = pl_metrics_new();
    for (int status = 0; status < 3000; status++)
        pl_metrics_request(m, "/x", "GET", status, 1);
    struct pl_buf out;
    const char *text = render(m, &out);
    has(text, "provlog_http_requests_total{route=\"other\",method=\"other\",code=\"0\"} 1977\n");
    has(text, "provlog_http_request_duration_seconds_count{route=\"/x\",method=\"GET\"} 3000\n");
    pl_buf_free(&out);
    pl_metrics_free(m);
}

#define EACH 20000
static void *hammer(void *arg)
{
    static const char *const routes[] = {"/a", "/b", "/c", "/d"};
    for (int i = 0; i < EACH; i++)
        pl_metrics_request(arg, routes[i % 4], "GET", 200 + i % 7, 100);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct pl_metrics *m = pl_metrics_new();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, m), 0);
    struct pl_buf out;
    (void)render(m, &out); /* a scrape meanwhile */
    pl_buf_free(&out);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const char *text = render(m, &out);
    has(text, "provlog_http_request_duration_seconds_count{route=\"/a\",method=\"GET\"} 20000\n");
    has(text, "provlog_http_request_duration_seconds_count{route=\"/d\",method=\"GET\"} 20000\n");
    pl_buf_free(&out);
    pl_metrics_free(m);
}

static void numbers_are_short_and_exact(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {0, "0"}, {1, "1"}, {0.25, "0.25"}, {1e6, "1e+06"}, {1.0 / 3, "0.3333333333333333"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_buf out;
        pl_buf_init(&out, 100);
        pl_metrics_add_number(&out, cases[i].value);
        assert_string_equal(pl_buf_cstr(&out), cases[i].want);
        pl_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_by_route_method_and_code),
        cmocka_unit_test(a_full_table_counts_into_other),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(numbers_are_short_and_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
