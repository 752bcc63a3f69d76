/* SPDX-License-Identifier: Apache-2.0 */
/* jcs.c - the writing half of json.h: RFC 8785, the JSON Canonicalization Scheme. */
#include "core/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/limits.h"
#include "core/base/num.h"

#define INTEGER_MAX INT64_C(9007199254740991) /* 2^53 - 1 */
#define NEST_MAX    (2 * PL_JSON_DEPTH_MAX)   /* we wrap what we loaded, a little */

/* ---- strings ---- */

/* Escape letter of RFC 8785 section 3.2.2.2, 'u' for the long form, 0 for none. */
static char escape_of(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 ? 'u' : '\0';
    }
}

void pl_buf_add_json_string(struct pl_buf *b, struct pl_bytes text)
{
    size_t from = 0;

    pl_buf_add_byte(b, '"');
    for (size_t i = 0; i < text.n; i++) {
        char escape = escape_of(text.p[i]);

        if (escape == '\0')
            continue;
        pl_buf_add(b, text.p + from, i - from);
        from = i + 1;
        pl_buf_add_byte(b, '\\');
        pl_buf_add_byte(b, (uint8_t)escape);
        if (escape == 'u')
            pl_buf_addf(b, "%04x", text.p[i]);
    }
    if (from < text.n)
        pl_buf_add(b, text.p + from, text.n - from);
    pl_buf_add_byte(b, '"');
}

void pl_buf_add_json_lossy(struct pl_buf *b, struct pl_bytes text)
{
    struct pl_buf clean;

    if (pl_utf8_valid(text)) {
        pl_buf_add_json_string(b, text);
        return;
    }
    pl_buf_init(&clean, 3 * text.n);
    while (text.n != 0) {
        size_t n = text.n < 4 ? text.n : 4; /* the longest sequence first */

        while (n != 0 && !pl_utf8_valid(pl_bytes(text.p, n)))
            n--;
        pl_buf_add_bytes(&clean, n != 0 ? pl_bytes(text.p, n) : PL_LIT("\xef\xbf\xbd"));
        n = n != 0 ? n : 1;
        text = pl_bytes(text.p + n, text.n - n);
    }
    pl_buf_add_json_string(b, pl_buf_bytes(&clean));
    pl_buf_free(&clean);
}

/* ---- numbers ---- */

#define DIGITS_MAX 17 /* of a double, always enough */

/* d.ddde+xx as @n digits and an exponent of ten for the first one. */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int n, exponent;
};

/* @v > 0 rounded to @n digits. */
static struct decimal round_to(double v, int n)
{
    struct decimal d = {.n = n};
    char text[40];
    char *e;
    int64_t exponent = 0;

    (void)snprintf(text, sizeof(text), "%.*e", n - 1, v);
    e = strchr(text, 'e');
    if (e == NULL)
        return d;
    d.digits[0] = text[0];
    if (n > 1) /* text[1] is the point, in whatever the locale */
        memcpy(d.digits + 1, text + 2, (size_t)n - 1);
    if (pl_parse_i64(pl_str(e[1] == '+' ? e + 2 : e + 1), &exponent))
        d.exponent = (int)exponent;
    return d;
}

static bool reads_as(const struct decimal *d, double v)
{
    char text[40];

    /* All digits before the point, so the locale's point does not matter. */
    (void)snprintf(text, sizeof(text), "%se%d", d->digits, d->exponent - (d->n - 1));
    return strtod(text, NULL) == v;
}

/* Adds one unit to the last digit; false when it carries out of the first. */
static bool step_up(struct decimal *d)
{
    for (int i = d->n - 1; i >= 0; i--) {
        if (d->digits[i] != '9') {
            d->digits[i]++;
            return true;
        }
        d->digits[i] = '0';
    }
    return false;
}

/* The fewest digits that read back as @v > 0; of those the nearest to @v. */
static struct decimal shortest(double v)
{
    for (int n = 1; n < DIGITS_MAX; n++) {
        struct decimal d = round_to(v, n), up = d;

        if (reads_as(&d, v))
            return d;
        /* Above a power of two the interval that reads as v is twice as wide as below it. */
        if (step_up(&up) && reads_as(&up, v))
            return up;
    }
    return round_to(v, DIGITS_MAX);
}

static void add_zeros(struct pl_buf *b, int n)
{
    for (; n > 0; n--)
        pl_buf_add_byte(b, '0');
}

/* ECMA-262 Number::toString, steps 6 on; @point is its n, digits->n its k. */
static void add_decimal(struct pl_buf *b, const struct decimal *d)
{
    int point = d->exponent + 1;
    size_t n = (size_t)d->n;

    if (point >= d->n && point <= 21) {
        pl_buf_add(b, d->digits, n);
        add_zeros(b, point - d->n);
    } else if (point > 0 && point < d->n) {
        pl_buf_add(b, d->digits, (size_t)point);
        pl_buf_add_byte(b, '.');
        pl_buf_add(b, d->digits + point, n - (size_t)point);
    } else if (point > -6 && point <= 0) {
        pl_buf_add_str(b, "0.");
        add_zeros(b, -point);
        pl_buf_add(b, d->digits, n);
    } else {
        pl_buf_add(b, d->digits, 1);
        if (n > 1) {
            pl_buf_add_byte(b, '.');
            pl_buf_add(b, d->digits + 1, n - 1);
        }
        pl_buf_addf(b, "e%+d", point - 1);
    }
}

