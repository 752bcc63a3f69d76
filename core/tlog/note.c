/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note.c - C2SP signed-note: split, check the form, verify one key, write.
 *
 *   text: lines, each ended by LF            <- signed, with its last LF
 *                                            <- one LF: the blank line, not signed
 *   (U+2014) SP name SP base64(id[4] || signature) LF      one or more
 *
 * The split is at the last blank line. Other readers split at the first or insist on exactly one,
 * so what is written here never has a blank line in the text: then all agree.
 */
#include "core/tlog/note.h"

#include "core/base/enc.h"

#include <inttypes.h>

#define DASH          "\xe2\x80\x94 " /* U+2014 EM DASH and one space */
#define KEY_HASH_SIZE 4
#define TYPE_ED25519  0x01

/* White space of Unicode beyond ASCII's, as UTF-8: what a key name must not contain. */
static const char *const WIDE_SPACES[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

static bool has_wide_space(struct pl_bytes name)
{
    for (size_t at = 0; at < name.n; at++) {
        if (name.p[at] < 0x80)
            continue;
        for (size_t i = 0; i < sizeof(WIDE_SPACES) / sizeof(WIDE_SPACES[0]); i++) {
            if (pl_bytes_has_prefix(pl_bytes(name.p + at, name.n - at), WIDE_SPACES[i]))
                return true;
        }
    }
    return false;
}

/* Non-empty, no white space, no '+' (which separates the fields of a vkey), no control character.
 */
static bool name_ok(struct pl_bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] <= ' ' || name.p[i] == '+')
            return false;
    }
    return name.n > 0 && pl_utf8_valid(name) && !has_wide_space(name);
}

/* UTF-8 and, below 0x20, only LF: a CR would be invisible and would break every signature. */
static enum pl_code check_bytes(struct pl_bytes in, struct pl_err *err)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < 0x20 && in.p[i] != '\n')
            return PL_FAIL(err, PL_EINVAL, "note: control character 0x%02x at byte %zu", in.p[i],
                           i);
    }
    if (!pl_utf8_valid(in))
        return PL_FAIL(err, PL_EINVAL, "note: not valid UTF-8");
    return PL_OK;
}

/* Offset just behind the text, at the LF that makes the blank line; 0 when there is none. */
static size_t find_split(struct pl_bytes in)
{
    for (size_t i = in.n; i > 1; i--) {
        if (in.p[i - 1] == '\n' && in.p[i - 2] == '\n')
            return i - 1;
    }
    return 0;
}

/* One line without its LF. Cutting at the first blank and decoding strictly leaves no second form.
 */
static enum pl_code parse_line(struct pl_bytes line, size_t number, struct pl_arena *arena,
                               struct pl_note_sig *out, struct pl_err *err)
{
    enum pl_code rc;
    struct pl_reader r;
    struct pl_bytes raw;

    if (!pl_bytes_has_prefix(line, DASH))
        return PL_FAIL(err, PL_EINVAL,
                       "note: signature line %zu does not begin with U+2014 and a space", number);
    r = pl_reader(pl_bytes(line.p + sizeof(DASH) - 1, line.n - (sizeof(DASH) - 1)));
    if (!pl_read_until(&r, ' ', &out->name) || !name_ok(out->name))
        return PL_FAIL(err, PL_EINVAL, "note: signature line %zu has no valid key name", number);
    PL_TRY(pl_base64_decode_arena(r.left, PL_BASE64_STD, "note signature", arena, &raw, err));
    if (raw.n <= KEY_HASH_SIZE)
        return PL_FAIL(err, PL_EINVAL,
                       "note: signature line %zu has %zu bytes, too few for a key hash and a "
                       "signature",
                       number, raw.n);
    memcpy(out->key_hash, raw.p, KEY_HASH_SIZE);
    out->sig = pl_bytes(raw.p + KEY_HASH_SIZE, raw.n - KEY_HASH_SIZE);
out:
    return rc;
}

/* Every line must be well formed, also those of keys that nobody knows. */
static enum pl_code parse_lines(struct pl_bytes block, struct pl_arena *arena, struct pl_note *note,
                                struct pl_err *err)
{
    enum pl_code rc = PL_OK;
    struct pl_reader r = pl_reader(block);
    struct pl_bytes line;

    while (pl_read_until(&r, '\n', &line)) {
        if (note->nsigs == PL_NOTE_SIGNATURES_MAX)
            return PL_FAIL(err, PL_ETOOBIG, "note: over the limit of %d signature lines",
                           PL_NOTE_SIGNATURES_MAX);
        PL_TRY(parse_line(line, note->nsigs + 1, arena, &note->sigs[note->nsigs], err));
        note->nsigs++;
    }
    if (r.left.n != 0)
        return PL_FAIL(err, PL_EINVAL, "note: the last line does not end in LF");
    if (note->nsigs == 0)
        return PL_FAIL(err, PL_EINVAL, "note: no signature line behind the blank line");
out:
    return rc;
}

