/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_misc.c - trust export, model digest, version, help. */
#include "client/client.h"
#include "client/model.h"

/* ---- trust export ---- */

/* With a pinned key each log in the file must be pinned, else the server could slip in one of its
 * own; without, it is whatever the server says, and that was said on stderr. */
static enum pl_code check_root(struct pl_client *c, const struct pl_trusted_root *root,
                               struct pl_err *err)
{
    char hex[PL_HASH_HEX_SIZE];
    enum pl_code rc;

    PL_TRY(pl_client_trust(c, false, err));
    if (root->nlogs == 0)
        rc = PL_FAIL(err, PL_EVERIFY, "the trusted root of %s holds no log",
                     pl_http_server(c->http));
    for (size_t i = 0; rc == PL_OK && i < root->nlogs; i++) {
        const struct pl_trusted_log *mine = pl_trusted_root_log(&c->root, &root->logs[i].log_id);
        if (mine == NULL || !pl_key_eq(mine->key, root->logs[i].key))
            rc = PL_FAIL(err, PL_EVERIFY,
                         "the trusted root of %s holds a log that is not trusted: %s",
                         pl_http_server(c->http), pl_hash_hex(&root->logs[i].log_id, hex));
    }
out:
    return rc;
}

static void add_fingerprints(struct pl_client *c, const struct pl_trusted_root *root)
{
    char hex[PL_HASH_HEX_SIZE];

    for (size_t i = 0; i < root->nlogs; i++) {
        pl_buf_add_str(&c->out, pl_hash_hex(pl_key_id(root->logs[i].key), hex));
        pl_buf_addf(&c->out, "  %s\n", pl_keytype_name(pl_key_type(root->logs[i].key)));
    }
}

enum pl_code pl_cmd_trust_export(struct pl_client *c, struct pl_err *err)
{
    struct pl_rekor_request req = {.method = "GET", .path = PL_LIT("/provlog/v1/trusted_root")};
    struct pl_trusted_root root = {0};
    struct pl_http_answer answer;
    enum pl_code rc;

    PL_TRY(pl_client_call(c, &req, &answer, err));
    if (pl_trusted_root_parse(answer.body, &root, err) != PL_OK) {
        err->code = PL_EIO; /* not our input */
        return pl_err_wrap(err, "the trusted root of %s", pl_http_server(c->http));
    }
    /* A fingerprint alone is for comparing: nothing is trusted yet. */
    if (!c->args.fingerprint || c->args.log_key != NULL || c->args.trusted_root != NULL)
        PL_TRY(check_root(c, &root, err));
    /* The document itself is the output, with -o json too. */
    c->json = false;
    pl_buf_reset(&c->out);
    if (c->args.fingerprint)
        add_fingerprints(c, &root);
    else if (c->args.out != NULL)
        PL_TRY(pl_write_file(c->args.out, answer.body, err));
    else
        pl_buf_add_bytes(&c->out, answer.body);
out:
    pl_trusted_root_free(&root);
    return rc;
}

/* ---- model digest ---- */

enum pl_code pl_cmd_model_digest(struct pl_client *c, struct pl_err *err)
{
    struct pl_artifact a;
    char hex[PL_HASH_HEX_SIZE];
    enum pl_code rc;

    PL_TRY(pl_client_artifact(c, c->args.operand[0], &a, err));
    (void)pl_hash_hex(&a.sha256, hex);
    if (c->json) {
        pl_out_text(c, "sha256", pl_str(hex));
        pl_out_text(c, "path", pl_str(c->args.operand[0]));
    } else {
        pl_buf_addf(&c->out, "sha256:%s\n", hex);
    }
out:
    return rc;
}

/* ---- version, help ---- */

enum pl_code pl_cmd_version(struct pl_client *c, struct pl_err *err)
{
    (void)err;
    if (c->json)
        pl_out_text(c, "version", PL_LIT(PL_VERSION));
    else
        pl_buf_add_str(&c->out, "provlog " PL_VERSION "\n");
    return PL_OK;
}

enum pl_code pl_cmd_help(struct pl_client *c, struct pl_err *err)
{
    const struct pl_subcommand *command = NULL;
    int n = 0;

    if (c->args.noperands > 0 && !c->args.man) {
        command = pl_subcommand_find((int)c->args.noperands, c->args.operand, &n);
        if (command == NULL)
            return PL_FAIL(err, PL_EINVAL, "unknown subcommand \"" PL_FMT "\"; see provlog help",
                           PL_ARG(pl_str(c->args.operand[0])));
    }
    c->json = false;
    pl_buf_reset(&c->out);
    if (c->args.man)
        pl_options_man(&c->out);
    else
        pl_options_help(command, &c->out);
    return PL_OK;
}
