#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""31_client_network.t - the client against servers in trouble, servers that refuse, servers that lie."""
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
from provlog import PROVLOG, SLOW, TAP, Server, clean_env, free_port, run  # noqa: E402
from stub import Stub, drop, forward, hang, status  # noqa: E402

OK, VERIFY, USAGE, NOTFOUND, REFUSED, TROUBLE = range(6)
ENVELOPE = os.path.join(TOP, "tests/data/chains/signed/v0.29.2/taskrun-upload-model.slsa-v1.dsse.json")
KEY = os.path.join(TOP, "tests/data/chains/signed/cosign.pub")

tap = TAP()
work = tempfile.TemporaryDirectory(prefix="provlog-client-")
os.chdir(work.name)
server = Server()
LOG = ("--log-key", server.ready["v1_public_key"])


def cli(*args, url=None):
    env = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "PROVLOG_SERVER": url or server.url}
    return run(PROVLOG, *args, *LOG, env=env, timeout=60 * SLOW)


def ends(got, want, name, part=None):
    good = got.returncode == want and (part is None or part in got.stderr)
    # Sanitizers end a program with 1, as a failed verification does.
    good = good and "runtime error" not in got.stderr and "Sanitizer" not in got.stderr
    tap.ok(good, name, f"status {got.returncode}, want {want}, {part!r}\n{got.stdout}\n{got.stderr}")
    return got


SUBMIT = ("submit", "--public-key", KEY, "-o", "json", ENVELOPE)

# ---- retries ----
now = {"Retry-After": "0"}
trouble = [status(503, b'{"code":503,"message":"queue full"}', now), status(429, b"<html>slow down</html>", now),
           status(502), status(504, headers=now), drop()]
with Stub(*trouble, forward(server.url)) as stub:
    got = ends(cli(*SUBMIT, url=stub.url), OK, "503, 429, 502, 504 and a dropped connection are tried again")
    tap.is_(len(stub.seen), 6, "once for each")
    tries = [line for line in got.stderr.splitlines() if "trying again" in line]
    tap.is_(len(tries), 5, "each is announced")
    for line, reason in zip(tries, ("503: {\"code\":503,\"message\":\"queue full\"}", "429: <html>", "502", "504", "")):
        tap.has(line, reason, f"with its reason {reason[:3] or 'of the network'}")
    tap.has(tries[0], "in 0.0 s (1 of 5)", "and the wait that the server asked for")
entry = json.loads(got.stdout)
with Stub(status(503, headers=now)) as stub:
    got = ends(cli(*SUBMIT, "--retries", "2", url=stub.url), TROUBLE, "trouble that stays ends with 5", "503")
    tap.is_(len(stub.seen), 3, "after the attempts asked for")
with Stub(status(503, headers={"Retry-After": "3600"})) as stub:
    start = time.monotonic()
    ends(cli(*SUBMIT, "--timeout", "2", url=stub.url), TROUBLE, "an hour is not waited for", "--timeout is used up")
    tap.ok(time.monotonic() - start < 2 * SLOW + 2, "it ends at once")
for code, want in ((500, TROUBLE), (507, TROUBLE), (400, REFUSED), (401, REFUSED), (403, REFUSED), (404, REFUSED),
                   (413, REFUSED), (422, REFUSED), (501, REFUSED)):
    with Stub(status(code, b'{"code":%d,"message":"because"}' % code)) as stub:
        got = ends(cli(*SUBMIT, url=stub.url), want, f"{code} to a submission ends with {want}", "because")
        tap.is_(len(stub.seen), 1, f"{code} is not tried again")
with Stub(status(404)) as stub:
    ends(cli("get", "--log-index", "1", url=stub.url), NOTFOUND, "404 to a get ends with 3")
with Stub(status(302, headers={"Location": "http://192.0.2.1/x"})) as stub:
    ends(cli("loginfo", url=stub.url), REFUSED, "a redirect is not followed", "http://192.0.2.1/x")
