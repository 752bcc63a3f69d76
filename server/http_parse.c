/* SPDX-License-Identifier: Apache-2.0 */
/* http_parse.c - the request line, the headers and the framing, read strictly (RFC 9112). */
#include "server/http_parse.h"

#include "core/base/limits.h"
#include "server/http_answer.h"

#include <stdio.h>
#include <strings.h>

#define EXTENSION_MAX    256  /* bytes of one chunk extension */
#define TRAILERS_MAX     4096 /* bytes of a trailer section */
#define CHUNK_DIGITS_MAX 15   /* keeps a chunk size below 2^60 */

void pl_refuse(struct pl_refusal *no, int status, const char *fmt, ...)
{
    va_list args;

    no->status = status;
    va_start(args, fmt);
    (void)vsnprintf(no->text, sizeof(no->text), fmt, args);
    va_end(args);
}

const char *pl_http_reason(int status)
{
    switch (status) {
#define REASON(num, name, string) \
    case num:                     \
        return #string;
        HTTP_STATUS_MAP(REASON)
#undef REASON
    default:
        return "";
    }
}

/* tchar of RFC 9110, section 5.6.2. */
static bool is_token_char(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct pl_bytes x)
{
    for (size_t i = 0; i < x.n; i++)
        if (!is_token_char(x.p[i]))
            return false;
    return x.n != 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A byte that a header value may hold: HTAB, visible ASCII, SP, obs-text. */
static bool is_value_char(uint8_t c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* ---- where the head ends ---- */

enum pl_scan pl_head_scan(struct pl_head_scan *s, struct pl_bytes in, size_t *head_n,
                          struct pl_refusal *no)
{
    size_t end = in.n < PL_HEAD_MAX ? in.n : PL_HEAD_MAX;

    if (in.n != 0 && !is_token_char(in.p[0])) {
        pl_refuse(no, 400, "the request begins with byte 0x%02x, which no method has", in.p[0]);
        return PL_SCAN_BAD;
    }
    while (s->at < end) {
        const uint8_t *lf = memchr(in.p + s->at, '\n', end - s->at);
        if (lf == NULL) {
            s->at = end;
            break;
        }
        size_t at = (size_t)(lf - in.p);
        if (at == s->line || in.p[at - 1] != '\r') {
            pl_refuse(no, 400, "a line of the head ends in LF without CR");
            return PL_SCAN_BAD;
        }
        s->at = at + 1;
        if (at == s->line + 1) {
            *head_n = at + 1;
            return PL_SCAN_DONE;
        }
        s->line = at + 1;
    }
    if (end < PL_HEAD_MAX)
        return PL_SCAN_MORE;
    pl_refuse(no, 431, "request line and headers are over the limit of %zu bytes", PL_HEAD_MAX);
    return PL_SCAN_BAD;
}

/* ---- the request line ---- */

bool pl_percent_valid(struct pl_bytes target)
{
    for (size_t i = 0; i < target.n; i++) {
        if (target.p[i] != '%')
            continue;
        if (target.n - i < 3)
            return false;
        int hi = hex_digit(target.p[i + 1]), lo = hex_digit(target.p[i + 2]);
        if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
            return false;
        i += 2;
    }
    return true;
}

static bool check_target(const struct pl_head *head, struct pl_refusal *no)
{
    struct pl_bytes t = head->target;

    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] > 0x20 && t.p[i] < 0x7f && t.p[i] != '#')
            continue;
        pl_refuse(no, 400, "the request target holds byte 0x%02x: percent-encode it", t.p[i]);
        return false;
    }
    if (pl_bytes_eq_str(head->method, "CONNECT")) {
        pl_refuse(no, 501, "CONNECT is not served: this is no proxy");
        return false;
    }
    if (pl_bytes_eq_str(t, "*") && pl_bytes_eq_str(head->method, "OPTIONS"))
        return true;
    if (t.n == 0 || t.p[0] != '/') {
        pl_refuse(no, 400, "the request target must begin with \"/\": send the path alone");
        return false;
    }
    if (pl_percent_valid(t))
        return true;
    pl_refuse(no, 400, "the request target holds a malformed percent escape");
    return false;
}

static bool check_version(struct pl_bytes v, unsigned *minor, struct pl_refusal *no)
{
    if (v.n == 8 && memcmp(v.p, "HTTP/1.", 7) == 0 && (v.p[7] == '0' || v.p[7] == '1')) {
        *minor = (unsigned)(v.p[7] - '0');
        return true;
    }
    if (v.n >= 6 && memcmp(v.p, "HTTP/", 5) == 0 && v.p[5] >= '0' && v.p[5] <= '9')
        pl_refuse(no, 505, "only HTTP/1.0 and HTTP/1.1 are served");
    else
        pl_refuse(no, 400, "the request line must be METHOD SP TARGET SP HTTP/1.1");
    return false;
}

