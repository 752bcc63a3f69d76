/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c - recorded HTTP exchanges. The recordings are trusted: what is odd ends the program. */
#include "tests/lib/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/base/enc.h"
#include "core/base/limits.h"
#include "core/base/num.h"

static void die(const char *what, const char *path)
{
    fprintf(stderr, "recorded exchange %s: %s\n", path, what);
    exit(1);
}

/* gzread passes plain files through. */
static struct pl_bytes read_all(struct pl_arena *arena, const char *path)
{
    struct pl_buf b;
    uint8_t block[16384];
    gzFile file = gzopen(path, "rb");
    int n;

    if (file == NULL)
        die("cannot be opened", path);
    pl_buf_init_arena(&b, arena, PL_REQUEST_MAX);
    while ((n = gzread(file, block, sizeof(block))) > 0)
        pl_buf_add(&b, block, (size_t)n);
    gzclose(file);
    if (n < 0 || !pl_buf_ok(&b))
        die("cannot be read", path);
    return pl_buf_bytes(&b);
}

/* Chunks without extensions or trailers. */
static struct pl_bytes unchunk(struct pl_arena *arena, struct pl_reader r, const char *path)
{
    struct pl_buf b;
    struct pl_bytes line, data;

    pl_buf_init_arena(&b, arena, PL_REQUEST_MAX);
    for (;;) {
        char hex[17] = {0};
        uint64_t n = 0;

        if (!pl_read_until(&r, '\n', &line) || line.n < 2 || line.n > 16)
            die("bad chunk", path);
        memcpy(hex, line.p, line.n - 1);
        for (const char *p = hex; *p != '\0'; p++) {
            uint8_t digit[1];
            char pair[2] = {'0', *p};

            if (!pl_hex_decode(pl_bytes(pair, 2), digit, 1))
                die("bad chunk size", path);
            n = n * 16 + digit[0];
        }
        if (n == 0)
            return pl_buf_bytes(&b);
        if (!pl_read_bytes(&r, (size_t)n, &data) || !pl_read_until(&r, '\n', &line))
            die("chunk cut off", path);
        pl_buf_add_bytes(&b, data);
    }
}

struct pl_capture pl_test_capture(struct pl_arena *arena, const char *path)
{
    struct pl_reader r = pl_reader(read_all(arena, path));
    struct pl_capture out = {0};
    struct pl_bytes line;
    bool chunked = false;
    uint64_t status;

    if (!pl_read_until(&r, '\n', &line))
        die("no first line", path);
    out.line = pl_bytes_trim(line);
    if (pl_bytes_has_prefix(out.line, "HTTP/1.") && out.line.n >= 12 &&
        pl_parse_u64(pl_bytes(out.line.p + 9, 3), 999, &status))
        out.status = (int)status;
    while (pl_read_until(&r, '\n', &line) && pl_bytes_trim(line).n != 0)
        chunked = chunked || pl_bytes_eq_str(pl_bytes_trim(line), "Transfer-Encoding: chunked");
    out.body = chunked ? unchunk(arena, r, path) : r.left;
    return out;
}

struct pl_bytes pl_test_logged_body(struct pl_arena *arena, const struct pl_capture *response)
{
    json_t *root = NULL;
    const char *id;
    json_t *entry;
    struct pl_bytes body = {NULL, 0};
    struct pl_err err;

    if (pl_json_load(response->body, PL_REQUEST_MAX, &root, &err) != PL_OK)
        die(err.text, "response");
    json_object_foreach(root, id, entry)
    {
        if (pl_json_base64(entry, id, "body", arena, &body, &err) != PL_OK)
            die(err.text, "response");
    }
    json_decref(root);
    return body;
}