void pl_buf_add_json_double(struct pl_buf *b, double v)
{
    struct decimal d;

    if (v == 0 || PL_NEVER(!isfinite(v))) { /* also -0 */
        pl_buf_add_byte(b, '0');
        return;
    }
    if (v < 0)
        pl_buf_add_byte(b, '-');
    d = shortest(fabs(v));
    add_decimal(b, &d);
}

/* ---- values ---- */

/*
 * Section 3.2.3 sorts by UTF-16 code units. UTF-8 bytes sort the same way but for one case: lead
 * bytes F0..F4 (surrogates in UTF-16) come before EE and EF (U+E000..U+FFFF).
 */
static int rank(uint8_t c)
{
    return c == 0xee || c == 0xef ? c + 0x10 : c;
}

struct member {
    struct pl_bytes name;
    const json_t *value;
};

static int compare_members(const void *left, const void *right)
{
    struct pl_bytes a = ((const struct member *)left)->name;
    struct pl_bytes b = ((const struct member *)right)->name;
    size_t n = a.n < b.n ? a.n : b.n;

    for (size_t i = 0; i < n; i++) {
        if (a.p[i] != b.p[i])
            return rank(a.p[i]) - rank(b.p[i]);
    }
    return (a.n > b.n) - (a.n < b.n);
}

static enum pl_code add_value(const json_t *value, int depth, struct pl_buf *b, struct pl_err *err);

/* The members of @obj, sorted, in memory that the caller frees; NULL when that is not there. */
static struct member *sorted_members(const json_t *obj, size_t *count)
{
    size_t n = json_object_size(obj), i = 0;
    struct member *members = calloc(n + 1, sizeof(*members));
    union { /* jansson's iterator wants it without const, and only reads */
        const json_t *given;
        json_t *wanted;
    } from = {.given = obj};

    if (members == NULL)
        return NULL;
    for (void *it = json_object_iter(from.wanted); it != NULL && i < n;
         it = json_object_iter_next(from.wanted, it), i++) {
        members[i].name = pl_bytes(json_object_iter_key(it), json_object_iter_key_len(it));
        members[i].value = json_object_iter_value(it);
    }
    qsort(members, i, sizeof(*members), compare_members);
    *count = i;
    return members;
}

static enum pl_code add_object(const json_t *obj, int depth, struct pl_buf *b, struct pl_err *err)
{
    size_t n = 0;
    struct member *members = sorted_members(obj, &n);
    enum pl_code rc = PL_OK;

    if (members == NULL)
        return PL_FAIL(err, PL_ENOMEM, "canonical JSON: out of memory");
    pl_buf_add_byte(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i != 0)
            pl_buf_add_byte(b, ',');
        pl_buf_add_json_string(b, members[i].name);
        pl_buf_add_byte(b, ':');
        PL_TRY(add_value(members[i].value, depth + 1, b, err));
    }
    pl_buf_add_byte(b, '}');
out:
    free(members);
    return rc;
}

static enum pl_code add_array(const json_t *array, int depth, struct pl_buf *b, struct pl_err *err)
{
    enum pl_code rc = PL_OK;

    pl_buf_add_byte(b, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i != 0)
            pl_buf_add_byte(b, ',');
        PL_TRY(add_value(json_array_get(array, i), depth + 1, b, err));
    }
    pl_buf_add_byte(b, ']');
out:
    return rc;
}

static enum pl_code add_integer(int64_t v, struct pl_buf *b, struct pl_err *err)
{
    if (v > INTEGER_MAX || v < -INTEGER_MAX)
        return PL_FAIL(err, PL_EINVAL,
                       "the integer %" PRId64 " is beyond 2^53-1, which canonical JSON (RFC 8785) "
                       "cannot carry; send it as a string",
                       v);
    pl_buf_add_i64(b, v);
    return PL_OK;
}

static enum pl_code add_value(const json_t *value, int depth, struct pl_buf *b, struct pl_err *err)
{
    if (depth > NEST_MAX)
        return PL_FAIL(err, PL_EINVAL, "JSON nested deeper than %d levels", NEST_MAX);
    if (PL_NEVER(value == NULL))
        return PL_FAIL(err, PL_EINVAL, "canonical JSON: no value");
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return add_object(value, depth, b, err);
    case JSON_ARRAY:
        return add_array(value, depth, b, err);
    case JSON_STRING:
        pl_buf_add_json_string(b, pl_json_text(value));
        return PL_OK;
    case JSON_INTEGER:
        return add_integer(json_integer_value(value), b, err);
    case JSON_REAL:
        pl_buf_add_json_double(b, json_real_value(value));
        return PL_OK;
    case JSON_TRUE:
        pl_buf_add_str(b, "true");
        return PL_OK;
    case JSON_FALSE:
        pl_buf_add_str(b, "false");
        return PL_OK;
    case JSON_NULL:
        pl_buf_add_str(b, "null");
        return PL_OK;
    }
    return PL_FAIL(err, PL_EINVAL, "canonical JSON: unknown type");
}

enum pl_code pl_json_canonical(const json_t *value, struct pl_buf *b, struct pl_err *err)
{
    return add_value(value, 0, b, err);
}
