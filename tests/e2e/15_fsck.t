#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""15_fsck.t - provlogd fsck names each kind of damage, and nothing in a log that is whole."""
import os
import shutil
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from p256 import PrivateKey
from provlog import PROVLOGD, TAP, Server, Signer, run

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-fsck-")
good = os.path.join(top, "good")
signer = Signer()
ROW = 1 << 44  # id = log_id << 44 | index

with Server(data_dir=good) as server:
    for i in range(20):
        make = signer.statement if i % 3 else signer.hashedrekord
        assert server.submit(make(b"artifact %d" % i)).status == 201
    for i in range(21):  # SETs are stored with the next batch
        server.get(f"/api/v1/log/entries?logIndex={i}")
    assert server.submit(signer.statement(b"the last")).status == 201
    running = run(PROVLOGD, "fsck", "--data-dir", good)
    tap.is_((running.returncode, running.stdout), (0, f"{good}: 0 problems\n"),
            "beside a running server: clean")
    server.stop()
done = run(PROVLOGD, "fsck", "--data-dir", good)
tap.is_((done.returncode, done.stdout, done.stderr), (0, f"{good}: 0 problems\n", ""), "a whole log: clean")
# The copy that each case damages; the search index goes, since it is made anew.
case_dir = os.path.join(top, "case")


def damaged(name, *sql, parts, first=None):
    """fsck of a copy that @sql was run on finds problems whose text has all @parts."""
    shutil.rmtree(case_dir, ignore_errors=True)
    shutil.copytree(good, case_dir, ignore=shutil.ignore_patterns("*.sock"))
    db = sqlite3.connect(os.path.join(case_dir, "provlog.db"))
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.create_function("flip", 2, flip)
    changed = 0
    for statement in sql:
        arguments = ()
        if isinstance(statement, tuple):
            statement, arguments = statement[0], statement[1:]
        changed += max(db.execute(statement, arguments).rowcount, 0)
    db.commit()
    db.close()
    tap.ok(changed > 0, f"{name}: the damage was done")
    result = run(PROVLOGD, "fsck", "--data-dir", case_dir)
    tap.is_(result.returncode, 1, f"{name}: exit status 1")
    problems = [line for line in result.stdout.splitlines() if line.startswith("PROBLEM ")]
    text = "\n".join(problems)
    for part in parts:
        tap.has(text, part, f"{name}: says {part!r}")
    tap.ok(result.stdout.splitlines()[-1].startswith(f"{case_dir}: "), f"{name}: the count comes last")
    return result


def flip(blob, at):
    """One bit of byte @at."""
    data = bytearray(blob)
    data[at] ^= 1
    return bytes(data)