/* @line without its CRLF: method SP target SP version, with exactly one SP each. */
static bool parse_request_line(struct pl_bytes line, struct pl_head *out, struct pl_refusal *no)
{
    struct pl_reader r = pl_reader(line);

    if (!pl_read_until(&r, ' ', &out->method) || !pl_read_until(&r, ' ', &out->target)) {
        pl_refuse(no, 400, "the request line must be METHOD SP TARGET SP HTTP/1.1");
        return false;
    }
    if (!is_token(out->method)) {
        pl_refuse(no, 400, "the method is not a token");
        return false;
    }
    return check_version(r.left, &out->minor, no) && check_target(out, no);
}

/* ---- headers ---- */

static bool parse_header(struct pl_bytes line, struct pl_header *out, struct pl_refusal *no)
{
    struct pl_reader r = pl_reader(line);

    if (line.p[0] == ' ' || line.p[0] == '\t') {
        pl_refuse(no, 400, "a folded header line");
        return false;
    }
    if (!pl_read_until(&r, ':', &out->name) || !is_token(out->name)) {
        pl_refuse(no, 400,
                  "a header line must be NAME \":\" VALUE, without a blank before the colon");
        return false;
    }
    for (size_t i = 0; i < r.left.n; i++) {
        if (is_value_char(r.left.p[i]))
            continue;
        pl_refuse(no, 400, "the value of header " PL_FMT " holds byte 0x%02x", PL_ARG(out->name),
                  r.left.p[i]);
        return false;
    }
    out->value = pl_bytes_trim(r.left);
    return true;
}

static size_t count_lines(struct pl_bytes x)
{
    size_t n = 0;

    for (size_t i = 0; i < x.n; i++)
        n += x.p[i] == '\n';
    return n;
}

static bool is_named(const struct pl_header *h, const char *name)
{
    return h->name.n == strlen(name) && strncasecmp((const char *)h->name.p, name, h->name.n) == 0;
}

static bool take_length(const struct pl_header *h, struct pl_head *out, struct pl_refusal *no)
{
    uint64_t n = 0;

    if (out->has_length) {
        pl_refuse(no, 400, "more than one Content-Length");
        return false;
    }
    out->has_length = true;
    /* One spelling per number: no sign, no list, no leading zero. 18 digits stay below 2^63. */
    bool good = h->value.n != 0 && h->value.n <= 18 && (h->value.p[0] != '0' || h->value.n == 1);
    for (size_t i = 0; good && i < h->value.n; i++) {
        good = h->value.p[i] >= '0' && h->value.p[i] <= '9';
        n = n * 10 + (uint64_t)(h->value.p[i] - '0');
    }
    if (!good) {
        pl_refuse(no, 400, "Content-Length \"" PL_FMT "\" is not a decimal number",
                  PL_ARG(h->value));
        return false;
    }
    out->length = n;
    return true;
}

static bool take_encoding(const struct pl_header *h, struct pl_head *out, struct pl_refusal *no)
{
    if (out->minor == 0) {
        pl_refuse(no, 400, "Transfer-Encoding in an HTTP/1.0 request");
        return false;
    }
    if (out->chunked || !pl_bytes_eq_str(h->value, "chunked")) {
        pl_refuse(no, 400, "Transfer-Encoding must be exactly \"chunked\", once");
        return false;
    }
    out->chunked = true;
    return true;
}

static bool take_host(const struct pl_header *h, unsigned *hosts, struct pl_refusal *no)
{
    bool good = (*hosts)++ == 0 && h->value.n != 0;

    for (size_t i = 0; good && i < h->value.n; i++) {
        uint8_t c = h->value.p[i];
        good = c > 0x20 && c < 0x7f && strchr("/?#@,\\\"<>", c) == NULL;
    }
    if (!good)
        pl_refuse(no, 400, "a request needs exactly one Host header with one host in it");
    return good;
}

static bool take_expect(const struct pl_header *h, struct pl_head *out, struct pl_refusal *no)
{
    if (h->value.n != 12 || strncasecmp((const char *)h->value.p, "100-continue", 12) != 0) {
        pl_refuse(no, 417, "the only expectation served is 100-continue");
        return false;
    }
    out->expect_continue = out->minor == 1; /* RFC 9110 10.1.1: ignored from HTTP/1.0 */
    return true;
}

