/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_keygen.c - keygen; and the password of private keys. */
#include "client/password.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static enum pl_code write_pair(const struct pl_privkey *key, struct pl_bytes password,
                               const char *private_path, const char *public_path,
                               struct pl_err *err)
{
    struct pl_buf private_pem, public_pem;
    enum pl_code rc;

    pl_buf_init(&private_pem, 65536);
    private_pem.secret = true;
    pl_buf_init(&public_pem, 65536);
    PL_TRY(pl_privkey_add_cosign_pem(key, password, &private_pem, err));
    pl_key_add_pem(pl_privkey_public(key), &public_pem);
    PL_TRY(pl_buf_check(&private_pem, "the private key", err));
    PL_TRY(pl_buf_check(&public_pem, "the public key", err));
    PL_TRY(pl_write_new_file(private_path, pl_buf_bytes(&private_pem), 0600, err));
    if ((rc = pl_write_new_file(public_path, pl_buf_bytes(&public_pem), 0644, err)) != PL_OK)
        (void)unlink(private_path); /* ours, made a moment ago */
out:
    pl_buf_free(&private_pem);
    pl_buf_free(&public_pem);
    return rc;
}

enum pl_code pl_cmd_keygen(struct pl_client *c, struct pl_err *err)
{
    struct pl_privkey *key = NULL;
    struct pl_password password = {{0}, 0};
    enum pl_code rc;

    if (c->args.out == NULL)
        return PL_FAIL(err, PL_EINVAL,
                       "--out PREFIX is missing; PREFIX.key and PREFIX.pub are made");
    const char *private_path = pl_arena_printf(&c->arena, "%s.key", c->args.out);
    const char *public_path = pl_arena_printf(&c->arena, "%s.pub", c->args.out);
    if (private_path == NULL || public_path == NULL)
        return PL_FAIL(err, PL_ENOMEM, "out of memory");
    /* Before a password is asked for; the files are opened with O_EXCL all the same. */
    if (exists(private_path) || exists(public_path))
        return PL_FAIL(err, PL_EINVAL,
                       "%s exists and is not overwritten; move it away or choose another name",
                       exists(private_path) ? private_path : public_path);
    PL_TRY(pl_password_get("a new password for the private key", true, &password, err));
    PL_TRY(pl_privkey_generate(PL_KEY_P256, &key, err));
    PL_TRY(write_pair(key, pl_password_bytes(&password), private_path, public_path, err));
    pl_out_text(c, "private_key", pl_str(private_path));
    pl_out_text(c, "public_key", pl_str(public_path));
    pl_out_hash(c, "key_id", pl_key_id(pl_privkey_public(key)));
out:
    pl_password_wipe(&password);
    pl_privkey_free(key);
    return rc;
}