with Stub(status(302, headers={"Location": "http://x/\x1b[2J\x07"})) as stub:
    got = ends(cli("loginfo", url=stub.url), REFUSED, "a redirect that would steer a terminal")
    tap.ok(not set("\x1b\x07") & set(got.stderr), "it is shown without", repr(got.stderr))
with Stub(status(400, "\u009b2Jx".encode())) as stub:
    got = ends(cli("loginfo", url=stub.url), REFUSED, "C1 controls in a refusal", "2Jx")
    tap.ok("\u009b" not in got.stderr, "are not shown either", repr(got.stderr))
with Stub(status(200, b" " * (65 << 20))) as stub:
    got = ends(cli("loginfo", url=stub.url), TROUBLE, "an endless answer", "larger than 64 MiB")
    tap.is_(len(stub.seen), 1, "it is not asked for again")
for url in ("unix:/", "unix:", "http:///", "http:///127.0.0.1", "https://", "/", "127.0.0.1:3000"):
    ends(cli("loginfo", url=url), USAGE, f"{url} is no server", "unix:PATH")
with Stub(status(409, headers={"Location": "/nowhere"})) as stub:
    ends(cli(*SUBMIT, url=stub.url), TROUBLE, "409 without an entry's place", "does not say where")
ends(cli("loginfo", "--retries", "1", url=f"http://127.0.0.1:{free_port()}"), TROUBLE, "nobody there", "(1 of 1)")
ends(cli("loginfo", "--retries", "0", url="http://nonexistent.invalid"), TROUBLE, "no such name")
over = threading.Event()
with Stub(hang(over)) as stub:
    start = time.monotonic()
    ends(cli("loginfo", "--timeout", "1", url=stub.url), TROUBLE, "a server that never answers")
    tap.ok(time.monotonic() - start < 5 * SLOW, "--timeout ends it")
    over.set()


def late(handler, sent):
    time.sleep(0.3)
    forward(server.url)(handler, sent)


with Stub(late) as stub:
    slow = subprocess.Popen(["sh", "-c", 'sleep 2.2; cat "$1"', "sh", ENVELOPE], stdout=subprocess.PIPE)
    got = subprocess.run([PROVLOG, "submit", "--timeout", "2", "--public-key", KEY, *LOG, "-"], stdin=slow.stdout,
                         env={**clean_env(), "no_proxy": "127.0.0.1", "PROVLOG_SERVER": stub.url}, text=True,
                         capture_output=True, check=False, timeout=60 * SLOW)
    slow.wait()
    ends(got, OK, "--timeout is for requests, not for what is read before")
with Stub(status(503, b"\x1b[2J\x07evil", now)) as stub:
    got = cli("loginfo", "--retries", "0", url=stub.url)
    tap.ok("\x1b" not in got.stderr and "\x07" not in got.stderr, "what a server says can't steer a terminal", got.stderr)

# ---- lies ----


def change_entry(**changes):
    """Changes members of the one entry of an answer; names of verification by 'proof_NAME'."""

    def change(path, body):
        if not (path.startswith("/api/v1/log/entries") and isinstance(body, dict)):
            return body
        ((uuid, value),) = body.items()
        for name, to in changes.items():
            if name == "uuid":
                uuid = to
            elif name.startswith("proof_"):
                value["verification"]["inclusionProof"][name[6:]] = to
            elif name == "signedEntryTimestamp":
                value["verification"][name] = to
            else:
                value[name] = to
        return {uuid: value}

    return change