/* The headers that decide about framing and connection. */
static bool take_header(const struct pl_header *h, struct pl_head *out, unsigned *hosts,
                        struct pl_refusal *no)
{
    if (is_named(h, "Content-Length"))
        return take_length(h, out, no);
    if (is_named(h, "Transfer-Encoding"))
        return take_encoding(h, out, no);
    if (is_named(h, "Host"))
        return take_host(h, hosts, no);
    if (is_named(h, "Expect"))
        return take_expect(h, out, no);
    if (is_named(h, "Upgrade")) {
        pl_refuse(no, 400, "Upgrade is not served: leave the header out and speak HTTP/1.1");
        return false;
    }
    return true;
}

static bool check_framing(const struct pl_head *head, unsigned hosts, struct pl_refusal *no)
{
    if (head->minor == 1 && hosts != 1) {
        pl_refuse(no, 400, "a request needs exactly one Host header with one host in it");
        return false;
    }
    if (head->chunked && head->has_length) {
        pl_refuse(no, 400, "both Transfer-Encoding and Content-Length");
        return false;
    }
    return true;
}

/* Takes the next line, which ends in CRLF; a CR elsewhere is caught as a control character. */
static struct pl_bytes next_line(struct pl_reader *r)
{
    struct pl_bytes line = {NULL, 0};

    if (pl_read_until(r, '\n', &line) && line.n != 0)
        line.n--;
    return line;
}

bool pl_head_parse(struct pl_bytes raw, struct pl_arena *arena, struct pl_head *out,
                   struct pl_refusal *no)
{
    struct pl_reader r = pl_reader(raw);
    size_t lines = count_lines(raw);
    unsigned hosts = 0;

    *out = (struct pl_head){.minor = 0};
    if (!parse_request_line(next_line(&r), out, no))
        return false;
    if (lines > PL_HEADERS_MAX + 2) {
        pl_refuse(no, 431, "more than %d header lines", PL_HEADERS_MAX);
        return false;
    }
    out->headers = pl_arena_array(arena, lines, sizeof(*out->headers));
    if (out->headers == NULL) {
        pl_refuse(no, 503, "out of memory");
        return false;
    }
    for (struct pl_bytes line = next_line(&r); line.n != 0; line = next_line(&r)) {
        struct pl_header *h = &out->headers[out->nheaders];
        if (!parse_header(line, h, no) || !take_header(h, out, &hosts, no))
            return false;
        out->nheaders++;
    }
    return check_framing(out, hosts, no);
}

/* ---- chunks ---- */

enum {
    CHUNK_SIZE,
    CHUNK_EXT,
    CHUNK_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE,
    NAME,
    VALUE,
    LINE_LF,
    END_LF
};

static bool chunk_size_byte(struct pl_chunks *c, uint8_t b)
{
    int digit = hex_digit(b);

    if (digit >= 0) {
        c->left = c->left << 4 | (uint64_t)digit;
        return ++c->digits <= CHUNK_DIGITS_MAX;
    }
    if (c->digits == 0 || (b != '\r' && b != ';'))
        return false;
    c->state = b == ';' ? CHUNK_EXT : CHUNK_LF;
    c->extra = 0;
    c->quoted = false;
    return true;
}

/* Extensions are names, "=", tokens and quoted strings; no blanks outside of quotes. */
static bool chunk_ext_byte(struct pl_chunks *c, uint8_t b)
{
    if (++c->extra > EXTENSION_MAX)
        return false;
    if (b == '"') {
        c->quoted = !c->quoted;
        return true;
    }
    if (c->quoted)
        return b >= 0x20 && b < 0x7f && b != '\\';
    if (b == '\r' && c->extra > 1) {
        c->state = CHUNK_LF;
        return true;
    }
    return is_token_char(b) || (c->extra > 1 && (b == '=' || b == ';'));
}

static bool chunk_line_end(struct pl_chunks *c, uint8_t b)
{
    c->state = c->left == 0 ? LINE : DATA;
    c->extra = 0;
    c->digits = 0;
    return b == '\n';
}

static bool trailer_byte(struct pl_chunks *c, uint8_t b)
{
    if (++c->extra > TRAILERS_MAX)
        return false;
    switch (c->state) {
    case LINE:
        c->state = b == '\r' ? END_LF : NAME;
        return b == '\r' || is_token_char(b);
    case NAME:
        if (b == ':')
            c->state = VALUE;
        return b == ':' || is_token_char(b);
    case VALUE:
        if (b == '\r')
            c->state = LINE_LF;
        return b == '\r' || is_value_char(b);
    default: /* LINE_LF */
        c->state = LINE;
        return b == '\n';
    }
}