enum pl_code pl_note_parse(struct pl_bytes in, struct pl_arena *arena, struct pl_note *out,
                           struct pl_err *err)
{
    enum pl_code rc;
    struct pl_note note = {.nsigs = 0};
    size_t split;

    if (in.n > PL_NOTE_MAX)
        return PL_FAIL(err, PL_ETOOBIG, "note: %zu bytes, over the limit of %zu", in.n,
                       PL_NOTE_MAX);
    PL_TRY(check_bytes(in, err));
    split = find_split(in);
    if (split == 0)
        return PL_FAIL(err, PL_EINVAL, "note: no blank line between text and signatures");
    note.text = pl_bytes(in.p, split);
    PL_TRY(parse_lines(pl_bytes(in.p + split + 1, in.n - split - 1), arena, &note, err));
    *out = note;
out:
    return rc;
}

/*
 * ECDSA: SHA-256 of the SPKI alone, without the name. Ed25519: SHA-256 of name, LF, 0x01 and the 32
 * raw bytes, which are the tail of the SPKI (RFC 8410: a fixed 12-byte head before them).
 */
void pl_note_key_hash(const struct pl_key *key, struct pl_bytes name, uint8_t out[4])
{
    static const uint8_t between[2] = {'\n', TYPE_ED25519};
    struct pl_hash id = *pl_key_id(key);

    if (pl_key_type(key) == PL_KEY_ED25519) {
        struct pl_bytes spki = pl_key_spki(key);
        struct pl_sha256 s;
        pl_sha256_init(&s);
        pl_sha256_add(&s, name);
        pl_sha256_add(&s, pl_bytes(between, sizeof(between)));
        pl_sha256_add(&s, pl_bytes(spki.p + spki.n - 32, 32));
        pl_sha256_end(&s, &id);
    }
    memcpy(out, id.b, KEY_HASH_SIZE);
}

/*
 * Lines of other keys are passed over. A line that claims to be by this key and is not makes the
 * whole note false, even beside a good one: someone tampered, and readers must not differ on it.
 */
enum pl_code pl_note_verify(const struct pl_note *note, struct pl_bytes name,
                            const struct pl_key *key, struct pl_err *err)
{
    uint8_t want[KEY_HASH_SIZE];
    size_t good = 0;

    pl_note_key_hash(key, name, want);
    for (size_t i = 0; i < note->nsigs; i++) {
        const struct pl_note_sig *s = &note->sigs[i];
        if (!pl_bytes_eq(s->name, name) || memcmp(s->key_hash, want, sizeof(want)) != 0)
            continue;
        enum pl_code rc = pl_sig_verify(key, PL_SHA256, note->text, s->sig, err);
        if (rc != PL_OK) {
            pl_err_wrap(err, "note: signature line %zu by \"" PL_FMT "\"", i + 1, PL_ARG(name));
            return rc;
        }
        good++;
    }
    if (good == 0) {
        char hex[2 * KEY_HASH_SIZE + 1];
        pl_hex_encode(pl_bytes(want, sizeof(want)), hex);
        return PL_FAIL(err, PL_EVERIFY,
                       "note: none of its %zu signatures is by \"" PL_FMT "\" with key hash %s",
                       note->nsigs, PL_ARG(name), hex);
    }
    return PL_OK;
}

/* What any reader would take apart differently is not signed at all. */
static enum pl_code check_signable(struct pl_bytes text, struct pl_bytes name, struct pl_err *err)
{
    if (text.n == 0 || text.p[text.n - 1] != '\n')
        return PL_FAIL(err, PL_EINVAL, "sign note: the text does not end in LF");
    if (text.p[0] == '\n' || find_split(text) != 0)
        return PL_FAIL(err, PL_EINVAL, "sign note: the text contains a blank line");
    if (!name_ok(name))
        return PL_FAIL(err, PL_EINVAL,
                       "sign note: \"" PL_FMT
                       "\" is no key name: white space and + are not allowed",
                       PL_ARG(name));
    return check_bytes(text, err);
}

enum pl_code pl_note_sign(struct pl_bytes text, struct pl_bytes name, const struct pl_privkey *key,
                          struct pl_buf *out, struct pl_err *err)
{
    enum pl_code rc;
    uint8_t raw[KEY_HASH_SIZE + PL_SIG_MAX];
    size_t n;

    PL_TRY(check_signable(text, name, err));
    pl_note_key_hash(pl_privkey_public(key), name, raw);
    PL_TRY(pl_sig_sign(key, PL_SHA256, text, raw + KEY_HASH_SIZE, &n, err));
    pl_buf_add_bytes(out, text);
    pl_buf_add_str(out, "\n" DASH);
    pl_buf_add_bytes(out, name);
    pl_buf_add_byte(out, ' ');
    pl_buf_add_base64(out, pl_bytes(raw, KEY_HASH_SIZE + n));
    pl_buf_add_byte(out, '\n');
    PL_TRY(pl_buf_check(out, "signed note", err));
out:
    return rc;
}
