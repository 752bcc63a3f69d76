/* SPDX-License-Identifier: Apache-2.0 */
/* json_read.c - recursive descent over plain JSON; every doubt ends in NULL. */
#include "core/base/json_read.h"

#include <stdlib.h>

#define DIGITS_MAX 15 /* always within int64_t and below 2^53 */

struct plain {
    const uint8_t *p, *end;
    uint8_t *unescaped; /* as large as the text, made when the first escape is met */
    size_t size;
};

static json_t *read_value(struct plain *r);

static void skip_space(struct plain *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool take(struct plain *r, uint8_t c)
{
    skip_space(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* What \c stands for; 0 for \u and for what is no escape. */
static uint8_t unescape(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* To the next quote, backslash or control character; all of it must be there. */
static const uint8_t *plain_run(struct plain *r, bool *ascii)
{
    const uint8_t *p = r->p;
    uint8_t seen = 0;

    while (p < r->end && *p != '"' && *p != '\\' && *p >= 0x20)
        seen |= *p++;
    if ((seen & 0x80) != 0)
        *ascii = false;
    return p;
}

/* A string with escapes, behind its first run of @n bytes at @start. */
static bool read_escaped(struct plain *r, const uint8_t *start, size_t n, bool *ascii,
                         struct pl_bytes *out)
{
    if (r->unescaped == NULL)
        r->unescaped = malloc(r->size);
    if (r->unescaped == NULL)
        return false;
    memcpy(r->unescaped, start, n);
    while (r->p < r->end && *r->p == '\\') {
        uint8_t c = r->end - r->p >= 2 ? unescape(r->p[1]) : 0;
        if (c == 0)
            return false;
        r->unescaped[n++] = c;
        r->p += 2;
        const uint8_t *stop = plain_run(r, ascii);
        memcpy(r->unescaped + n, r->p, (size_t)(stop - r->p));
        n += (size_t)(stop - r->p);
        r->p = stop;
    }
    *out = pl_bytes(r->unescaped, n);
    return true;
}

/* The text lives until the next string is read. */
static bool read_string(struct plain *r, struct pl_bytes *out)
{
    bool ascii = true;

    if (!take(r, '"'))
        return false;
    const uint8_t *start = r->p;
    r->p = plain_run(r, &ascii);
    *out = pl_bytes(start, (size_t)(r->p - start));
    if (r->p < r->end && *r->p == '\\' && !read_escaped(r, start, out->n, &ascii, out))
        return false;
    if (r->p == r->end || *r->p != '"')
        return false;
    r->p++;
    return ascii || pl_utf8_valid(*out);
}

static json_t *read_object(struct plain *r)
{
    json_t *object = json_object();
    struct pl_bytes key;

    if (object == NULL || take(r, '}'))
        return object;
    do {
        if (!read_string(r, &key) || !take(r, ':') ||
            json_object_getn(object, (const char *)key.p, key.n) != NULL)
            goto out;
        /* The value may need the room that the key lies in. */
        char name[64];
        if (key.n >= sizeof(name))
            goto out;
        memcpy(name, key.p, key.n);
        json_t *value = read_value(r);
        if (value == NULL || json_object_setn_new_nocheck(object, name, key.n, value) != 0)
            goto out;
    } while (take(r, ','));
    if (take(r, '}'))
        return object;
out:
    json_decref(object);
    return NULL;
}

static json_t *read_array(struct plain *r)
{
    json_t *array = json_array();

    if (array == NULL || take(r, ']'))
        return array;
    do {
        json_t *value = read_value(r);
        if (value == NULL || json_array_append_new(array, value) != 0)
            goto out;
    } while (take(r, ','));
    if (take(r, ']'))
        return array;
out:
    json_decref(array);
    return NULL;
}

static json_t *read_integer(struct plain *r)
{
    bool negative = *r->p == '-';
    const uint8_t *digits = r->p + negative, *p = digits;
    json_int_t v = 0;

    while (p < r->end && *p >= '0' && *p <= '9' && p - digits <= DIGITS_MAX)
        v = v * 10 + (*p++ - '0');
    size_t n = (size_t)(p - digits);
    /* -0, leading zeros, fractions and exponents are jansson's. */
    if (n == 0 || n > DIGITS_MAX || (*digits == '0' && (n > 1 || negative)) ||
        (p < r->end && (*p == '.' || *p == 'e' || *p == 'E')))
        return NULL;
    r->p = p;
    return json_integer(negative ? -v : v);
}

static json_t *read_word(struct plain *r, const char *word, json_t *value)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return NULL;
    r->p += n;
    return value;
}

static json_t *read_value(struct plain *r)
{
    struct pl_bytes text;

    skip_space(r);
    if (r->p == r->end)
        return NULL;
    switch (*r->p) {
    case '{':
        r->p++;
        return read_object(r);
    case '[':
        r->p++;
        return read_array(r);
    case '"':
        return read_string(r, &text) ? json_stringn_nocheck((const char *)text.p, text.n) : NULL;
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    default:
        return *r->p == '-' || (*r->p >= '0' && *r->p <= '9') ? read_integer(r) : NULL;
    }
}

json_t *pl_json_read_plain(struct pl_bytes in)
{
    struct plain r = {.p = in.p, .end = in.p + in.n, .size = in.n};
    json_t *value = read_value(&r);

    skip_space(&r);
    if (value != NULL && r.p != r.end) {
        json_decref(value);
        value = NULL;
    }
    free(r.unescaped);
    return value;
}