zero = server.get("/api/v1/log/entries?logIndex=0").json()
(zero_uuid, zero_value), = zero.items()
real = server.get(f"/api/v1/log/entries/{entry['entry_id']}").json()[entry["entry_id"]]
GET = ("get", "--log-index", str(entry["log_index"]))
for name, changes, want in (
    ("another index", {"logIndex": 7}, VERIFY),
    ("another time", {"integratedTime": 1}, VERIFY),
    ("another log", {"logID": "0" * 64}, VERIFY),
    ("another body", {"body": zero_value["body"]}, VERIFY),
    ("another id", {"uuid": zero_uuid}, VERIFY),
    ("another entry's timestamp", {"signedEntryTimestamp": zero_value["verification"]["signedEntryTimestamp"]}, VERIFY),
    ("no timestamp", {"signedEntryTimestamp": ""}, VERIFY),
    ("no proof and checkpoint", {"verification": None}, VERIFY),
    ("another root", {"proof_rootHash": "0" * 64}, VERIFY),
    ("another size", {"proof_treeSize": 99}, VERIFY),
    ("another place in the tree", {"proof_logIndex": 0}, VERIFY),
    ("a proof cut short", {"proof_hashes": []}, VERIFY),
    ("no checkpoint", {"proof_checkpoint": ""}, VERIFY),
    ("a checkpoint of nobody", {"proof_checkpoint": entry["checkpoint"].replace("localhost - ", "localhost - 1")}, VERIFY),
    ("no entry at all", {"body": "%%%"}, TROUBLE),
):
    with Stub(forward(server.url, change_entry(**changes))) as stub:
        for what, command in (("get", GET), ("submit", SUBMIT)):
            got = ends(cli(*command, url=stub.url), want, f"{what} is told {name}")
            if want == VERIFY and '"log_index"' in got.stdout:
                tap.ok(False, "and shows nothing of it", got.stdout)
with Stub(forward(server.url, lambda path, body: zero)) as stub:
    ends(cli(*GET, url=stub.url), VERIFY, "get is given another entry, valid in itself", "another entry")
    ends(cli(*SUBMIT, url=stub.url), VERIFY, "submit is given another entry, valid in itself", "another body")
for name, body, want in (("nothing", b"", TROUBLE), ("HTML", b"<html>", TROUBLE), ("an array", b"[]", TROUBLE),
                         ("two entries", json.dumps({**zero, entry["entry_id"]: real}).encode(), TROUBLE)):
    with Stub(status(200, body)) as stub:
        ends(cli(*GET, url=stub.url), want, f"get is given {name}")
        ends(cli("loginfo", url=stub.url), TROUBLE, f"loginfo is given {name}")
        ends(cli("search", "--sha256", "0" * 64, url=stub.url), NOTFOUND if name == "an array" else TROUBLE,
             f"search is given {name}")
        ends(cli("trust", "export", url=stub.url), TROUBLE, f"trust export is given {name}")


def change_info(**changes):
    return lambda path, body: {**body, **changes} if path == "/api/v1/log" else body


for name, changes in (("another size", {"treeSize": 1}), ("another root", {"rootHash": "0" * 64}),
                      ("no signature", {"signedTreeHead": entry["checkpoint"].split("\n\n")[0] + "\n"})):
    with Stub(forward(server.url, change_info(**changes))) as stub:
        ends(cli("loginfo", url=stub.url), VERIFY, f"loginfo is told {name}")


def change_proof(path, body):
    return {**body, "hashes": ["0" * 64 for _ in body["hashes"]]} if "/log/proof" in path else body


cli("submit", "--public-key", KEY, ENVELOPE.replace("slsa-v1", "slsa-v2alpha4"))
ends(cli("logproof", "--first-size", "1", "--last-size", "3"), OK, "logproof of what is there")
with Stub(forward(server.url, change_proof)) as stub:
    ends(cli("logproof", "--first-size", "1", "--last-size", "3", url=stub.url), VERIFY, "logproof is given other hashes",
         "not the beginning")
# A kept checkpoint that is larger than the log, as after a log was cut.
newest = json.loads(cli("loginfo", "-o", "json").stdout)["checkpoint"]
with open("newest.cp", "w", encoding="utf-8") as f:
    f.write(newest)
old_info = {"signedTreeHead": entry["checkpoint"], "treeSize": entry["tree_size"],
            "rootHash": base64.b64decode(entry["checkpoint"].split("\n")[2]).hex()}
with Stub(forward(server.url, change_info(**old_info))) as stub:
    ends(cli("logproof", "--checkpoint", "newest.cp", url=stub.url), VERIFY, "a log that lost entries", "lost entries")

server.close()
tap.done()