static bool framing_byte(struct pl_chunks *c, uint8_t b)
{
    switch (c->state) {
    case CHUNK_SIZE:
        return chunk_size_byte(c, b);
    case CHUNK_EXT:
        return chunk_ext_byte(c, b);
    case CHUNK_LF:
        return chunk_line_end(c, b);
    case DATA_CR:
        c->state = DATA_LF;
        return b == '\r';
    case DATA_LF:
        c->state = CHUNK_SIZE;
        return b == '\n';
    case END_LF:
        return b == '\n';
    default:
        return trailer_byte(c, b);
    }
}

size_t pl_chunks_scan(struct pl_chunks *c, struct pl_bytes in, bool *done, struct pl_refusal *no)
{
    size_t at = 0;

    while (at < in.n) {
        if (c->state == DATA) {
            size_t n = in.n - at < c->left ? in.n - at : (size_t)c->left;
            at += n;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            continue;
        }
        bool last = c->state == END_LF;
        if (!framing_byte(c, in.p[at])) {
            pl_refuse(no, 400, "malformed chunk: byte 0x%02x is not allowed there", in.p[at]);
            return SIZE_MAX;
        }
        at++;
        if (last) {
            *done = true;
            break;
        }
    }
    return at;
}

/* ---- what http-parser makes of it ---- */

static int on_headers_complete(struct http_parser *parser)
{
    struct pl_message *m = parser->data;

    m->keep_alive = http_should_keep_alive(parser) != 0;
    m->head_seen = true;
    return 0;
}

static int on_body(struct http_parser *parser, const char *at, size_t n)
{
    struct pl_message *m = parser->data;

    if (n > m->body_max - m->body->n) {
        m->over = true;
        return -1;
    }
    pl_buf_add(m->body, at, n);
    return pl_buf_ok(m->body) ? 0 : -1;
}

static int on_message_complete(struct http_parser *parser)
{
    struct pl_message *m = parser->data;

    m->complete = true;
    return 0;
}

static const struct http_parser_settings SETTINGS = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static bool same_head(const struct pl_message *m, const struct pl_head *head)
{
    const struct http_parser *p = &m->parser;
    uint64_t length = head->has_length ? head->length : m->complete ? 0 : UINT64_MAX;

    if (!m->head_seen || p->http_major != 1 || p->http_minor != head->minor || p->upgrade != 0)
        return false;
    if (!pl_bytes_eq_str(head->method, http_method_str((enum http_method)p->method)))
        return false;
    if (head->chunked)
        return !m->complete && (p->flags & F_CHUNKED) != 0;
    return (p->flags & F_CHUNKED) == 0 && m->complete == (length == 0) &&
           (length == 0 || p->content_length == length);
}

bool pl_message_begin(struct pl_message *m, struct pl_bytes raw, const struct pl_head *head,
                      struct pl_buf *body, size_t body_max, struct pl_refusal *no)
{
    *m = (struct pl_message){.body = body, .body_max = body_max, .left = head->length};
    m->chunked = head->chunked;
    http_parser_init(&m->parser, HTTP_REQUEST);
    m->parser.data = m;
    size_t n = http_parser_execute(&m->parser, &SETTINGS, (const char *)raw.p, raw.n);
    enum http_errno bad = HTTP_PARSER_ERRNO(&m->parser);
    if (bad == HPE_INVALID_METHOD) {
        pl_refuse(no, 501, "method " PL_FMT " is not known", PL_ARG(head->method));
        return false;
    }
    if (n != raw.n || bad != HPE_OK || !same_head(m, head)) {
        pl_refuse(no, 400, "malformed head: %s", http_errno_description(bad));
        return false;
    }
    return true;
}

size_t pl_message_feed(struct pl_message *m, struct pl_bytes in, struct pl_refusal *no)
{
    bool done = false;
    size_t n = m->left < in.n ? (size_t)m->left : in.n;

    if (m->chunked) {
        n = pl_chunks_scan(&m->chunks, in, &done, no);
        if (n == SIZE_MAX)
            return n;
    } else {
        m->left -= n;
        done = m->left == 0;
    }
    size_t got = http_parser_execute(&m->parser, &SETTINGS, (const char *)in.p, n);
    if (m->over)
        pl_refuse(no, 413, "Request Entity Too Large. Limit set to %zu", m->body_max);
    else if (!pl_buf_ok(m->body))
        pl_refuse(no, 503, "out of memory for the request body");
    else if (got != n || HTTP_PARSER_ERRNO(&m->parser) != HPE_OK || m->complete != done)
        pl_refuse(no, 400, "malformed body: %s",
                  http_errno_description(HTTP_PARSER_ERRNO(&m->parser)));
    else
        return n;
    return SIZE_MAX;
}
