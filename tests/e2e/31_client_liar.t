#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""31_client_liar.t - a server that lies, or answers nonsense: the client believes nothing unproved.

A forwarder stands between the client and a real server and changes what comes back. Whatever it
does, the client must not end with status 0, must not print an entry, and must not leave a bundle or
a result behind.
"""
import base64
import copy
import json
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import PROVLOG, TAP, Server, Signer, request, run

tap = TAP()
work = tempfile.TemporaryDirectory(prefix="provlog-test-")


def path_of(name):
    return os.path.join(work.name, name)


def put(name, text):
    with open(path_of(name), "w", encoding="utf-8") as f:
        f.write(text)
    return path_of(name)


class Forwarder(BaseHTTPRequestHandler):
    """Hands each request on; lie(method, path, status, body) says what is answered."""

    protocol_version = "HTTP/1.1"
    target = lie = None
    seen = []

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        Forwarder.seen.append((self.command, self.path))
        headers = {n: self.headers[n] for n in ("Accept", "Content-Type") if self.headers[n]}
        reply = request(self.target, self.command, self.path, body, headers)
        made = Forwarder.lie(self.command, self.path, reply.status, reply.body)
        status, content, more = (made + ({},))[:3]
        if status is None:  # no answer at all
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        cut = more.pop("cut", 0)
        self.send_header("Content-Length", str(len(content) + cut))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = bool(cut)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def honest(method, path, status, body):
    return status, body


def is_entry(method, path):
    return path.startswith("/api/v1/log/entries")


server = Server()
Forwarder.target = server.url
forwarder = ThreadingHTTPServer(("127.0.0.1", 0), Forwarder)
forwarder.daemon_threads = True
threading.Thread(target=forwarder.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{forwarder.server_port}"
log_key = server.ready["v1_public_key"]

signer = Signer()
public = put("signer.pub", signer.key.public.pem)
entries = []
for i in range(6):
    proposal = signer.statement(b"model %d" % i, f"model-{i}.bin")
    reply = server.submit(proposal)
    assert reply.status == 201, reply
    put(f"envelope-{i}.json", proposal["spec"]["proposedContent"]["envelope"])
    entries.append(reply.json())
first = next(iter(entries[0]))
with Server() as foreign:  # another log, honest in itself
    foreign_entry = foreign.submit(signer.statement(b"model 0", "model-0.bin")).json()
    foreign_info = foreign.get("/api/v1/log").body
    foreign_key = foreign.get("/api/v1/log/publicKey").body


def client(*args, retries="0", pin=log_key):
    trust = ["--log-key", pin] if pin else []
    return run(PROVLOG, args[0], "--server", url, "--retries", retries, "--timeout", "20", *trust, *args[1:],
               env={"no_proxy": "127.0.0.1"})


OUT = ["bundle.json", "results/log-index", "results/entry-uuid", "results/checkpoint", "results/bundle-digest"]


def submit():
    os.makedirs(path_of("results"), exist_ok=True)
    return client("submit", "--public-key", public, "--bundle", path_of("bundle.json"), "--results",
                  path_of("results"), path_of("envelope-0.json"))


COMMANDS = {
    "submit": submit,
    "get": lambda: client("get", "--log-index", "1"),
    "get by uuid": lambda: client("get", "--uuid", first),
}


def refused(command, name, lie, status):
    Forwarder.lie = staticmethod(lie)
    statuses = status if isinstance(status, tuple) else (status,)
    for file in OUT:
        if os.path.exists(path_of(file)):
            os.unlink(path_of(file))
    reply = COMMANDS[command]() if isinstance(command, str) else command()
    left = [f for f in OUT if os.path.exists(path_of(f))]
    good = reply.returncode in statuses and not reply.stdout and not left and reply.stderr.startswith("provlog: ")
    tap.ok(good, name, f"status {reply.returncode}, stdout {reply.stdout!r}, left {left}, stderr {reply.stderr}")
    return reply


def about_entry(change):
    """A lie that changes the entry in answers; @change(entry_id, entry) gives both again."""
    def lie(method, path, status, body):
        if not is_entry(method, path):
            return status, body
        ((uuid, entry),) = json.loads(body).items()
        uuid, entry = change(uuid, copy.deepcopy(entry))
        return status, json.dumps({uuid: entry}).encode()
    return lie


def replace(answer):
    return lambda m, p, status, body: (status, json.dumps(answer).encode() if is_entry(m, p) else body)


# Controls: through an honest forwarder everything works.
Forwarder.lie = staticmethod(honest)
for name, command in COMMANDS.items():
    reply = command()
    tap.ok(reply.returncode == 0 and first in reply.stdout, f"control: {name}", reply)
tap.ok(all(os.path.getsize(path_of(f)) for f in OUT), "control: bundle and results are written")

# ---- one value of the answer at a time ----

def set_at(entry, path, value):
    for part in path[:-1]:
        entry = entry[part]
    entry[path[-1]] = value


PROOF = ("verification", "inclusionProof")
other_entry = next(iter(entries[3].values()))
LIES = {
    "another body of the log": (("body",), other_entry["body"]),
    "another time": (("integratedTime",), next(iter(entries[0].values()))["integratedTime"] + 1),
    "another index": (("logIndex",), 2),
    "another log id": (("logID",), next(iter(foreign_entry.values()))["logID"]),
    "another entry's SET": (("verification", "signedEntryTimestamp"),
                            other_entry["verification"]["signedEntryTimestamp"]),
    "an empty SET": (("verification", "signedEntryTimestamp"), ""),
    "no verification": (("verification",), None),
    "no proof": (PROOF, None),
    "no hashes": (PROOF + ("hashes",), []),
    "another place in the tree": (PROOF + ("logIndex",), 2),
    "another tree size": (PROOF + ("treeSize",), 6),
    "another root": (PROOF + ("rootHash",), "00" * 32),
    "no checkpoint": (PROOF + ("checkpoint",), ""),
    "another log's checkpoint": (PROOF + ("checkpoint",), json.loads(foreign_info)["signedTreeHead"]),
    "a checkpoint of an earlier size": (
        PROOF + ("checkpoint",), next(iter(entries[0].values()))["verification"]["inclusionProof"]["checkpoint"]),
}
for command in COMMANDS:
    for name, (where, value) in LIES.items():
        # Without a member that it needs, the answer may also pass for no entry at all.
        refused(command, f"{command}: {name}",
                about_entry(lambda u, e, w=where, v=value: (u, (set_at(e, w, v), e)[1])),
                (1, 5) if value in (None, "") else 1)

# ---- whole answers ----

for command, wrong in [("submit", 3), ("get", 3), ("get by uuid", 3)]:
    refused(command, f"{command}: another entry of the log, complete and valid", replace(entries[wrong]), 1)
    refused(command, f"{command}: the entry of another log", replace(foreign_entry), 1)
    refused(command, f"{command}: two entries", replace({**entries[0], **entries[1]}), 5)
    refused(command, f"{command}: none", replace({}), 5)
    refused(command, f"{command}: the id of another entry",
            about_entry(lambda u, e: (u[:-1] + ("0" if u[-1] != "0" else "1"), e)), 1)
    refused(command, f"{command}: the id of another tree", about_entry(lambda u, e: ("1" * 16 + u[16:], e)), 1)
for command in COMMANDS:
    for name, made, status in [
        ("a page for people", (200, b"<html><body>Sign in</body></html>"), 5),
        ("an empty body", (200, b""), 5),
        ("a list", (200, b"[]"), 5),
        ("deep nesting", (200, b"[" * 100000), 5),
        ("a cut body", (200, b'{"', {"cut": 50}), 5),
        ("no answer", (None, b""), 5),
        ("500", (500, b'{"code":500,"message":"x"}'), 5),
        ("503", (503, b'{"code":503,"message":"busy"}'), 5),
        ("a redirect", (302, b"", {"Location": server.url + "/api/v1/log"}), 4),
        ("401", (401, b'{"code":401,"message":"who are you"}'), 4),
        ("403 that steers a terminal", (403, b"\x1b[2Jgone\r\n\x07"), 4),
        ("413", (413, b"too large"), 4),
        ("409 without a place", (409, b'{"code":409,"message":"exists"}'), 5 if command == "submit" else 4),
    ]:
        reply = refused(command, f"{command}: {name}", lambda m, p, s, b, made=made: copy.deepcopy(made)
                        if is_entry(m, p) else (s, b), status)
        if "steers" in name:
            tap.ok(not set("\x1b\x07\r") & set(reply.stderr), f"{command}: it does not reach the terminal", repr(reply.stderr))
refused("get", "get: 404 is not found", lambda m, p, s, b: (404, b""), 3)

# 409 with the place of the entry, as Rekor answers a repeat.
Forwarder.lie = staticmethod(lambda m, p, s, b: (409, b"{}", {"Location": "/api/v1/log/entries/" + first})
                             if m == "POST" else (s, b))
reply = submit()
tap.ok(reply.returncode == 0 and first in reply.stdout, "409 with the place of the first entry is followed", reply)
refused("submit", "409 with the place of another entry", lambda m, p, s, b: (409, b"{}", {
    "Location": "/api/v1/log/entries/" + next(iter(entries[2]))}) if m == "POST" else (s, b), 1)

# ---- the log's state ----

info = lambda: client("loginfo")
Forwarder.lie = staticmethod(honest)
tap.is_(info().returncode, 0, "control: loginfo")
real = json.loads(server.get("/api/v1/log").body)
for name, change, status in [
    ("another size", {"treeSize": real["treeSize"] + 1}, 1),
    ("another root", {"rootHash": "00" * 32}, 1),
    ("another log's checkpoint", {"signedTreeHead": json.loads(foreign_info)["signedTreeHead"]}, 1),
    ("no checkpoint", {"signedTreeHead": ""}, 5),
]:
    refused(info, f"loginfo: {name}", lambda m, p, s, b, change=change: (s, json.dumps({**json.loads(b), **change}).encode()),
            status)
refused(info, "loginfo: of another log", lambda m, p, s, b: (200, foreign_info), 1)

proof = lambda: client("logproof", "--first-size", "2", "--last-size", "5")
Forwarder.lie = staticmethod(honest)
tap.is_(proof().returncode, 0, "control: logproof")


def about_proof(change):
    return lambda m, p, s, b: (s, json.dumps(change(json.loads(b))).encode()) if "/log/proof" in p else (s, b)


refused(proof, "logproof: a hash changed", about_proof(lambda d: {**d, "hashes": ["00" * 32, *d["hashes"][1:]]}), 1)
refused(proof, "logproof: a hash less", about_proof(lambda d: {**d, "hashes": d["hashes"][1:]}), 1)
refused(proof, "logproof: no hashes", about_proof(lambda d: {**d, "hashes": []}), 1)
refused(proof, "logproof: a hash that is none", about_proof(lambda d: {**d, "hashes": ["zz"]}), 5)
kept = put("kept", json.loads(foreign_info)["signedTreeHead"])
Forwarder.lie = staticmethod(honest)
reply = client("logproof", "--checkpoint", kept)
tap.ok(reply.returncode == 1 and not reply.stdout, "logproof: a kept checkpoint of another log", reply)
put("kept", real["signedTreeHead"])
reply = client("logproof", "--checkpoint", kept)
tap.is_(reply.returncode, 0, "control: a kept checkpoint")
# A log that was set back: it answers with a state that it signed, but a smaller one than is kept.
old = next(iter(entries[1].values()))["verification"]["inclusionProof"]
refused(lambda: client("logproof", "--checkpoint", kept), "logproof: a log that lost entries", lambda m, p, s, b: (s, json.dumps({
    **real, "treeSize": old["treeSize"], "rootHash": old["rootHash"], "signedTreeHead": old["checkpoint"]}).encode())
    if p == "/api/v1/log" else (s, b), 1)

# ---- trust ----

export = lambda: run(PROVLOG, "trust", "export", "--server", url, "--retries", "0", "--log-key", log_key)
Forwarder.lie = staticmethod(honest)
tap.is_(export().returncode, 0, "control: trust export")
with Server() as foreign:
    foreign_root = foreign.get("/provlog/v1/trusted_root").body
refused(export, "trust export: another log's root under our pin",
        lambda m, p, s, b: (200, foreign_root) if "trusted_root" in p else (s, b), 1)


def and_foreign(method, path, status, body):
    """Our root with the other log slipped in beside ours."""
    if "trusted_root" not in path:
        return status, body
    root = json.loads(body)
    root["tlogs"] += json.loads(foreign_root)["tlogs"]
    return 200, json.dumps(root).encode()


refused(export, "trust export: another log beside ours", and_foreign, 1)
refused(export, "trust export: not a root", lambda m, p, s, b: (200, b"{}"), 5)
Forwarder.lie = staticmethod(lambda m, p, s, b: (200, foreign_key) if "publicKey" in p else (s, b))
reply = client("get", "--log-index", "1", pin=None)
tap.ok(reply.returncode == 1 and not reply.stdout, "without a pin: a key that is not the log's fits no entry", reply)
tap.has(reply.stderr, "warning", "and that the key was taken unseen is said")
Forwarder.lie, Forwarder.seen = staticmethod(honest), []
reply = client("submit", "--public-key", public, path_of("envelope-5.json"), pin=put("wrong.pem", foreign_key.decode()))
tap.ok(reply.returncode == 1 and not reply.stdout, "a pinned key that is not the log's", reply)

forwarder.shutdown()
server.close()
tap.done()
