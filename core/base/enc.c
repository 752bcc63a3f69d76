/* SPDX-License-Identifier: Apache-2.0 */
/* enc.c - hex, base64, PEM. The base64 coder is on the path of every submission. */
#include "core/base/enc.h"

#include "core/base/num.h"

/* ---- hex ---- */

static const char hex_digits[] = "0123456789abcdef";

#define NO_HEX 16U

/* 0..15, or NO_HEX. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'f')
        return c - (unsigned)'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - (unsigned)'A' + 10;
    return NO_HEX;
}

/* Two digits for each byte, no NUL. */
static void put_hex(struct pl_bytes in, uint8_t *out)
{
    for (size_t i = 0; i < in.n; i++) {
        out[2 * i] = (uint8_t)hex_digits[in.p[i] >> 4];
        out[2 * i + 1] = (uint8_t)hex_digits[in.p[i] & 15];
    }
}

void pl_hex_encode(struct pl_bytes in, char *out)
{
    put_hex(in, (uint8_t *)out);
    out[2 * in.n] = '\0';
}

void pl_buf_add_hex(struct pl_buf *b, struct pl_bytes in)
{
    size_t n;
    uint8_t *out = pl_buf_reserve(b, PL_MUL_OVERFLOW(in.n, (size_t)2, &n) ? SIZE_MAX : n);

    if (out == NULL)
        return;
    put_hex(in, out);
    pl_buf_commit(b, n);
}

bool pl_hex_decode(struct pl_bytes in, uint8_t *out, size_t n)
{
    if (in.n % 2 != 0 || in.n / 2 != n)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        if (hex_value(in.p[i]) == NO_HEX)
            return false;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(hex_value(in.p[2 * i]) << 4 | hex_value(in.p[2 * i + 1]));
    return true;
}

bool pl_is_hex(struct pl_bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        if (hex_value(in.p[i]) == NO_HEX)
            return false;
    }
    return in.n != 0;
}

/* ---- base64 ---- */

static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value + GOOD of each character of the alphabet; 0 for all others. */
#define GOOD 0x40
/* clang-format off */
#define ALNUM_VALUES \
    ['A'] = GOOD + 0,  ['B'] = GOOD + 1,  ['C'] = GOOD + 2,  ['D'] = GOOD + 3,  ['E'] = GOOD + 4,  \
    ['F'] = GOOD + 5,  ['G'] = GOOD + 6,  ['H'] = GOOD + 7,  ['I'] = GOOD + 8,  ['J'] = GOOD + 9,  \
    ['K'] = GOOD + 10, ['L'] = GOOD + 11, ['M'] = GOOD + 12, ['N'] = GOOD + 13, ['O'] = GOOD + 14, \
    ['P'] = GOOD + 15, ['Q'] = GOOD + 16, ['R'] = GOOD + 17, ['S'] = GOOD + 18, ['T'] = GOOD + 19, \
    ['U'] = GOOD + 20, ['V'] = GOOD + 21, ['W'] = GOOD + 22, ['X'] = GOOD + 23, ['Y'] = GOOD + 24, \
    ['Z'] = GOOD + 25, ['a'] = GOOD + 26, ['b'] = GOOD + 27, ['c'] = GOOD + 28, ['d'] = GOOD + 29, \
    ['e'] = GOOD + 30, ['f'] = GOOD + 31, ['g'] = GOOD + 32, ['h'] = GOOD + 33, ['i'] = GOOD + 34, \
    ['j'] = GOOD + 35, ['k'] = GOOD + 36, ['l'] = GOOD + 37, ['m'] = GOOD + 38, ['n'] = GOOD + 39, \
    ['o'] = GOOD + 40, ['p'] = GOOD + 41, ['q'] = GOOD + 42, ['r'] = GOOD + 43, ['s'] = GOOD + 44, \
    ['t'] = GOOD + 45, ['u'] = GOOD + 46, ['v'] = GOOD + 47, ['w'] = GOOD + 48, ['x'] = GOOD + 49, \
    ['y'] = GOOD + 50, ['z'] = GOOD + 51, ['0'] = GOOD + 52, ['1'] = GOOD + 53, ['2'] = GOOD + 54, \
    ['3'] = GOOD + 55, ['4'] = GOOD + 56, ['5'] = GOOD + 57, ['6'] = GOOD + 58, ['7'] = GOOD + 59, \
    ['8'] = GOOD + 60, ['9'] = GOOD + 61
/* clang-format on */
static const uint8_t std_values[256] = {ALNUM_VALUES, ['+'] = GOOD + 62, ['/'] = GOOD + 63};
static const uint8_t url_values[256] = {ALNUM_VALUES, ['-'] = GOOD + 62, ['_'] = GOOD + 63};

