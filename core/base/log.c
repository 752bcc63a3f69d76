/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - formats log lines; whoever set the sink writes them. */
#include "core/base/log.h"

#include <stdatomic.h>
#include <stdio.h>

#include "core/base/enc.h"
#include "core/base/json.h"
#include "core/base/num.h"

#define FIELDS_MAX 4096 /* all fields of a line, cut beyond */
#define ESC_BYTES  200  /* of a value from outside */
#define TIME_LEN   (PL_RFC3339_LEN + 4)

static _Atomic(pl_log_fn) the_sink;
static atomic_int the_least = PL_LOG_INFO;

void pl_log_set_sink(pl_log_fn sink, enum pl_severity least)
{
    atomic_store(&the_least, (int)least);
    atomic_store(&the_sink, sink);
}

bool pl_log_on(enum pl_severity severity)
{
    return (int)severity >= atomic_load_explicit(&the_least, memory_order_relaxed) &&
           atomic_load_explicit(&the_sink, memory_order_relaxed) != NULL;
}

void pl_log_write(enum pl_severity severity, const char *event, const char *fmt, ...)
{
    pl_log_fn sink = atomic_load(&the_sink);
    char fields[FIELDS_MAX];
    va_list ap;
    int want;

    if (sink == NULL)
        return;
    va_start(ap, fmt);
    want = vsnprintf(fields, sizeof(fields), fmt, ap);
    va_end(ap);
    if (want < 0)
        fields[0] = '\0';
    else if ((size_t)want >= sizeof(fields))
        memcpy(fields + sizeof(fields) - 4, "...", 4);
    sink(severity, event, fields);
}

const char *pl_log_esc(struct pl_bytes text, char out[PL_LOG_ESC_MAX])
{
    static const char hex[] = "0123456789abcdef";
    size_t n = text.n < ESC_BYTES ? text.n : ESC_BYTES;
    char *to = out;

    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.p[i];

        if (c == '"' || c == '\\' || c == '\n') {
            *to++ = '\\';
            *to++ = (char)(c == '\n' ? 'n' : c);
        } else if (c < 0x20 || c > 0x7e) {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        } else {
            *to++ = (char)c;
        }
    }
    for (int dots = n < text.n ? 3 : 0; dots > 0; dots--)
        *to++ = '.';
    *to++ = '"';
    *to = '\0';
    return out;
}

/* ---- rendering ---- */

static const char *severity_name(enum pl_severity severity)
{
    switch (severity) {
    case PL_LOG_DEBUG:
        return "DEBUG";
    case PL_LOG_INFO:
        return "INFO";
    case PL_LOG_WARN:
        return "WARNING"; /* Cloud Logging's word */
    case PL_LOG_ERROR:
        return "ERROR";
    }
    return "DEFAULT";
}

/* "2026-01-02T03:04:05.678Z" */
static void format_time(int64_t unix_ms, char out[TIME_LEN + 1])
{
    int64_t ms = (unix_ms % 1000 + 1000) % 1000;

    pl_format_rfc3339((unix_ms - ms) / 1000, out);
    out[PL_RFC3339_LEN - 1] = '.';
    for (int i = 2; i >= 0; i--, ms /= 10)
        out[PL_RFC3339_LEN + i] = (char)('0' + ms % 10);
    memcpy(out + TIME_LEN - 1, "Z", 2);
}

/* Undoes pl_log_esc on @in, which begins behind the opening quote, into @out (at least in.n bytes).
 * Returns the length in @in, up to the closing quote or the end. */
static size_t unescape(struct pl_bytes in, uint8_t *out, size_t *out_n)
{
    size_t i = 0, n = 0;

    while (i < in.n && in.p[i] != '"') {
        uint8_t c = in.p[i++];

        if (c == '\\' && i < in.n) {
            c = in.p[i++];
            if (c == 'n')
                c = '\n';
            else if (c == 'x' && in.n - i >= 2 &&
                     pl_hex_decode(pl_bytes(in.p + i, 2), &out[n], 1)) {
                c = out[n];
                i += 2;
            }
        }
        out[n++] = c;
    }
    *out_n = n;
    return i;
}

