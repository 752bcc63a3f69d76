/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_write.c - writes Sigstore bundles v0.3. */
#include "core/attest/bundle.h"

#include "core/attest/dsse_internal.h"
#include "core/base/enc.h"

/* "NAME":"base64" */
static void add_bytes(struct pl_buf *out, const char *name, struct pl_bytes bytes)
{
    pl_buf_add_byte(out, '"');
    pl_buf_add_str(out, name);
    pl_buf_add_str(out, "\":\"");
    pl_buf_add_base64(out, bytes);
    pl_buf_add_byte(out, '"');
}

/* "NAME":"digits", as protobuf JSON writes 64-bit numbers */
static void add_number(struct pl_buf *out, const char *name, uint64_t value)
{
    pl_buf_add_byte(out, '"');
    pl_buf_add_str(out, name);
    pl_buf_add_str(out, "\":\"");
    pl_buf_add_u64(out, value);
    pl_buf_add_byte(out, '"');
}

static void add_proof(const struct pl_tlog_entry *entry, struct pl_buf *out)
{
    pl_buf_add_str(out, ",\"inclusionProof\":{");
    add_number(out, "logIndex", entry->proof_index);
    pl_buf_add_byte(out, ',');
    add_bytes(out, "rootHash", pl_hash_bytes(&entry->root));
    pl_buf_add_byte(out, ',');
    add_number(out, "treeSize", entry->tree_size);
    pl_buf_add_str(out, ",\"hashes\":[");
    for (size_t i = 0; i < entry->nhashes; i++) {
        pl_buf_add_str(out, i == 0 ? "\"" : ",\"");
        pl_buf_add_base64(out, pl_hash_bytes(&entry->hashes[i]));
        pl_buf_add_byte(out, '"');
    }
    pl_buf_add_byte(out, ']');
    if (entry->checkpoint.n != 0) {
        pl_buf_add_str(out, ",\"checkpoint\":{\"envelope\":");
        pl_buf_add_json_string(out, entry->checkpoint);
        pl_buf_add_byte(out, '}');
    }
    pl_buf_add_byte(out, '}');
}

void pl_tlog_entry_write(const struct pl_tlog_entry *entry, struct pl_buf *out)
{
    pl_buf_add_byte(out, '{');
    add_number(out, "logIndex", entry->log_index);
    pl_buf_add_str(out, ",\"logId\":{");
    add_bytes(out, "keyId", pl_hash_bytes(&entry->log_id));
    pl_buf_add_str(out, "},\"kindVersion\":{\"kind\":");
    pl_buf_add_json_string(out, entry->kind);
    pl_buf_add_str(out, ",\"version\":");
    pl_buf_add_json_string(out, entry->version);
    pl_buf_add_str(out, "},\"integratedTime\":\"");
    pl_buf_add_i64(out, entry->integrated_time);
    pl_buf_add_byte(out, '"');
    if (entry->set.n != 0) {
        pl_buf_add_str(out, ",\"inclusionPromise\":{");
        add_bytes(out, "signedEntryTimestamp", entry->set);
        pl_buf_add_byte(out, '}');
    }
    if (entry->has_proof)
        add_proof(entry, out);
    pl_buf_add_byte(out, ',');
    add_bytes(out, "canonicalizedBody", entry->body);
    pl_buf_add_byte(out, '}');
}

/* Up to and with the comma before the content. Of a certificate list v0.3 carries the leaf. */
static void start_bundle(const struct pl_verifier *verifier, const struct pl_tlog_entry *entry,
                         struct pl_buf *out)
{
    pl_buf_add_str(out, "{\"mediaType\":\"" PL_BUNDLE_V03 "\",\"verificationMaterial\":{");
    if (verifier->cert != NULL) {
        pl_buf_add_str(out, "\"certificate\":{");
        add_bytes(out, "rawBytes", verifier->cert->der);
    } else {
        pl_buf_add_str(out, "\"publicKey\":{");
        add_bytes(out, "hint", pl_hash_bytes(pl_key_id(verifier->key)));
    }
    pl_buf_add_str(out, "},\"tlogEntries\":[");
    pl_tlog_entry_write(entry, out);
    pl_buf_add_str(out, "]},");
}

enum pl_code pl_bundle_write_dsse(struct pl_bytes envelope, const struct pl_verifier *verifier,
                                  const struct pl_tlog_entry *entry, struct pl_buf *out,
                                  struct pl_err *err)
{
    struct pl_arena arena;
    struct pl_dsse env;
    enum pl_code rc;

    pl_arena_init(&arena, PL_ARENA_REQUEST_MAX);
    PL_TRY(pl_dsse_parse(envelope, &arena, &env, err));
    if (env.nsigs != 1) {
        rc = PL_FAIL(err, PL_EINVAL, "a bundle holds exactly one signature, the envelope has %zu",
                     env.nsigs);
        goto out;
    }
    start_bundle(verifier, entry, out);
    pl_buf_add_str(out, "\"dsseEnvelope\":");
    pl_dsse_write(&env, out);
    pl_buf_add_byte(out, '}');
    PL_TRY(pl_buf_check(out, "bundle", err));
out:
    pl_arena_free(&arena);
    return rc;
}

enum pl_code pl_bundle_write_message(enum pl_hashalg alg, struct pl_bytes digest,
                                     struct pl_bytes signature, const struct pl_verifier *verifier,
                                     const struct pl_tlog_entry *entry, struct pl_buf *out,
                                     struct pl_err *err)
{
    static const char *const names[] = {
        [PL_SHA256] = "SHA2_256", [PL_SHA384] = "SHA2_384", [PL_SHA512] = "SHA2_512"};
    enum pl_code rc;

    if (alg == PL_SHA1 || digest.n != pl_hashalg_size(alg))
        return PL_FAIL(err, PL_EINVAL,
                       "a bundle's message digest must be a sha256, sha384 or sha512 of its full "
                       "length, this is a %s of %zu bytes",
                       pl_hashalg_name(alg), digest.n);
    start_bundle(verifier, entry, out);
    pl_buf_add_str(out, "\"messageSignature\":{\"messageDigest\":{\"algorithm\":\"");
    pl_buf_add_str(out, names[alg]);
    pl_buf_add_str(out, "\",");
    add_bytes(out, "digest", digest);
    pl_buf_add_str(out, "},");
    add_bytes(out, "signature", signature);
    pl_buf_add_str(out, "}}");
    PL_TRY(pl_buf_check(out, "bundle", err));
out:
    return rc;
}
