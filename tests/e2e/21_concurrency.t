#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""64 clients submit the same 100 documents at once: 100 entries, and every answer is whole and says
the same about an entry. Repeats, duplicates=conflict, and readers beside the writers."""
import base64
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import SLOW, TAP, Server, Signer, check_entry, leaf_hash, open_checkpoint, root_from_inclusion

CLIENTS, DOCUMENTS = 64, 100
ENTRIES = "/api/v1/log/entries"
tap = TAP()
signer = Signer()
documents = [json.dumps(signer.statement(b"document %d" % i)).encode() for i in range(DOCUMENTS)]


def in_threads(n, work):
    """Runs work(i) n times at once; raises what the first one raised."""
    failed = []

    def run(i):
        try:
            work(i)
        except BaseException as e:  # told below, in the main thread
            failed.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]


class Checker:
    """Checks every answer; what was verified once (a checkpoint, a SET) is not verified again: the
    arithmetic of P-256 in Python takes 4 ms, and 6,400 answers carry a few hundred different ones."""

    def __init__(self, key):
        self.key = key
        self.notes, self.sets = {}, {}

    def check(self, reply):
        (item,) = reply.json().items()
        uuid, entry = item
        assert reply.headers["etag"] == uuid, "ETag and key differ"
        assert reply.headers["location"] == f"{ENTRIES}/{uuid}", reply.headers["location"]
        proof = entry["verification"]["inclusionProof"]
        note = proof["checkpoint"]
        sizes = (proof["treeSize"], proof["rootHash"])
        if note not in self.notes:
            size, root, _ = open_checkpoint(note, self.key)
            self.notes[note] = (size, root.hex())
        assert self.notes[note] == sizes, "proof and checkpoint are of two trees"
        leaf = leaf_hash(base64.b64decode(entry["body"], validate=True))
        assert uuid[16:] == leaf.hex(), "not the key of this body"
        root = root_from_inclusion(entry["logIndex"], proof["treeSize"], leaf, [bytes.fromhex(h) for h in proof["hashes"]])
        assert root is not None and root.hex() == proof["rootHash"], "the proof leads elsewhere"
        assert proof["logIndex"] == entry["logIndex"], "two indexes"
        signed = (entry["body"], entry["integratedTime"], entry["logIndex"], entry["verification"]["signedEntryTimestamp"])
        if signed not in self.sets:
            check_entry(dict([item]), self.key)
            self.sets[signed] = True
        return uuid, signed


def same_documents():
    with Server("--threads", "2") as server:
        replies = [[None] * DOCUMENTS for _ in range(CLIENTS)]
        gate = threading.Barrier(CLIENTS)

        def client(c):
            with server.connect(60 * SLOW) as connection:
                gate.wait()
                # Half of them the other way round: the two ends meet in the middle.
                order = range(DOCUMENTS) if c % 2 else reversed(range(DOCUMENTS))
                for d in order:
                    replies[c][d] = connection.request("POST", ENTRIES, documents[d])

        in_threads(CLIENTS, client)
        statuses = {r.status for row in replies for r in row}
        tap.is_(statuses, {201}, f"{CLIENTS} x {DOCUMENTS} submissions are answered 201")
        info = server.get("/api/v1/log").json()
        tap.is_(info["treeSize"], DOCUMENTS + 1, f"the log has grown by {DOCUMENTS} entries")

        checker = Checker(server.key)
        indexes, differing = set(), []
        for d in range(DOCUMENTS):
            answers = {checker.check(replies[c][d]) for c in range(CLIENTS)}
            if len(answers) != 1:
                differing.append(answers)
            indexes.update(signed[2] for _, signed in answers)
        tap.ok(True, "every answer: leaf, SET, proof and checkpoint hold and fit each other")
        tap.ok(not differing, "all clients get one body, index, time and SET for an entry", differing[:1])
        tap.is_(indexes, set(range(1, DOCUMENTS + 1)), "the indexes are 1 to 100 without gaps")
        roots = {}
        for size, root in checker.notes.values():
            roots.setdefault(size, set()).add(root)
        tap.ok(all(len(r) == 1 for r in roots.values()), f"one root for each of {len(roots)} tree sizes")

        first = replies[0]
        repeats_and_reads(server, checker, first)
        server.restart()
        again = [server.post(ENTRIES, documents[d]) for d in (0, 50, 99)]
        same = [checker.check(r)[1] == checker.check(first[d])[1] for r, d in zip(again, (0, 50, 99))]
        tap.ok(all(same), "after a restart a repeat gets the same SET")
        proofs_between(server, checker)
        tap.is_(server.stop(), 0, "the server ends well")


def repeats_and_reads(server, checker, first):
    size = server.get("/api/v1/log").json()["treeSize"]
    signed = []
    for d in (0, 17, 99):
        r = server.post(ENTRIES, documents[d])
        signed.append(r.status == 201 and checker.check(r)[1] == checker.check(first[d])[1])
    tap.ok(all(signed), "a repeat is 201 with the same body, index, time and SET")
    for d in (0, 17, 99):
        uuid = checker.check(first[d])[0]
        for path in (f"{ENTRIES}/{uuid}", f"{ENTRIES}/{uuid[16:]}"):
            entry = server.get(path).json()
            assert server.check_entry(entry)["set"] == server.check_entry(first[d].json())["set"], path
    tap.ok(True, "reads give the same SET as the submission got")
    tap.is_(server.get("/api/v1/log").json()["treeSize"], size, "neither made the log grow")


def proofs_between(server, checker):
    """Every checkpoint that anybody was shown is a prefix of the present tree."""
    now = server.checkpoint()
    seen = {(size, bytes.fromhex(root), "") for size, root in checker.notes.values()}
    for old in seen:
        server.check_consistency(old, now)
    tap.ok(True, f"{len(seen)} checkpoints seen are all prefixes of the present tree")


def readers_beside_writers():
    with Server("--threads", "2") as server:
        stop = threading.Event()
        seen, taken = [], []

        def work(i):
            try:
                read_or_write(i)
            except BaseException:
                stop.set()  # or the readers would go on for ever
                raise

        def read_or_write(i):
            with server.connect(60 * SLOW) as c:
                if i < 4:
                    own = Signer()
                    for n in range(40):
                        r = c.request("POST", ENTRIES, json.dumps(own.hashedrekord(b"%d %d" % (i, n))).encode())
                        assert r.status == 201, r
                        taken.append(r)
                    if len(taken) == 160:
                        stop.set()
                    return
                while not stop.is_set():
                    info = c.request("GET", "/api/v1/log").json()
                    index = info["treeSize"] - 1
                    r = c.request("GET", f"{ENTRIES}?logIndex={index}")
                    assert r.status == 200, f"entry {index} of a tree of {index + 1}: {r}"
                    seen.append(r)

        in_threads(8, work)
        for r in seen[:: max(1, len(seen) // 40)] + taken[::4]:
            server.check_entry(r.json())
        tap.ok(len(seen) > 0, f"the newest entry is always there to read ({len(seen)} reads), and its answers hold")
        tap.is_(server.get("/api/v1/log").json()["treeSize"], 161, "160 entries more")


def conflict():
    with Server("--duplicates", "conflict") as server:
        replies = []
        in_threads(16, lambda i: replies.append(server.post(ENTRIES, documents[0])))
        created = [r for r in replies if r.status == 201]
        refused = [r for r in replies if r.status == 409]
        tap.ok(created and len(created) + len(refused) == 16, "duplicates=conflict: 201 or 409", replies)
        uuid = created[0].headers["etag"]
        r = server.post(ENTRIES, documents[0])
        tap.is_(r.status, 409, "a later repeat is 409")
        tap.is_(r.headers["location"], f"{ENTRIES}/{uuid}", "Location names the first entry")
        tap.ok("etag" not in r.headers, "without ETag")
        want = f"an equivalent entry already exists in the transparency log with UUID {uuid}"
        tap.is_(r.body.decode(), json.dumps({"code": 409, "message": want}, separators=(",", ":")) + "\n", "as Rekor says it")
        tap.is_(server.get(r.headers["location"]).status, 200, "where it can be read")
        tap.is_(server.get("/api/v1/log").json()["treeSize"], 2, "one entry was made")


same_documents()
readers_beside_writers()
conflict()
tap.done()
