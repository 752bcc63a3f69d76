/* SPDX-License-Identifier: Apache-2.0 */
/* num.c - strict numbers and RFC 3339 times. */
#include "core/base/num.h"

#include "core/base/arena.h"

/* Digits only, at least one; false on anything else or over @max. */
static bool parse_digits(struct pl_bytes in, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (in.n == 0)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        unsigned digit = (unsigned)in.p[i] - '0';

        if (digit > 9 || PL_MUL_OVERFLOW(v, UINT64_C(10), &v) ||
            PL_ADD_OVERFLOW(v, (uint64_t)digit, &v) || v > max)
            return false;
    }
    *out = v;
    return true;
}

bool pl_parse_u64(struct pl_bytes in, uint64_t max, uint64_t *out)
{
    if (in.n > 1 && in.p[0] == '0')
        return false;
    return parse_digits(in, max, out);
}

bool pl_parse_i64(struct pl_bytes in, int64_t *out)
{
    bool negative = in.n != 0 && in.p[0] == '-';
    uint64_t v;

    if (negative)
        in = pl_bytes(in.p + 1, in.n - 1);
    if (!parse_digits(in, (uint64_t)INT64_MAX + (negative ? 1 : 0), &v))
        return false;
    *out = negative ? (int64_t)(UINT64_C(0) - v) : (int64_t)v;
    return true;
}

/* ---- time: the proleptic Gregorian calendar, years counted from March of year 0 ---- */

#define DAY_SECONDS     86400
#define MIN_SECONDS     INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define MAX_SECONDS     INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DAYS_0000_03_01 INT64_C(-719468)      /* that day, counted from 1970-01-01 */

/* Days from 1970-01-01 to @year-@month-@day. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2), m = (month + 9) % 12; /* m: 0 = March */
    int64_t era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + (153 * m + 2) / 5 + day - 1 +
           DAYS_0000_03_01;
}

static void put_digits(char *out, int64_t v, int width)
{
    while (width-- > 0) {
        out[width] = (char)('0' + v % 10);
        v /= 10;
    }
}

void pl_format_rfc3339(int64_t unix_seconds, char out[PL_RFC3339_LEN + 1])
{
    int64_t t = unix_seconds < MIN_SECONDS   ? MIN_SECONDS
                : unix_seconds > MAX_SECONDS ? MAX_SECONDS
                                             : unix_seconds;
    int64_t from_year_0 = t - MIN_SECONDS, second = from_year_0 % DAY_SECONDS;
    /* From 1 March of year -400 on, so that nothing is negative. */
    int64_t days = from_year_0 / DAY_SECONDS + 146097 - 60;
    int64_t era = days / 146097, in_era = days % 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * in_year + 2) / 153; /* 0 = March */
    int64_t month = m < 10 ? m + 3 : m - 9;

    memcpy(out, "0000-00-00T00:00:00Z", PL_RFC3339_LEN + 1);
    put_digits(out, year + (era - 1) * 400 + (month <= 2), 4);
    put_digits(out + 5, month, 2);
    put_digits(out + 8, in_year - (153 * m + 2) / 5 + 1, 2);
    put_digits(out + 11, second / 3600, 2);
    put_digits(out + 14, second / 60 % 60, 2);
    put_digits(out + 17, second % 60, 2);
}

/* Exactly @width digits, in [@low, @high]. */
static bool take_number(struct pl_reader *r, size_t width, uint64_t low, uint64_t high,
                        int64_t *out)
{
    struct pl_reader at = *r;
    struct pl_bytes x;
    uint64_t v;

    if (!pl_read_bytes(&at, width, &x) || !parse_digits(x, high, &v) || v < low)
        return false;
    *out = (int64_t)v;
    *r = at;
    return true;
}

/* One byte, @a or @b. */
static bool take_one(struct pl_reader *r, char a, char b)
{
    if (r->left.n == 0 || (r->left.p[0] != (uint8_t)a && r->left.p[0] != (uint8_t)b))
        return false;
    r->left = pl_bytes(r->left.p + 1, r->left.n - 1);
    return true;
}

/* "Z" or "+hh:mm", then the end. */
static bool take_offset(struct pl_reader *r, int64_t *seconds)
{
    int64_t sign = -1, hour, minute;

    *seconds = 0;
    if (take_one(r, 'Z', 'z'))
        return r->left.n == 0;
    if (take_one(r, '+', '+'))
        sign = 1;
    else if (!take_one(r, '-', '-'))
        return false;
    if (!take_number(r, 2, 0, 23, &hour) || !take_one(r, ':', ':') ||
        !take_number(r, 2, 0, 59, &minute))
        return false;
    *seconds = sign * (hour * 3600 + minute * 60);
    return r->left.n == 0;
}

static bool take_fraction(struct pl_reader *r)
{
    int64_t digit;

    if (!take_one(r, '.', '.'))
        return true;
    if (!take_number(r, 1, 0, 9, &digit))
        return false;
    while (take_number(r, 1, 0, 9, &digit))
        ;
    return true;
}

bool pl_parse_rfc3339(struct pl_bytes in, int64_t *unix_seconds)
{
    struct pl_reader r = pl_reader(in);
    int64_t year, month, day, hour, minute, second, offset, days, t;

    if (!take_number(&r, 4, 0, 9999, &year) || !take_one(&r, '-', '-') ||
        !take_number(&r, 2, 1, 12, &month) || !take_one(&r, '-', '-') ||
        !take_number(&r, 2, 1, 31, &day) || !take_one(&r, 'T', 't') ||
        !take_number(&r, 2, 0, 23, &hour) || !take_one(&r, ':', ':') ||
        !take_number(&r, 2, 0, 59, &minute) || !take_one(&r, ':', ':') ||
        !take_number(&r, 2, 0, 60, &second) || !take_fraction(&r) || !take_offset(&r, &offset))
        return false;
    days = days_of(year, month, day);
    /* The month has this day if the next month does not begin before or on it. */
    if (days >= days_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1))
        return false;
    t = days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset;
    /* A leap second ends a day in UTC. */
    if (second == 60 && t % DAY_SECONDS != 0)
        return false;
    *unix_seconds = t;
    return true;
}
