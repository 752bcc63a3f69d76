#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
17_contradiction.t - as 17_broken.t, for damage to the entries and nodes below the newest checkpoint.
"""
import os
import shutil
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import TAP, Server, Signer

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-contradiction-")
good, case_dir = os.path.join(top, "good"), os.path.join(top, "case")
signer = Signer()
ROW = 1 << 44
with Server(data_dir=good) as server:
    for i in range(9):
        assert server.submit(signer.statement(b"artifact %d" % i)).status == 201
    before = server.checkpoint()
    known = server.check_entry(server.get("/api/v1/log/entries?logIndex=3").json())
    key = server.key
    server.stop()
tap.is_(before[0], 10, "ten entries")


def flip(blob, at):
    data = bytearray(blob)
    data[at] ^= 1
    return bytes(data)


def contradicts(name, *sql, parts):
    """Starts on a copy that @sql was run on."""
    shutil.rmtree(case_dir, ignore_errors=True)
    shutil.copytree(good, case_dir, ignore=shutil.ignore_patterns("*.sock"))
    db = sqlite3.connect(os.path.join(case_dir, "provlog.db"))
    db.create_function("flip", 2, flip)
    for statement in sql:
        assert db.execute(statement).rowcount > 0, statement
    db.commit()
    stored = db.execute("SELECT max(id), count(*) FROM checkpoint").fetchone()
    db.close()
    with Server(data_dir=case_dir) as s:
        doc = s.admin_get("/readyz")
        tap.is_((doc.status, doc.json()["write"]["ok"]), (503, False), f"{name}: not ready")
        for part in parts:
            tap.has(doc.json()["write"]["why"], part, f"{name}: says {part!r}")
        reply = s.submit(signer.statement(b"new"))
        tap.ok(reply.status in (500, 503), f"{name}: a submission is refused", str(reply))
        entry = s.get("/api/v1/log/entries?logIndex=3")
        tap.is_(entry.status, 200, f"{name}: entries are read")
        ((uuid, fields),) = entry.json().items()
        tap.is_((uuid, fields["integratedTime"]), (known["uuid"], known["time"]),
                f"{name}: as they were acknowledged")
        tap.is_(s.get("/api/v1/log").status, 200, f"{name}: so is the checkpoint")
        tap.is_(s.admin_get("/livez").status, 200, f"{name}: alive")
        tap.is_(s.stop(), 0, f"{name}: ends cleanly")
    db = sqlite3.connect(os.path.join(case_dir, "provlog.db"))
    tap.is_(db.execute("SELECT max(id), count(*) FROM checkpoint").fetchone(), stored,
            f"{name}: no checkpoint was made")
    db.close()


last = f"WHERE id = {ROW + 10}"
contradicts("a newest checkpoint with a bad signature",
            f"UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), '{10}\n', '{11}\n') AS BLOB) {last}",
            parts=["size 10"])
contradicts("a last entry with another body",
            f"UPDATE entry SET body = flip(body, 50) WHERE id = {ROW + 9}", parts=["entry 9"])
contradicts("a log that is shorter than its checkpoint",
            f"DELETE FROM entry WHERE id = {ROW + 9}", f"DELETE FROM leaf WHERE id = {ROW + 9}",
            parts=["9 entries", "size 10"])
contradicts("nodes of the tree's edge that are wrong",
            f"UPDATE leaf SET nodes = flip(nodes, 64) WHERE id = {ROW + 7}", parts=["root", "size 10"])

shutil.rmtree(top, ignore_errors=True)
tap.done()
