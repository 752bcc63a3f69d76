/* Property: a note that parses can be written again from its parts, byte for byte. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/enc.h"
#include "core/tlog/note.h"

#include "tests/fuzz/fuzz.h"

/* Text, blank line, then each line from its decoded fields. */
static void write_again(const struct pl_note *n, struct pl_buf *b)
{
    pl_buf_add_bytes(b, n->text);
    pl_buf_add_byte(b, '\n');
    for (size_t i = 0; i < n->nsigs; i++) {
        uint8_t *raw = malloc(4 + n->sigs[i].sig.n);
        MUST(raw != NULL && n->sigs[i].sig.n > 0 && n->sigs[i].name.n > 0);
        memcpy(raw, n->sigs[i].key_hash, 4);
        memcpy(raw + 4, n->sigs[i].sig.p, n->sigs[i].sig.n);
        pl_buf_add_str(b, "\xe2\x80\x94 ");
        pl_buf_add_bytes(b, n->sigs[i].name);
        pl_buf_add_byte(b, ' ');
        pl_buf_add_base64(b, pl_bytes(raw, 4 + n->sigs[i].sig.n));
        pl_buf_add_byte(b, '\n');
        free(raw);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes in = pl_bytes(data, size);
    struct pl_arena arena;
    struct pl_note note = {.nsigs = 0};
    struct pl_err err;

    pl_arena_init(&arena, (size_t)4 << 20);
    if (pl_note_parse(in, &arena, &note, &err) == PL_OK) {
        struct pl_buf again;
        MUST(note.nsigs >= 1 && note.nsigs <= PL_NOTE_SIGNATURES_MAX);
        MUST(note.text.n > 0 && note.text.p[note.text.n - 1] == '\n');
        pl_buf_init(&again, 2 * PL_NOTE_MAX);
        write_again(&note, &again);
        MUST(pl_buf_ok(&again) && pl_bytes_eq(pl_buf_bytes(&again), in));
        pl_buf_free(&again);
    } else {
        MUST(note.nsigs == 0 && err.text[0] != '\0');
    }
    pl_arena_free(&arena);
    return 0;
}