/* Encodes @in to @out and returns the end. */
static uint8_t *put_base64(struct pl_bytes in, enum pl_base64 form, uint8_t *out)
{
    const char *alphabet = form == PL_BASE64_STD ? std_alphabet : url_alphabet;
    size_t i = 0;
    uint32_t v;

    for (; in.n - i >= 3; i += 3) {
        v = (uint32_t)in.p[i] << 16 | (uint32_t)in.p[i + 1] << 8 | in.p[i + 2];
        *out++ = (uint8_t)alphabet[v >> 18];
        *out++ = (uint8_t)alphabet[v >> 12 & 63];
        *out++ = (uint8_t)alphabet[v >> 6 & 63];
        *out++ = (uint8_t)alphabet[v & 63];
    }
    if (i == in.n)
        return out;
    v = (uint32_t)in.p[i] << 16 | (in.n - i == 2 ? (uint32_t)in.p[i + 1] << 8 : 0);
    *out++ = (uint8_t)alphabet[v >> 18];
    *out++ = (uint8_t)alphabet[v >> 12 & 63];
    if (in.n - i == 2)
        *out++ = (uint8_t)alphabet[v >> 6 & 63];
    if (form == PL_BASE64_URL_NOPAD)
        return out;
    if (in.n - i == 1)
        *out++ = '=';
    *out++ = '=';
    return out;
}

void pl_buf_add_base64_as(struct pl_buf *b, struct pl_bytes in, enum pl_base64 form)
{
    uint8_t *out = pl_buf_reserve(b, in.n > SIZE_MAX / 2 ? SIZE_MAX : PL_BASE64_LEN(in.n));

    if (out != NULL)
        pl_buf_commit(b, (size_t)(put_base64(in, form, out) - out));
}

void pl_buf_add_base64(struct pl_buf *b, struct pl_bytes in)
{
    pl_buf_add_base64_as(b, in, PL_BASE64_STD);
}

struct pl_bytes pl_base64_arena(struct pl_bytes in, struct pl_arena *arena)
{
    uint8_t *out = in.n > SIZE_MAX / 2 ? NULL : pl_arena_alloc(arena, PL_BASE64_LEN(in.n) + 1);

    if (out == NULL)
        return pl_bytes(NULL, 0);
    put_base64(in, PL_BASE64_STD, out);
    return pl_bytes(out, PL_BASE64_LEN(in.n));
}

/* The last 2 or 3 characters, whose unused bits must be zero. Returns bytes written, 0 = bad. */
static size_t decode_tail(const uint8_t *in, size_t n, const uint8_t *values, uint8_t *out)
{
    uint8_t a = values[in[0]], b = values[in[1]], c = n == 3 ? values[in[2]] : GOOD;
    uint32_t v = (uint32_t)(a & 63) << 18 | (uint32_t)(b & 63) << 12 | (uint32_t)(c & 63) << 6;

    if ((a & b & c & GOOD) == 0 || (v & (n == 3 ? 0xff : 0xffff)) != 0)
        return 0;
    out[0] = (uint8_t)(v >> 16);
    if (n == 3)
        out[1] = (uint8_t)(v >> 8);
    return n - 1;
}

bool pl_base64_decode(struct pl_bytes in, enum pl_base64 form, uint8_t *out, size_t *out_n)
{
    const uint8_t *values = form == PL_BASE64_STD ? std_values : url_values;
    const uint8_t *p = in.p;
    uint8_t *to = out, good = GOOD;
    size_t n = in.n, tail;

    if (form != PL_BASE64_URL_NOPAD) {
        if (n % 4 != 0)
            return false;
        if (n != 0 && p[n - 1] == '=')
            n -= p[n - 2] == '=' ? 2 : 1;
    }
    tail = n % 4;
    if (tail == 1)
        return false;
    for (size_t groups = n / 4; groups != 0; groups--, p += 4, to += 3) {
        uint8_t a = values[p[0]], b = values[p[1]], c = values[p[2]], d = values[p[3]];

        good &= a & b & c & d;
        to[0] = (uint8_t)(a << 2 | (b >> 4 & 3));
        to[1] = (uint8_t)(b << 4 | (c >> 2 & 15));
        to[2] = (uint8_t)(c << 6 | (d & 63));
    }
    if (good == 0)
        return false;
    if (tail != 0) {
        size_t got = decode_tail(p, tail, values, to);

        if (got == 0)
            return false;
        to += got;
    }
    *out_n = (size_t)(to - out);
    return true;
}

enum pl_code pl_base64_decode_arena(struct pl_bytes in, enum pl_base64 form, const char *what,
                                    struct pl_arena *arena, struct pl_bytes *out,
                                    struct pl_err *err)
{
    uint8_t *p = pl_arena_alloc(arena, in.n / 4 * 3 + 3); /* one more: a NUL behind it */
    size_t n;