def scribble(path):
    """Random bytes over the start of every page but the first."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with open(path, "r+b") as f:
        f.seek(16)
        page = int.from_bytes(f.read(2), "big")
        page = 65536 if page == 1 else page
        for at in range(page, os.path.getsize(path), page):
            f.seek(at)
            f.write(os.urandom(64))


row = f"id = {ROW + 5}"
damaged("a body", f"UPDATE entry SET body = flip(body, 60) WHERE {row}",
        parts=["entry 5", "does not give its leaf hash"])
damaged("a leaf hash", f"UPDATE leaf SET hash = flip(hash, 0) WHERE {row}",
        parts=["entry 5", "does not give its leaf hash"])
damaged("stored nodes", f"UPDATE leaf SET nodes = flip(nodes, 3) WHERE {row}",
        parts=["tree nodes stored with entry 5 are wrong"])
damaged("another entry's body",
        f"UPDATE entry SET body = (SELECT body FROM entry WHERE id = {ROW + 7}) WHERE {row}",
        parts=["entry 5"])
damaged("a checkpoint's root", f"UPDATE checkpoint SET root = flip(root, 0) WHERE id = {ROW + 6}",
        parts=["checkpoint of size 6 has root"])
damaged("a checkpoint's signature",
        f"UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), '— localhost ', '— localhost A') AS BLOB) "
        f"WHERE id = {ROW + 6}", parts=["checkpoint of size 6:"])
damaged("a checkpoint of another size",
        f"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE id = {ROW + 7}) "
        f"WHERE id = {ROW + 6}", parts=["checkpoint of size 6:", "the signed note is of size 7"])
damaged("a time", f"UPDATE entry SET time = time + 1000 WHERE {row}", parts=["entry 6 has time"])
damaged("a SET", f"UPDATE promise SET set_bytes = flip(set_bytes, 12) WHERE {row}",
        parts=["entry 5: signed entry timestamp"])
damaged("another entry's SET",
        f"UPDATE promise SET set_bytes = (SELECT set_bytes FROM promise WHERE id = {ROW + 6}) WHERE {row}",
        parts=["entry 5: signed entry timestamp"])
damaged("a kind", f"UPDATE entry SET kind = 'intoto/0.0.2' WHERE {row}",
        parts=["entry 5", "kind is 'intoto/0.0.2'"])
damaged("search keys cut off", f"UPDATE entry SET keys = substr(keys, 1, length(keys) - 3) WHERE {row}",
        parts=["search keys of entry 5 are malformed"])
damaged("no search keys", f"UPDATE entry SET keys = x'' WHERE {row}",
        parts=["entry 5: search key", "is missing"])
damaged("another entry's search keys",
        f"UPDATE entry SET keys = (SELECT keys FROM entry WHERE id = {ROW + 6}) WHERE {row}",
        parts=["entry 5: search key"])
damaged("a payload", f"UPDATE payload SET payload = flip(payload, 40) WHERE {row}", parts=["entry 5"])
damaged("a missing payload", f"DELETE FROM payload WHERE {row}", parts=["entry 5"])
damaged("a missing entry", f"DELETE FROM entry WHERE {row}", parts=["entry 5 is missing"])
damaged("a missing leaf hash", f"DELETE FROM leaf WHERE {row}", parts=["leaf hash of entry 5 is missing"])
damaged("a log cut short", f"DELETE FROM entry WHERE id > {ROW + 15}", f"DELETE FROM leaf WHERE id > {ROW + 15}",
        parts=["but the log has 16 entries"])
damaged("a payload of nothing", (f"INSERT INTO payload VALUES ({ROW + 999}, ?)", b"x"),
        parts=["payloads of no entry"])
damaged("another key", ("UPDATE log SET key_spki = ?", PrivateKey.new().public.spki),
        parts=["signed entry timestamp", "checkpoint of size"])
damaged("another origin", "UPDATE log SET origin = 'other.example'", parts=["origin is 'localhost - "])

# ---- damage below SQL: bytes of the file ----
shutil.rmtree(case_dir)
shutil.copytree(good, case_dir, ignore=shutil.ignore_patterns("*.sock"))
scribble(os.path.join(case_dir, "provlog.db"))
done = run(PROVLOGD, "fsck", "--data-dir", case_dir)
tap.is_(done.returncode, 1, "random bytes in the file: exit status 1")
tap.ok("PROBLEM" in done.stdout, "and problems are named", done.stdout + done.stderr)

# ---- a search index that lies is told, and can be thrown away ----
shutil.rmtree(case_dir)
shutil.copytree(good, case_dir, ignore=shutil.ignore_patterns("*.sock"))
index = os.path.join(case_dir, "index.db")
scribble(index)
done = run(PROVLOGD, "fsck", "--data-dir", case_dir)
tap.is_(done.returncode, 1, "a damaged search index: exit status 1")
tap.has(done.stdout, "index", "it is named")
for name in os.listdir(case_dir):
    if name.startswith("index.db"):
        os.unlink(os.path.join(case_dir, name))
tap.is_(run(PROVLOGD, "fsck", "--data-dir", case_dir).returncode, 0, "without it: clean")

# ---- usage, input and output ----
tap.is_(run(PROVLOGD, "fsck", "--listen", "x").returncode, 2, "a flag of another command: usage")
done = run(PROVLOGD, "fsck", "--data-dir", os.path.join(top, "nothing"))
tap.is_(done.returncode, 5, "nothing there: 5")
tap.has(done.stderr, "holds no database", "and that is said")

shutil.rmtree(top, ignore_errors=True)
tap.done()