static void add_text(struct pl_buf *b, struct pl_bytes text)
{
    pl_buf_add_json_string(b, pl_utf8_valid(text) ? text : PL_LIT("?"));
}

/* The quoted value at the start of @in; returns what follows it. */
static struct pl_bytes add_quoted(struct pl_buf *b, struct pl_bytes in)
{
    uint8_t text[FIELDS_MAX];
    size_t n, raw_n;

    in = pl_bytes(in.p + 1, in.n - 1);
    raw_n = unescape(in, text, &n);
    /* What is not UTF-8 stays in its escaped spelling. */
    if (pl_utf8_valid(pl_bytes(text, n)))
        pl_buf_add_json_string(b, pl_bytes(text, n));
    else
        add_text(b, pl_bytes(in.p, raw_n));
    raw_n += raw_n < in.n ? 1 : 0; /* the quote */
    return pl_bytes(in.p + raw_n, in.n - raw_n);
}

/* The value at the start of @in as JSON; returns what follows it. */
static struct pl_bytes add_value(struct pl_buf *b, struct pl_bytes in)
{
    const uint8_t *blank = in.n != 0 ? memchr(in.p, ' ', in.n) : NULL;
    struct pl_bytes raw = pl_bytes(in.p, blank != NULL ? (size_t)(blank - in.p) : in.n);
    uint64_t number;

    if (in.n != 0 && in.p[0] == '"')
        return add_quoted(b, in);
    if (pl_parse_u64(raw, UINT64_C(9007199254740991), &number))
        pl_buf_add_bytes(b, raw);
    else
        add_text(b, raw);
    return pl_bytes(in.p + raw.n, in.n - raw.n);
}

/* Names that the line itself uses. */
static struct pl_bytes free_name(struct pl_bytes key)
{
    static const char *const taken[] = {"severity", "message", "time"};

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (pl_bytes_eq_str(key, taken[i]))
            return PL_LIT("field");
    }
    return key;
}

/* The members of "k=v k="v"". From a word without '=' on, all of it is the member "text". */
static void add_fields(struct pl_buf *b, struct pl_bytes in)
{
    for (in = pl_bytes_trim(in); in.n != 0; in = pl_bytes_trim(in)) {
        const uint8_t *equals = memchr(in.p, '=', in.n);
        const uint8_t *blank = memchr(in.p, ' ', in.n);

        if (equals == NULL || (blank != NULL && blank < equals)) {
            pl_buf_add_str(b, ",\"text\":");
            add_text(b, in);
            return;
        }
        pl_buf_add_byte(b, ',');
        add_text(b, free_name(pl_bytes(in.p, (size_t)(equals - in.p))));
        pl_buf_add_byte(b, ':');
        in = add_value(b, pl_bytes(equals + 1, (size_t)(in.p + in.n - equals) - 1));
    }
}

void pl_log_render(struct pl_buf *b, bool json, int64_t unix_ms, enum pl_severity severity,
                   const char *event, const char *fields)
{
    struct pl_bytes all = pl_str(fields);
    char time[TIME_LEN + 1];

    format_time(unix_ms, time);
    if (!json) {
        pl_buf_addf(b, "%s %-7s %s%s%s\n", time, severity_name(severity), event,
                    all.n != 0 ? " " : "", fields);
        return;
    }
    all.n = all.n < FIELDS_MAX ? all.n : FIELDS_MAX;
    pl_buf_addf(b, "{\"severity\":\"%s\",\"message\":", severity_name(severity));
    pl_buf_add_json_string(b, pl_str(event));
    pl_buf_addf(b, ",\"time\":\"%s\"", time);
    add_fields(b, all);
    pl_buf_add_str(b, "}\n");
}
