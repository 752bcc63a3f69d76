/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - strict loading over jansson, and the typed getters. Writing is in jcs.c. */
#include "core/base/json.h"

#include "core/base/json_read.h"

#include <stdio.h>

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "core/base/num.h"

#define PATH_MAX_LEN 160 /* of a member, in an error text */

/* ---- loading ---- */

/* Line and column (bytes, from 1) of @at in @in. */
static void find_place(struct pl_bytes in, size_t at, int *line, int *column)
{
    size_t start = 0;

    *line = 1;
    for (size_t i = 0; i < at; i++) {
        if (in.p[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    }
    *column = (int)(at - start) + 1;
}

/* Refuses deep nesting before anything recurses into it, and masses of small values before they
 * take 40 times the memory of their text. Only strings need to be understood. */
static enum pl_code check_shape(struct pl_bytes in, struct pl_err *err)
{
    bool in_string = false;
    size_t values = 1;
    int depth = 0;

    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PL_JSON_DEPTH_MAX) {
                int line, column;

                find_place(in, i, &line, &column);
                return PL_FAIL(err, PL_EINVAL,
                               "invalid JSON at line %d, column %d: nested deeper than %d levels",
                               line, column, PL_JSON_DEPTH_MAX);
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
        values += !in_string && (c == ',' || c == '{' || c == '[');
    }
    if (values > PL_JSON_VALUES_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "JSON of %zu values is over the limit of %zu values",
                       values, PL_JSON_VALUES_MAX);
    return PL_OK;
}

enum pl_code pl_json_load(struct pl_bytes in, size_t max, json_t **out, struct pl_err *err)
{
    json_error_t why;
    json_t *value = NULL;
    enum pl_code rc;

    if (in.n > max)
        return PL_FAIL(err, PL_ETOOBIG, "JSON of %zu bytes is over the limit of %zu bytes", in.n,
                       max);
    if (in.n == 0)
        return PL_FAIL(err, PL_EINVAL, "invalid JSON: the text is empty");
    PL_TRY(check_shape(in, err));
    value = pl_json_read_plain(in);
    if (value != NULL) {
        *out = value;
        return PL_OK;
    }
    value = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (value == NULL && json_error_code(&why) == json_error_out_of_memory)
        return PL_FAIL(err, PL_ENOMEM, "JSON: out of memory");
    if (value == NULL)
        return PL_FAIL(
            err, PL_EINVAL, "invalid JSON at line %d, column %d: %s%s", why.line, why.column,
            json_error_code(&why) == json_error_invalid_utf8 ? "not UTF-8: " : "", why.text);
    *out = value;
out:
    return rc;
}

/* ---- getters ---- */

/* "where.name", for error texts. */
static const char *member_path(const char *where, const char *name, char out[PATH_MAX_LEN])
{
    (void)snprintf(out, PATH_MAX_LEN, "%s%s%s", where, where[0] != '\0' ? "." : "", name);
    return out;
}

/* The member, or NULL in *@out when it is absent or null; @obj itself must be an object. */
static enum pl_code get_member(const json_t *obj, const char *where, const char *name, json_t **out,
                               struct pl_err *err)
{
    json_t *value = NULL;

    if (!json_is_object(obj))
        return PL_FAIL(err, PL_EINVAL, "%s must be an object",
                       where[0] != '\0' ? where : "the JSON text");
    value = json_object_get(obj, name);
    *out = json_is_null(value) ? NULL : value;
    return PL_OK;
}

static enum pl_code say_required(const char *where, const char *name, struct pl_err *err)
{
    char path[PATH_MAX_LEN];

    return PL_FAIL(err, PL_EINVAL, "%s is required", member_path(where, name, path));
}

static enum pl_code say_type(const char *where, const char *name, const char *type,
                             struct pl_err *err)
{
    char path[PATH_MAX_LEN];

    return PL_FAIL(err, PL_EINVAL, "%s must be %s", member_path(where, name, path), type);
}

/* A member of @type, NULL in *@out when absent. */
static enum pl_code get_typed(const json_t *obj, const char *where, const char *name,
                              json_type type, const char *type_text, json_t **out,
                              struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(get_member(obj, where, name, &value, err));
    if (value != NULL && json_typeof(value) != type)
        return say_type(where, name, type_text, err);
    *out = value;
out:
    return rc;
}

enum pl_code pl_json_object_opt(const json_t *obj, const char *where, const char *name,
                                json_t **out, struct pl_err *err)
{
    return get_typed(obj, where, name, JSON_OBJECT, "an object", out, err);
}

enum pl_code pl_json_object(const json_t *obj, const char *where, const char *name, json_t **out,
                            struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_object_opt(obj, where, name, &value, err));
    if (value == NULL)
        return say_required(where, name, err);
    *out = value;
out:
    return rc;
}

