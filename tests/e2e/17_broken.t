#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""17_broken.t - a start that finds the log in contradiction signs nothing, says why, and stays readable.

Invariant 5 of HACKING.md.
"""
import os
import shutil
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import TAP, Server, Signer

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-broken-")
good = os.path.join(top, "good")
signer = Signer()
N = 9
LAST = (1 << 44) + N  # id = log_id << 44 | index
NEWEST = "(SELECT max(id) FROM checkpoint WHERE id >> 44 = 1)"

with Server(data_dir=good) as server:
    for i in range(N):
        assert server.submit(signer.statement(b"artifact %d" % i)).status == 201
    public_key = server.get("/api/v1/log/publicKey").body
    server.stop()
with Server() as other:  # a checkpoint by another log's key
    foreign_note = other.get("/api/v1/log").json()["signedTreeHead"]
    other.stop()


def broken(name, sql, arguments, *parts):
    """The server over a copy on which @sql was run: readable, not writable, @parts in its reason."""
    where = os.path.join(top, name.replace(" ", "-"))
    shutil.copytree(good, where, ignore=shutil.ignore_patterns("*.sock"))
    db = sqlite3.connect(os.path.join(where, "provlog.db"))
    changed = db.execute(sql, arguments).rowcount
    db.execute("DELETE FROM promise WHERE id = ?", (LAST,))
    db.commit()
    db.close()
    tap.is_(changed, 1, f"{name}: the damage was done")
    with Server(data_dir=where) as server:
        ready = server.admin_get("/readyz")
        tap.is_(ready.status, 503, f"{name}: not ready")
        for part in parts:
            tap.has(ready.body.decode(), part, f"{name}: /readyz says {part!r}")
        before = server.get("/api/v1/log").json()
        reply = server.submit(signer.statement(b"one more"))
        tap.ok(reply.status >= 500, f"{name}: no entry is taken", reply)
        for index in range(N + 1):
            got = server.get(f"/api/v1/log/entries?logIndex={index}")
            if index == N:
                verification = list(got.json().values())[0]["verification"]
                tap.ok("signedEntryTimestamp" not in verification, f"{name}: no timestamp is signed anew", got)
            if got.status != 200:
                tap.ok(False, f"{name}: entry {index} can be read", got)
        tap.is_(server.get("/api/v1/log/publicKey").body, public_key, f"{name}: reads go on")
        tap.is_(server.get("/api/v1/log").json(), before, f"{name}: nothing was signed")
        tap.is_(server.stop(), 0, f"{name}: it stops in order")


broken("a root that the leaves do not give", f"UPDATE checkpoint SET root = zeroblob(32) WHERE id = {NEWEST}",
       (), "root", "size 10")
broken("a checkpoint by another key", f"UPDATE checkpoint SET note = ? WHERE id = {NEWEST}", (foreign_note.encode(),),
       "the stored checkpoint of size 10")
broken("a checkpoint of another size",
       f"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE id = {LAST - 3}) WHERE id = {NEWEST}", (),
       "the stored checkpoint says", "the database says")
shutil.rmtree(top)
tap.done()
