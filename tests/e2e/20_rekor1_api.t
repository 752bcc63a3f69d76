#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Rekor v1 API against what rekor-server 1.5.4 answered: each recorded request is sent again, in
the recorded order, and status, headers and body are compared. What cannot be equal (keys, tree id,
signatures, times, roots) is checked by arithmetic instead. DIFFERS lists where we differ on purpose.
"""
import base64
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import TAP, Connection, Server, Signer, check_entry

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, "../data/captures/rekor-v1")
TREE_HEX, TREE_DEC = "2c873fcf35ef6724", "3208603418720429860"

# name: (status, part of the body, why)
DIFFERS = {
    "err-malformed-json": (400, "line 1", "malformed JSON is the sender's fault: not a 500"),
    "err-not-an-object": (400, "must be an object", "the same"),
    "err-intoto-002-without-hash": (400, "hash", "the same"),
    "err-retrieve-malformed": (400, 'parsing entry body from \\"\\" failed', "another parser's words"),
    "err-index-malformed": (400, 'parsing query body from \\"\\" failed', "the same"),
    "err-dsse-envelope-not-json": (400, "error processing entry: ", "the same"),
    "err-hashedrekord-bad-pem": (400, "failure decoding PEM", "more detail"),
    "rekord-201": (400, "entry kind 'rekord' is not enabled", "kinds that carry no provenance"),
    "err-get-index-too-large": (404, '"code":404', "a 404 says what was not found"),
    "err-get-uuid-unknown": (404, '"code":404', "the same"),
    "err-get-entryid-unknown-leaf": (404, '"code":404', "the same"),
    "err-get-entryid-unknown-tree": (404, '"code":404', "the same"),
    "retrieve-trailing-slash": (200, '"logIndex":0', "entry 0 is the log's own"),
    "intoto-002-large-get": (200, '"attestation"', "attestations are stored whatever their size"),
}
# The recorded entry of a kind that we do not take.
REKORD = "8a42a86de4ef7e0b1e1e1d0ed6ce782929a5e8aa0b3402b0684e0bd8e0f3c6a9"
# Rekor finds dsse and intoto entries by key only in part; we find all.
FINDS_MORE = ("index-by-public-key",)
UNORDERED = ("vary", "allow", "access-control-allow-methods")
NOT_COMPARED = ("date", "content-length", "transfer-encoding", "connection")

tap = TAP()


def names():
    with open(os.path.join(CAPTURES, "README.md"), encoding="utf-8") as f:
        return re.findall(r"^\| ([a-z0-9-]+) \| \d", f.read(), re.M)


def read(name):
    with open(os.path.join(CAPTURES, name), "rb") as f:
        head, body = f.read().split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    if headers.get("Transfer-Encoding") == "chunked":
        whole, body = body, b""
        while whole:
            size, whole = whole.split(b"\r\n", 1)
            body, whole = body + whole[: int(size, 16)], whole[int(size, 16) + 2 :]
    return lines[0], headers, body


class Replay:
    def __init__(self, server):
        self.server = server
        self.key = server.key
        info = server.get("/api/v1/log").json()
        self.tree_dec = info["treeID"]
        self.tree_hex = "%016x" % int(self.tree_dec)
        with open(os.path.join(CAPTURES, "log-public-key.pem"), encoding="ascii") as f:
            self.their_pem = f.read()

    def port(self, data):
        """What belongs to the recorded log, as it is called in this one."""
        for old, new in ((TREE_HEX, self.tree_hex), (TREE_HEX.upper(), self.tree_hex.upper()),
                         (TREE_DEC, self.tree_dec), (self.their_pem, self.key.pem),
                         (json.dumps(self.their_pem)[1:-1], json.dumps(self.key.pem)[1:-1])):
            data = data.replace(old.encode(), new.encode())
        return data

    def send(self, name):
        line, headers, body = read(name + ".request")
        body = self.port(body)
        text = self.port(line.encode()) + b"\r\n"
        for key, value in headers.items():
            if key == "Content-Length":
                value = str(len(body))
            if key != "Transfer-Encoding":
                text += f"{key}: {value}\r\n".encode()
        with Connection(self.server.url) as c:
            c.send(text + b"\r\n" + body)
            return c.read_reply(head_only=line.startswith("HEAD"))

    def run(self, name):
        status_line, headers, body = read(name + ".response")
        status, body = int(status_line.split(" ")[1]), self.port(body)
        got = self.send(name)
        why = None
        if name in DIFFERS:
            status, part, why = DIFFERS[name]
            tap.has(got.body.decode(), part, f"{name}: its own answer ({why})")
        tap.is_(got.status, status, f"{name}: status {status}")
        if why is None or status == 404:
            self.compare_headers(name, headers, got)
        if why is None:
            self.compare_body(name, body, got.body)
        if got.status >= 400 and "x-pem-file" not in got.headers.get("content-type", ""):
            code = got.json()["code"]
            tap.ok(code == got.status or (code >= 600 and got.status == 422), f"{name}: code {code}")
        elif b'"logID"' in got.body:
            self.check_entries(name, got.json())

    def compare_headers(self, name, want, got):
        wrong = []
        for key, value in want.items():
            key, value = key.lower(), self.port(value.encode()).decode()
            lines = got.raw_head.decode().split("\r\n")[1:]
            ours = ",".join(x.split(": ", 1)[1] for x in lines if x.lower().startswith(key + ": "))
            if key in NOT_COMPARED:
                continue
            if key in UNORDERED:
                value, ours = (sorted(x.strip() for x in v.split(",")) for v in (value, ours))
            if ours != value:
                wrong.append(f"{key}: got {ours!r}, want {value!r}")
        if "Etag" not in want and "etag" in got.headers:
            wrong.append("etag not wanted")
        tap.ok(not wrong, f"{name}: headers", "\n".join(wrong))

    def compare_body(self, name, want, got):
        if b'"logID"' in want:
            a, b = (json.loads(x, object_pairs_hook=lambda p: p) for x in (want, got))
            tap.is_(mask(b), mask(a), f"{name}: the same entry, member by member")
            tap.is_(got[-2:], want[-2:], f"{name}: the same end")
        elif b'"rootHash"' in want:
            a, b = (json.loads(x, object_pairs_hook=lambda p: p) for x in (want, got))
            tap.is_(mask(b), mask(a), f"{name}: the same shape")
        elif name.startswith("index-"):
            got, want = set(json.loads(got)), {i for i in json.loads(want) if i[16:] != REKORD}
            tap.ok(got >= want, f"{name}: finds those entries", f"got {got}\nwant {want}")
            if name not in FINDS_MORE:
                tap.ok(got <= want, f"{name}: and no others", f"got {got}\nwant {want}")
        elif name == "err-method":
            tap.is_(got.replace(b"GET,POST", b"POST,GET"), want, f"{name}: body")
        else:
            tap.is_(got.decode(), want.decode(), f"{name}: body")

    def check_entries(self, name, answer):
        for item in answer if isinstance(answer, list) else [answer]:
            try:
                check_entry(item, self.key)
            except AssertionError as e:
                return tap.ok(False, f"{name}: SET, proof, checkpoint", str(e))
        return tap.ok(True, f"{name}: SET, proof, checkpoint")


def mask(pairs, key=None):
    """Pairs in their order, without what two logs cannot have in common."""
    if isinstance(pairs, list) and pairs and isinstance(pairs[0], tuple):
        return [(k, mask(v, k)) for k, v in pairs]
    if key == "hashes":
        return [len(h) for h in pairs]
    if key in ("rootHash", "logID"):
        return len(pairs)
    if key in ("checkpoint", "signedTreeHead"):
        return pairs.split("\n")[:2]
    if key == "integratedTime":
        return isinstance(pairs, int)
    if key == "signedEntryTimestamp":
        return base64.b64decode(pairs, validate=True)[:1]
    if key in ("body", "data"):
        return base64.b64decode(pairs, validate=True)[:4000]
    if isinstance(pairs, list):
        return [mask(x) for x in pairs]
    return pairs


def recorded_body(name, index):
    """The canonical body of an entry in an answer: of a hashedrekord, that is a proposal too."""
    for item in json.loads(read(name + ".response")[2]):
        (entry,) = item.values()
        if entry["logIndex"] == index:
            return json.loads(base64.b64decode(entry["body"]))
    raise KeyError(index)


def replay():
    filler = Signer()

    def fill(text):
        return lambda: filler.statement(text)

    # Entries that the recorded log had and whose submission is not among the recordings, by the
    # name before which they came: indexes, sizes and proof lengths are then the recorded ones.
    unrecorded = {
        "ping": fill(b"1"),
        "dsse-ed25519-201": fill(b"5"),
        "hashedrekord-rsa-201": lambda: recorded_body("retrieve-by-entryuuids", 8),
        "rekord-201": fill(b"12"),
        "hashedrekord-unknown-members": fill(b"13"),
    }
    with Server("--duplicates", "conflict", "--origin", "log.example.com") as server:
        r = Replay(server)
        for name in names():
            if name in unrecorded:
                tap.is_(server.submit(unrecorded[name]()).status, 201, f"an entry before {name}")
            r.run(name)
        tap.is_(server.stop(), 0, "the server ends well")


replay()
tap.done()
