#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""10_start.t - defaults, the ready line, the rules of creation, one server to a directory."""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import (PROVLOGD, SLOW, TAP, Server, Signer, StartFailed, clean_env, free_port,
                     open_checkpoint, run, wait_for)

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-start-")


def refuses(name, server, *parts, code=1):
    """The server does not start; its complaint has all @parts; nothing was served."""
    try:
        server.start()
    except StartFailed as e:
        tap.is_(e.code, code, f"{name}: exit status {code}")
        for part in parts:
            tap.has(e.stderr, part, f"{name}: says {part!r}")
    else:
        tap.ok(False, f"{name}: is refused")
    finally:
        server.close()


def folder(name):
    return os.path.join(top, name)


# ---- nothing configured ----
home = folder("home")
os.mkdir(home)
ports = [free_port(), free_port()]
env = {**clean_env(), "HOME": home, "XDG_STATE_HOME": "",
       "PROVLOG_LISTEN": f"127.0.0.1:{ports[0]}", "PROVLOG_ADMIN_LISTEN": f"127.0.0.1:{ports[1]}"}
process = subprocess.Popen([PROVLOGD], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
data = os.path.join(home, ".local/state/provlog")
try:
    made = wait_for(lambda: os.path.exists(os.path.join(data, "signing_config.json")), 20 * SLOW)
    tap.ok(made, "without arguments a log is made in ~/.local/state/provlog")
    wait_for(lambda: run(PROVLOGD, "health", "--admin-listen", f"127.0.0.1:{ports[1]}").returncode == 0)
finally:
    process.terminate()
    out, _ = process.communicate(timeout=20 * SLOW)
tap.is_(process.returncode, 0, "SIGTERM ends it with 0")
tap.is_(out, b"", "nothing goes to stdout without --ready-json")
mode = stat.S_IMODE(os.stat(data).st_mode)
tap.is_(oct(mode), "0o700", "the data directory is private")
mode = stat.S_IMODE(os.stat(os.path.join(data, "keys/v1.pem")).st_mode)
tap.is_(oct(mode), "0o600", "the private key is private")

# ---- the ready line ----
first = folder("first")
server = Server(data_dir=first)
ready = server.ready
tap.is_(list(ready), ["ready", "listen", "admin", "data_dir", "v1_public_key", "v2_public_key",
                      "trusted_root"], "the ready line has its members, in order")
tap.is_(ready["ready"], True, "it is ready")
tap.is_(len(ready["listen"]), 1, "one listener")
tap.ok(ready["listen"][0].startswith("http://127.0.0.1:") and not ready["listen"][0].endswith(":0"),
       "port 0 became a real one")
tap.is_(ready["data_dir"], first, "the data directory is named")
tap.is_(ready["v1_public_key"], os.path.join(first, "keys/v1.pub"), "so is the public key")
tap.is_(ready["v2_public_key"], None, "there is no v2 key")
info = server.get("/api/v1/log").json()
size, root, origin = open_checkpoint(info["signedTreeHead"], server.key)
tap.is_(size, 1, "a fresh log has its own first leaf")
tree_id = int(info["treeID"])
tap.ok(2**60 <= tree_id < 2**63, "the tree id is in [2^60, 2^63)")
tap.is_(origin, f"localhost - {tree_id}", "the origin is localhost by default")
with open(ready["trusted_root"], encoding="utf-8") as f:
    trusted = json.load(f)
tap.is_(len(trusted["tlogs"]), 1, "trusted_root.json names one log")
tap.is_(trusted["tlogs"][0]["baseUrl"], server.url.replace("127.0.0.1", "localhost"),
        "its base URL has the origin's name and the port")
tap.is_(server.get("/provlog/v1/trusted_root").json(), trusted, "it is served too")
with open(os.path.join(first, "signing_config.json"), encoding="utf-8") as f:
    tap.is_(server.get("/provlog/v1/signing_config").json(), json.load(f), "so is signing_config.json")

first_leaf = server.check_entry(server.get("/api/v1/log/entries?logIndex=0").json())
tap.ok(first_leaf["index"] == 0, "the first leaf has SET, proof and checkpoint")
statement = server.get("/provlog/v1/attestations/0")
tap.note(statement.body[:300])
entry = server.check_entry(server.submit(Signer().statement(b"a model")).json())
tap.is_(entry["index"], 1, "the first submission has index 1")

# ---- one server to a directory ----
refused_at = time.monotonic()
refuses("a second server", Server(data_dir=first, start=False), f"process {server.pid}", "in use",
        code=5)
waited = time.monotonic() - refused_at
tap.ok(9 <= waited < 16 * SLOW, "it waited ten seconds", f"{waited:.1f} s")
tap.is_(server.get("/ping").status, 200, "the first one serves on")
# One that waits gets the directory as soon as the first ends.
second = Server(data_dir=first, start=False)
waiting = subprocess.Popen([PROVLOGD, "--data-dir", first, "--listen", "127.0.0.1:0",
                            "--admin-listen", "none", "--ready-json"], env=clean_env(),
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
time.sleep(0.3)
tap.is_(server.stop(), 0, "the first one ends")
line = waiting.stdout.readline()
tap.ok(json.loads(line)["ready"], "the one that waited takes over")
waiting.terminate()
tap.is_(waiting.wait(20 * SLOW), 0, "and ends in turn")
second.close()
server.close()

# ---- the same log again ----
with Server(data_dir=first) as again:
    info = again.get("/api/v1/log").json()
    tap.is_(int(info["treeID"]), tree_id, "a restart keeps the tree")
    kept = again.check_entry(again.get("/api/v1/log/entries?logIndex=1").json())
    tap.is_([kept[k] for k in ("uuid", "time", "body", "set")],
            [entry[k] for k in ("uuid", "time", "body", "set")], "and its entries, to the byte")

# ---- origin ----
with Server("--origin", "localhost", data_dir=first) as same:
    tap.is_(same.get("/ping").status, 200, "the same origin may be said again")
refuses("another origin", Server("--origin", "log.example", data_dir=first, start=False),
        "log.example", "localhost", "never changes")
with Server("--origin", "log.example", data_dir=folder("named")) as named:
    origin = named.checkpoint()[2]
    tap.ok(origin.startswith("log.example - "), "--origin names a new log", origin)
refuses("a base URL without the origin",
        Server("--base-url", "http://other.example", data_dir=folder("named"), start=False),
        "base_url", "log.example")

# ---- creation ----
refuses("--no-create on nothing", Server("--no-create", data_dir=folder("none"), start=False),
        "--no-create", "provlogd init")
tap.ok(not os.path.exists(folder("none")), "no folder was made either")
os.mkdir(folder("empty"))
refuses("--no-create on an empty folder", Server("--no-create", data_dir=folder("empty"), start=False),
        "--no-create", "provlog.db", "keys/v1.pem")
with Server("--no-create", data_dir=first) as existing:
    tap.is_(existing.get("/ping").status, 200, "--no-create serves a log that is there")

gone = folder("no-database")
shutil.copytree(first, gone, ignore=shutil.ignore_patterns("*.sock"))
for name in os.listdir(gone):
    if name.startswith("provlog.db"):
        os.unlink(os.path.join(gone, name))
refuses("a deleted database beside its keys", Server(data_dir=gone, start=False), "provlog.db",
        "is missing", "restore")
tap.ok(not os.path.exists(os.path.join(gone, "provlog.db")), "no database was made")
done = run(PROVLOGD, "init", "--data-dir", gone)
tap.is_(done.returncode, 1, "init refuses there too")

keyless = folder("no-keys")
shutil.copytree(first, keyless, ignore=shutil.ignore_patterns("*.sock"))
shutil.rmtree(os.path.join(keyless, "keys"))
refuses("a database without its keys", Server(data_dir=keyless, start=False), "keys/v1.pem",
        "missing")
tap.ok(not os.path.exists(os.path.join(keyless, "keys/v1.pem")), "no key was made")

other = folder("other-keys")
shutil.copytree(first, other, ignore=shutil.ignore_patterns("*.sock"))
shutil.rmtree(os.path.join(other, "keys"))
shutil.copytree(os.path.join(folder("named"), "keys"), os.path.join(other, "keys"))
refuses("another log's keys", Server(data_dir=other, start=False), "key")

done = run(PROVLOGD, "init", "--data-dir", folder("inited"), "--origin", "made.example")
tap.is_(done.returncode, 0, "init makes a log")
tap.has(done.stdout, "made.example", "and says its origin")
done = run(PROVLOGD, "init", "--data-dir", folder("inited"))
tap.is_(done.returncode, 1, "init refuses an existing log")
tap.has(done.stderr, "holds a log already", "and says why")
with Server("--no-create", data_dir=folder("inited")) as inited:
    tap.ok(inited.checkpoint()[2].startswith("made.example - "), "what init made is served")
    pem = inited.get("/api/v1/log/publicKey").body
    inited.stop()
    with open(folder("inited/keys/v1.pub"), "w", encoding="ascii") as f:
        f.write("not the key")
    inited.start()
    with open(folder("inited/keys/v1.pub"), "rb") as f:
        tap.is_(f.read(), pem, "a damaged keys/v1.pub is written anew")

# ---- trust_extra ----
extra = folder("extra.json")
with open(extra, "w", encoding="utf-8") as f:
    json.dump({"certificateAuthorities": [{"uri": "https://ca.example"}], "caUrls": []}, f)
with Server("--trust-extra", extra, data_dir=first) as with_extra:
    got = with_extra.get("/provlog/v1/trusted_root").json()
    tap.is_(got["certificateAuthorities"], [{"uri": "https://ca.example"}], "CAs are merged in")
with open(extra, "w", encoding="utf-8") as f:
    f.write("{")
refuses("a broken trust_extra", Server("--trust-extra", extra, data_dir=first, start=False), extra)

# ---- addresses ----
with Server("--listen", f"unix:{top}/s.sock", data_dir=first) as both:
    tap.is_(len(both.ready["listen"]), 2, "several --listen")
    from provlog import request
    tap.is_(request(f"unix:{top}/s.sock", "GET", "/ping").status, 200, "a Unix socket serves")
with Server(data_dir=folder("named")) as taken:
    port = taken.url.rsplit(":", 1)[1]
    refuses("a port that is taken", Server(data_dir=first, listen=f"127.0.0.1:{port}", start=False),
            port, "in use", code=5)
with Server(data_dir=first, admin=False) as no_admin:
    tap.is_(no_admin.ready["admin"], None, "--admin-listen none")

# ---- subcommands that belong to later versions ----
done = run(PROVLOGD, "export")
tap.is_(done.returncode, 2, "an unknown subcommand is a usage error")
tap.has(done.stderr, "unknown subcommand 'export'", "which names it")

shutil.rmtree(top, ignore_errors=True)
tap.done()
