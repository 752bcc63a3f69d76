#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""18_damage.t - a row that rotted below what a start checks is neither served nor signed for."""
import os
import sqlite3
import sys
import tempfile
import shutil

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import TAP, Server, Signer

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-damage-")
signer = Signer()
ROW = 1 << 44
with Server(data_dir=os.path.join(top, "data")) as server:
    for i in range(10):
        server.submit(signer.statement(b"artifact %d" % i))
    server.stop()
    db = sqlite3.connect(os.path.join(top, "data/provlog.db"))
    body = db.execute(f"SELECT body FROM entry WHERE id = {ROW + 3}").fetchone()[0]
    db.execute(f"UPDATE entry SET body = ? WHERE id = {ROW + 3}", (body.replace(b"dsse", b"dssf"),))
    # Without its timestamp, which a read signs anew: over another body it would be a signed lie.
    tap.is_(db.execute(f"DELETE FROM promise WHERE id = {ROW + 3}").rowcount, 1, "a timestamp is gone")
    payload = db.execute(f"SELECT * FROM payload WHERE id = {ROW + 4}").fetchone()[-1]
    column = [row[1] for row in db.execute("PRAGMA table_info(payload)")][-1]
    db.execute(f"UPDATE payload SET {column} = ? WHERE id = {ROW + 4}",
               (payload.replace(b'"payload"', b'"paylaod"'),))
    # An inner node of the proofs of entries 4 to 7, none of the right edge that a start checks.
    tap.is_(db.execute(f"UPDATE leaf SET nodes = zeroblob(length(nodes)) WHERE id = {ROW + 5}").rowcount, 1,
            "a node is damaged")
    db.commit()
    db.close()
    server.start()
    reply = server.get("/api/v1/log/entries?logIndex=6")
    tap.is_(reply.status, 500, "a proof that leads nowhere is not served")
    for path in ("/api/v1/log/entries?logIndex=3", "/provlog/v1/attestations/3?format=bundle",
                 "/provlog/v1/attestations/4?format=bundle"):
        reply = server.get(path)
        tap.is_(reply.status, 500, f"{path}: not served")
        tap.ok(b"signedEntryTimestamp" not in reply.body, f"{path}: nothing is signed")
    reply = server.post("/api/v1/log/entries/retrieve", {"logIndexes": [2, 3]})
    tap.is_(reply.status, 500, "retrieve does not leave it out in silence")
    tap.has(server.stderr(), "stored body of entry 3", "the server's log says what is wrong")
    tap.ok(server.check_entry(server.get("/api/v1/log/entries?logIndex=2").json()), "others are served")
    tap.has(server.stderr(), "no proof of entry 6", "and which proof it could not give")
shutil.rmtree(top, ignore_errors=True)
tap.done()
