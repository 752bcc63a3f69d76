/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the subcommands and their options, as data. */
#include "client/client.h"

#define AT(member) offsetof(struct pl_args, member)
#define TEXT(n, m, meta, text)                                                                  \
    {                                                                                           \
        .name = (n), .type = PL_OPTION_TEXT, .offset = AT(m), .metavar = (meta), .help = (text) \
    }
#define NUMBER(n, m, meta, lo, text)                                                       \
    {                                                                                      \
        .name = (n), .type = PL_OPTION_NUMBER, .offset = AT(m), .has_offset = AT(has_##m), \
        .metavar = (meta), .min = (lo), .max = INT64_MAX, .help = (text)                   \
    }
#define END          \
    {                \
        .name = NULL \
    }

/* clang-format off */
static const struct pl_option general[] = {
    {.name = "output", .letter = 'o', .type = PL_OPTION_TEXT, .offset = AT(output),
     .metavar = "text|json", .standard = "text", .aliases = "format",
     .help = "Form of the output. A JSON object begins with a member schema, which names its "
             "version; members are only ever added to one version"},
    {.name = "help", .letter = 'h', .type = PL_OPTION_FLAG, .offset = AT(help),
     .help = "Print help and end"},
    END,
};

static const struct pl_option server[] = {
    {.name = "server", .type = PL_OPTION_TEXT, .offset = AT(server), .metavar = "URL",
     .aliases = "rekor_server rekor-server rekor-url rekor_url", .env = "PROVLOG_SERVER",
     .help = "The log: http://HOST:PORT, https://HOST or unix:PATH. There is no default"},
    {.name = "timeout", .type = PL_OPTION_NUMBER, .offset = AT(timeout_s), .metavar = "SECONDS",
     .standard = "90", .min = 1, .max = 86400,
     .help = "For all requests together, their retries included"},
    {.name = "retries", .type = PL_OPTION_NUMBER, .offset = AT(retries), .metavar = "N",
     .standard = "5", .max = 100,
     .help = "Further attempts for one request after network trouble, 429, 502, 503 or 504"},
    TEXT("ca-cert", ca_cert, "FILE", "CA certificates (PEM) that sign the server's; default: the "
         "system's"),
    END,
};

static const struct pl_option trust[] = {
    TEXT("log-key", log_key, "FILE", "The log's public key (PEM). Answers are checked under it"),
    TEXT("trusted-root", trusted_root, "FILE", "trusted_root.json with the log's key, in place of "
         "--log-key. Without either the key is fetched from the server itself, with a warning"),
    END,
};

static const struct pl_option results[] = {
    TEXT("bundle", bundle, "FILE", "Write a Sigstore bundle (v0.3) there"),
    TEXT("results", results, "DIR", "Write log-index, entry-uuid, bundle-digest and checkpoint "
         "there, one file each, as results of a Tekton step"),
    {.name = "result", .type = PL_OPTION_LIST, .offset = AT(result), .metavar = "NAME=PATH",
     .help = "Write one of these results to PATH; may be repeated"},
    END,
};

static const struct pl_option keygen[] = {
    TEXT("out", out, "PREFIX", "Write PREFIX.key (mode 0600) and PREFIX.pub; neither may exist"),
    END,
};

static const struct pl_option attest[] = {
    TEXT("key", key, "FILE", "Private key: cosign's, opened with COSIGN_PASSWORD, or plain PEM"),
    TEXT("type", type, "TYPE", "Predicate type: a URI, or one of cosign's short names such as "
         "slsaprovenance1, slsaprovenance, spdxjson, cyclonedx, vuln, openvex"),
    TEXT("predicate", predicate, "FILE", "The predicate, a JSON object; - for standard input"),
    TEXT("name", name, "NAME", "Name of the subject; default: the last part of ARTIFACT"),
    END,
};

static const struct pl_option submit[] = {
    TEXT("public-key", public_key, "FILE", "Public key or certificate (PEM) that the signature "
         "verifies under; needed unless FILE is a bundle with a certificate"),
    END,
};

static const struct pl_option verify[] = {
    TEXT("bundle", bundle, "FILE", "The Sigstore bundle"),
    TEXT("key", key, "FILE", "The signer's public key (PEM)"),
    TEXT("type", type, "TYPE", "The predicate type that the statement must have"),
    TEXT("certificate-identity", identity, "NAME", "Not in this version: refused"),
    {.name = "certificate-identity-regexp", .type = PL_OPTION_TEXT, .offset = AT(identity_regexp),
     .metavar = "REGEXP", .hidden = true, .help = "Not in this version: refused"},
    TEXT("certificate-oidc-issuer", issuer, "URL", "Not in this version: refused"),
    {.name = "certificate-oidc-issuer-regexp", .type = PL_OPTION_TEXT, .offset = AT(issuer_regexp),
     .metavar = "REGEXP", .hidden = true, .help = "Not in this version: refused"},
    END,
};
static const struct pl_option offline_trust[] = {
    TEXT("trusted-root", trusted_root, "FILE", "trusted_root.json with the log's key"),
    TEXT("log-key", log_key, "FILE", "The log's public key (PEM), in place of --trusted-root"),
    END,
};

static const struct pl_option get[] = {
    NUMBER("log-index", log_index, "N", 0, "The entry at this index"),
    TEXT("uuid", uuid, "HEX", "The entry with this UUID (64 digits) or entry id (80)"),
    END,
};

static const struct pl_option search[] = {
    TEXT("sha256", sha256, "HEX", "Entries about what has this digest"),
    TEXT("artifact", artifact, "PATH", "Entries about this file or model folder"),
    TEXT("email", email, "ADDRESS", "Entries signed under a certificate for this address"),
    TEXT("public-key", public_key, "FILE", "Entries signed under this key or certificate (PEM)"),
    TEXT("type", type, "TYPE", "Entries with this predicate type"),
    END,
};

static const struct pl_option logproof[] = {
    NUMBER("first-size", first_size, "N", 1, "Size of the older tree"),
    NUMBER("last-size", last_size, "N", 1, "Size of the newer tree; default: the log's size now"),
    TEXT("checkpoint", checkpoint, "FILE", "A checkpoint of the log that was kept: its size and "
         "root stand for --first-size. Without it the older root is taken from the log's present "
         "tree, which shows that the log agrees with itself, not with what it once said"),
    END,
};

static const struct pl_option trust_export[] = {
    {.name = "fingerprint", .type = PL_OPTION_FLAG, .offset = AT(fingerprint),
     .help = "Print only the SHA-256 of each log's public key (DER), to compare with what the "
             "log's operator publishes"},
    TEXT("out", out, "FILE", "Write it there; default: standard output"),
    END,
};

static const struct pl_option help[] = {
    {.name = "man", .type = PL_OPTION_FLAG, .offset = AT(man), .hidden = true,
     .help = "Print the man page"},
    END,
};

const struct pl_subcommand PL_SUBCOMMANDS[] = {
    {"keygen", NULL, "", 0, 0, {keygen, general}, pl_cmd_keygen, "make a key pair",
     "Makes an ECDSA P-256 key pair in the form of cosign's. The private key is encrypted with "
     "the password in COSIGN_PASSWORD, which may be empty; without the variable it is asked for."},
    {"attest", NULL, "ARTIFACT", 1, 1, {attest, results, trust, server, general}, pl_cmd_attest,
     "sign a statement about an artifact and put it into the log",
     "Signs an in-toto statement over ARTIFACT (a file, a model's folder as in model digest, or "
     "sha256:HEX), submits it, and checks the answer: signed timestamp, inclusion proof and "
     "checkpoint under the log's key. Signing again makes another signature and so another entry: "
     "to submit the same one again, submit its bundle."},
    {"submit", "upload", "FILE", 1, 1, {submit, results, trust, server, general}, pl_cmd_submit,
     "put something that is already signed into the log",
     "Submits FILE (- for standard input): a DSSE envelope, a Sigstore bundle, or the base64 text "
     "of an envelope as Tekton Chains keeps it in annotations. The signature is verified before "
     "anything is sent, the answer as in attest."},
    {"verify", NULL, "ARTIFACT", 1, 1, {verify, offline_trust, general}, pl_cmd_verify,
     "verify an artifact by its bundle, without a network",
     "Verifies that ARTIFACT (a file, a model's folder, or sha256:HEX) is what the bundle's "
     "statement or signature is about, that the key signed it, and that the log, by its signed "
     "timestamp, inclusion proof and checkpoint, holds it. Status 0 only when all of it holds."},
    {"get", NULL, "", 0, 0, {get, trust, server, general}, pl_cmd_get, "show one entry, verified",
     "Fetches one entry and checks its signed timestamp, inclusion proof and checkpoint."},
    {"search", NULL, "", 0, 0, {search, trust, server, general}, pl_cmd_search, "find entries",
     "Prints the ids of the entries that fit the one criterion given, and fetches each of the "
     "first ten, proof and all. Status 3 when there is none. What the server leaves out, or finds "
     "though it does not fit, can't be seen here: verify settles that."},
    {"loginfo", NULL, "", 0, 0, {trust, server, general}, pl_cmd_loginfo,
     "show the log's size and checkpoint",
     "Fetches the log's newest checkpoint and checks its signature, size and root."},
    {"logproof", NULL, "", 0, 0, {logproof, trust, server, general}, pl_cmd_logproof,
     "verify that the log only grew",
     "Verifies that the log at --first-size is the beginning of the log at --last-size. Both roots "
     "come from checkpoints under the log's key and from inclusion proofs that lead to them."},
    {"trust export", NULL, "", 0, 0, {trust_export, trust, server, general}, pl_cmd_trust_export,
     "print the server's trusted_root.json",
     "Fetches trusted_root.json for later use with --trusted-root. With --log-key it must hold "
     "that key."},
    {"model digest", NULL, "PATH", 1, 1, {general}, pl_cmd_model_digest,
     "print the SHA-256 of a model",
     "Of a file: of its bytes. Of a folder: of what sha256sum prints for all regular files below "
     "it, with paths relative to the folder, sorted by bytes. Symbolic links are refused."},
    {"version", NULL, "", 0, 0, {general}, pl_cmd_version, "print the version",
     "Prints the version."},
    {"help", NULL, "[SUBCOMMAND]", 0, 2, {help, general}, pl_cmd_help, "print help",
     "Prints help for a subcommand."},
    {0},
};
/* clang-format on */