    if (p == NULL)
        return PL_FAIL(err, PL_ENOMEM, "%s: out of memory for this request", what);
    if (!pl_base64_decode(in, form, p, &n))
        return PL_FAIL(err, PL_EINVAL,
                       "%s is not valid base64 (%s, no blanks or line breaks): \"" PL_FMT "\"",
                       what,
                       form == PL_BASE64_STD   ? "standard alphabet, padded"
                       : form == PL_BASE64_URL ? "URL-safe alphabet, padded"
                                               : "URL-safe alphabet, unpadded",
                       PL_ARG(in));
    p[n] = 0;
    *out = pl_bytes(p, n);
    return PL_OK;
}

/* ---- PEM ---- */

#define PEM_BEGIN     "-----BEGIN "
#define PEM_END       "-----END "
#define PEM_DASHES    "-----"
#define PEM_LABEL_MAX 64

/* The next line without its end; blanks at its right are cut. False at the end of the text. */
static bool next_line(struct pl_bytes *in, struct pl_bytes *line)
{
    struct pl_reader r = pl_reader(*in);

    if (in->n == 0)
        return false;
    if (!pl_read_until(&r, '\n', line)) {
        *line = *in;
        r.left = pl_bytes(in->p + in->n, 0);
    }
    while (line->n != 0 && (line->p[line->n - 1] == '\r' || line->p[line->n - 1] == ' ' ||
                            line->p[line->n - 1] == '\t'))
        line->n--;
    *in = r.left;
    return true;
}

/* The label of an armour line that begins with @start; false if it is none. */
static bool armour_label(struct pl_bytes line, const char *start, struct pl_bytes *label)
{
    size_t begin = strlen(start), dashes = strlen(PEM_DASHES);

    if (!pl_bytes_has_prefix(line, start) || line.n < begin + 1 + dashes ||
        line.n > begin + PEM_LABEL_MAX + dashes ||
        memcmp(line.p + line.n - dashes, PEM_DASHES, dashes) != 0)
        return false;
    *label = pl_bytes(line.p + begin, line.n - begin - dashes);
    for (size_t i = 0; i < label->n; i++) {
        if (label->p[i] < 0x20 || label->p[i] > 0x7e)
            return false;
    }
    return true;
}

/* Collects the base64 lines up to the END line into @text. */
static enum pl_code read_pem_body(struct pl_bytes *in, struct pl_bytes label, struct pl_buf *text,
                                  struct pl_err *err)
{
    struct pl_bytes line, end;

    while (next_line(in, &line)) {
        if (armour_label(line, PEM_END, &end)) {
            if (!pl_bytes_eq(label, end))
                return PL_FAIL(err, PL_EINVAL,
                               "failure decoding PEM: BEGIN " PL_FMT " ends with END " PL_FMT,
                               PL_ARG(label), PL_ARG(end));
            return PL_OK;
        }
        if (line.n != 0 && memchr(line.p, ':', line.n) != NULL)
            return PL_FAIL(err, PL_EINVAL,
                           "failure decoding PEM: headers inside a block are not accepted");
        pl_buf_add_bytes(text, line);
    }
    return PL_FAIL(err, PL_EINVAL, "failure decoding PEM: no \"-----END " PL_FMT "-----\" line",
                   PL_ARG(label));
}

enum pl_code pl_pem_next(struct pl_bytes *in, struct pl_arena *arena, struct pl_pem *out,
                         struct pl_err *err)
{
    struct pl_bytes left = *in, line, label, der;
    struct pl_buf text;
    enum pl_code rc;

    do {
        if (!next_line(&left, &line))
            return PL_FAIL(err, PL_ENOTFOUND, "failure decoding PEM: no \"-----BEGIN\" line");
    } while (!armour_label(line, PEM_BEGIN, &label));

    pl_buf_init_arena(&text, arena, in->n);
    PL_TRY(read_pem_body(&left, label, &text, err));
    PL_TRY(pl_buf_check(&text, "PEM block", err));
    PL_TRY(
        pl_base64_decode_arena(pl_buf_bytes(&text), PL_BASE64_STD, "PEM block", arena, &der, err));
    *out = (struct pl_pem){.label = label, .der = der};
    *in = left;
out:
    return rc;
}

void pl_buf_add_pem(struct pl_buf *b, const char *label, struct pl_bytes der)
{
    pl_buf_add_str(b, PEM_BEGIN);
    pl_buf_add_str(b, label);
    pl_buf_add_str(b, PEM_DASHES "\n");
    for (size_t i = 0; i < der.n; i += 48) { /* 48 bytes make 64 characters */
        pl_buf_add_base64(b, pl_bytes(der.p + i, der.n - i < 48 ? der.n - i : 48));
        pl_buf_add_byte(b, '\n');
    }
    pl_buf_add_str(b, PEM_END);
    pl_buf_add_str(b, label);
    pl_buf_add_str(b, PEM_DASHES "\n");
}
