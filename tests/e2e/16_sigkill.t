#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
16_sigkill.t - the server is killed at random moments under load; after each restart every
acknowledged entry is there with its index, body and time, and all checkpoints are of one history.

CRASH=n kills n times (50 by default). A kill keeps the page cache: power cuts are played by
tests/fault.
"""
import base64
import json
import os
import random
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import (PROVLOGD, SLOW, TAP, Server, Signer, check_entry, leaf_hash, open_checkpoint, run)

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-sigkill-")
KILLS = int(os.environ.get("CRASH", "50"))
CLIENTS = 3
seed = int(os.environ.get("CRASH_SEED", str(random.randrange(1 << 32))))
tap.note(f"CRASH_SEED={seed}")
rng = random.Random(seed)
signer = Signer()
server = Server(data_dir=os.path.join(top, "data"), start=False)

acknowledged = {}  # uuid -> (index, time, body as answered)
unsure = []  # proposals whose answer never came
checkpoints = []  # notes as they came with answers, in order of arrival
lock = threading.Lock()
wrong = []


def client(n, stop, url):
    i = 0
    connection = None
    while not stop.is_set():
        text = b"%d %d %d" % (n, i, rng.getrandbits(60))
        i += 1
        body = json.dumps(signer.hashedrekord(text)).encode()
        try:
            connection = connection or server.connect()
            reply = connection.request("POST", "/api/v1/log/entries", body)
        except (OSError, IndexError):
            with lock:
                unsure.append(body)
            return  # killed
        if reply.status != 201:
            wrong.append(f"status {reply.status}: {reply.body[:200]!r}")
            return
        ((uuid, entry),) = reply.json().items()
        with lock:
            acknowledged[uuid] = (entry["logIndex"], entry["integratedTime"], entry["body"])
            checkpoints.append(entry["verification"]["inclusionProof"]["checkpoint"])


def check_all(everything):
    """All acknowledged entries, or those of late and a sample of the older."""
    items = list(acknowledged.items())
    if not everything and len(items) > 120:
        items = items[-60:] + rng.sample(items[:-60], 60)
    with server.connect() as connection:
        for start in range(0, len(items), 10):
            some = items[start : start + 10]
            want = json.dumps({"entryUUIDs": [uuid for uuid, _ in some]}).encode()
            reply = connection.request("POST", "/api/v1/log/entries/retrieve", want)
            got = {uuid: entry for one in reply.json() for uuid, entry in one.items()}
            for uuid, (index, when, body) in some:
                entry = got.get(uuid)
                if entry is None:
                    return f"{uuid} (index {index}) is lost"
                if (entry["logIndex"], entry["integratedTime"], entry["body"]) != (index, when, body):
                    return f"{uuid} changed: {entry} was index {index}, time {when}"
                if leaf_hash(base64.b64decode(body)).hex() != uuid[16:]:
                    return f"{uuid} is not its body's leaf hash"
    return None


def check_history(last):
    """The newest checkpoint that was answered is a prefix of what is served now, and so is @last."""
    now = server.checkpoint()
    seen = {}
    for note in checkpoints[-40:]:
        size, root, _ = open_checkpoint(note, key)
        if seen.setdefault(size, root) != root:
            return f"two roots for size {size}", now
    if seen and max(seen) > now[0]:
        return f"answered at size {max(seen)}, now {now[0]}", now
    try:
        for size in ([max(seen)] if seen else []) + ([last[0]] if last else []):
            server.check_consistency((size, seen.get(size) or last[1]), now)
    except AssertionError as e:
        return str(e), now
    return None, now


last, problems, restarts, begun, key = None, [], 0, time.monotonic(), None
for kill in range(KILLS):
    server.start()
    key = key or server.key
    restarts += 1
    for problem in (check_all(False), *check_history(last)[:1]):
        if problem:
            problems.append(f"after kill {kill}: {problem}")
    _, last = check_history(last)
    if kill % 10 == 9:
        # What got no answer is a repeat or new now; both get one entry.
        for body in unsure[-5:]:
            reply = server.request("POST", "/api/v1/log/entries", body)
            if reply.status != 201:
                problems.append(f"resubmitted: {reply}")
            else:
                server.check_entry(reply.json())
    stop = threading.Event()
    threads = [threading.Thread(target=client, args=(n, stop, server.url)) for n in range(CLIENTS)]
    for t in threads:
        t.start()
    time.sleep(rng.choice([0.002, 0.02, 0.05, 0.1, 0.2]) * (0.5 + rng.random()))
    server.kill()
    stop.set()
    for t in threads:
        t.join()
    if problems:
        break

server.start()
problems += [p for p in (check_all(True), check_history(last)[0]) if p]
size = server.checkpoint()[0]
tap.is_(problems, [], f"{restarts} kills, {len(acknowledged)} acknowledged entries: none lost or changed")
tap.is_(wrong, [], "every answer was 201")
tap.ok(len(acknowledged) >= KILLS, "there was load", str(len(acknowledged)))
tap.ok(size >= len(acknowledged) + 1, "the tree has them all", f"{size}")
indexes = [v[0] for v in acknowledged.values()]
tap.is_(len(set(indexes)), len(indexes), "no index was given twice")
sample = rng.sample(sorted(acknowledged), min(20, len(acknowledged)))
for uuid in sample:
    server.check_entry(server.get(f"/api/v1/log/entries/{uuid}").json())
tap.ok(True, "SETs, proofs and checkpoints of a sample hold")
tap.is_(server.stop(), 0, "it ends cleanly")
done = run(PROVLOGD, "fsck", "--data-dir", server.data_dir)
tap.is_((done.returncode, done.stdout), (0, f"{server.data_dir}: 0 problems\n"), "fsck: clean")
tap.note(f"{time.monotonic() - begun:.1f} s, tree size {size}, {len(unsure)} without an answer")
server.close()
shutil.rmtree(top, ignore_errors=True)
tap.done()