enum pl_code pl_json_array_opt(const json_t *obj, const char *where, const char *name, json_t **out,
                               struct pl_err *err)
{
    return get_typed(obj, where, name, JSON_ARRAY, "an array", out, err);
}

enum pl_code pl_json_array(const json_t *obj, const char *where, const char *name, json_t **out,
                           struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(pl_json_array_opt(obj, where, name, &value, err));
    if (value == NULL)
        return say_required(where, name, err);
    *out = value;
out:
    return rc;
}

struct pl_bytes pl_json_text(const json_t *string)
{
    return pl_bytes(json_string_value(string), json_string_length(string));
}

enum pl_code pl_json_string_opt(const json_t *obj, const char *where, const char *name,
                                struct pl_bytes *out, struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(get_typed(obj, where, name, JSON_STRING, "a string", &value, err));
    *out = value != NULL ? pl_json_text(value) : pl_bytes(NULL, 0);
out:
    return rc;
}

enum pl_code pl_json_string(const json_t *obj, const char *where, const char *name,
                            struct pl_bytes *out, struct pl_err *err)
{
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_json_string_opt(obj, where, name, &text, err));
    if (text.p == NULL)
        return say_required(where, name, err);
    *out = text;
out:
    return rc;
}

enum pl_code pl_json_bool_opt(const json_t *obj, const char *where, const char *name,
                              bool otherwise, bool *out, struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(get_member(obj, where, name, &value, err));
    if (value != NULL && !json_is_boolean(value))
        return say_type(where, name, "true or false", err);
    *out = value != NULL ? json_is_true(value) : otherwise;
out:
    return rc;
}

enum pl_code pl_json_u64_opt(const json_t *obj, const char *where, const char *name,
                             uint64_t otherwise, uint64_t *out, struct pl_err *err)
{
    uint64_t number = otherwise;
    json_t *value = NULL;
    bool good = true;
    enum pl_code rc;

    PL_TRY(get_member(obj, where, name, &value, err));
    if (json_is_integer(value)) {
        good = json_integer_value(value) >= 0;
        number = (uint64_t)json_integer_value(value);
    } else if (json_is_string(value)) {
        good = pl_parse_u64(pl_json_text(value), UINT64_MAX, &number);
    } else if (value != NULL) {
        good = false;
    }
    if (!good)
        return say_type(where, name, "a non-negative integer (or a string of its digits)", err);
    *out = number;
out:
    return rc;
}

enum pl_code pl_json_u64(const json_t *obj, const char *where, const char *name, uint64_t *out,
                         struct pl_err *err)
{
    json_t *value = NULL;
    enum pl_code rc;

    PL_TRY(get_member(obj, where, name, &value, err));
    if (value == NULL)
        return say_required(where, name, err);
    PL_TRY(pl_json_u64_opt(obj, where, name, 0, out, err));
out:
    return rc;
}

enum pl_code pl_json_base64(const json_t *obj, const char *where, const char *name,
                            struct pl_arena *arena, struct pl_bytes *out, struct pl_err *err)
{
    char path[PATH_MAX_LEN];
    struct pl_bytes text;
    enum pl_code rc;

    PL_TRY(pl_json_string(obj, where, name, &text, err));
    PL_TRY(pl_base64_decode_arena(text, PL_BASE64_STD, member_path(where, name, path), arena, out,
                                  err));
out:
    return rc;
}
