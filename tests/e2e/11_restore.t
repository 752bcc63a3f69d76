#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""11_restore.t - a backup under load is whole; a restored log reads, and writes only when told to."""
import os
import shutil
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import PROVLOGD, SLOW, TAP, Server, Signer, StartFailed, open_checkpoint, run

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-restore-")
data, copy = os.path.join(top, "data"), os.path.join(top, "copy.db")
signer = Signer()
server = Server(data_dir=data)
key = server.key

# ---- backups while two clients submit ----
acknowledged, stop = [], threading.Event()


def submit_all(name):
    i = 0
    with server.connect() as connection:
        import json
        while not stop.is_set() and i < 3000:
            body = json.dumps(signer.statement(b"%s %d" % (name, i))).encode()
            reply = connection.request("POST", "/api/v1/log/entries", body)
            assert reply.status == 201, reply
            ((uuid, entry),) = reply.json().items()
            acknowledged.append((entry["logIndex"], uuid, entry["integratedTime"], entry["body"]))
            i += 1


threads = [threading.Thread(target=submit_all, args=(n,)) for n in (b"a", b"b")]
for t in threads:
    t.start()
sizes = []
for i in range(3):
    target = copy if i == 2 else f"{copy}.{i}"
    before = len(acknowledged)
    done = run(PROVLOGD, "backup", target, "--data-dir", data)
    tap.is_(done.returncode, 0, f"backup {i} under load")
    tap.note(done.stderr)
    sizes.append(int(done.stdout.split("tree size ")[1].split()[0]))
    tap.ok(sizes[-1] >= before + 1, "it has everything that was acknowledged before it",
           f"{sizes[-1]} < {before} + 1")
    with open(target + ".checkpoint", encoding="utf-8") as f:
        size, root, _ = open_checkpoint(f.read(), key)
    tap.is_(size, sizes[-1], "its checkpoint is signed and of its size")
    tap.has(done.stdout, f"root {root.hex()}", "and of the root that was recomputed")
stop.set()
for t in threads:
    t.join()
tap.ok(sizes[2] > sizes[0] or len(acknowledged) < 10, "the log grew meanwhile", str(sizes))
done = run(PROVLOGD, "backup", copy, "--data-dir", data)
tap.is_(done.returncode, 1, "a file that exists is not overwritten")
tap.has(done.stderr, "there already", "and that is said")
tap.is_(run(PROVLOGD, "fsck", "--data-dir", data).returncode, 0, "fsck beside the running server: clean")
final = server.checkpoint()
server.stop()

# ---- restore ----
backup_size = sizes[2]
restored = os.path.join(top, "restored")
done = run(PROVLOGD, "restore", copy, "--data-dir", data)
tap.is_(done.returncode, 1, "restore never overwrites a database")
tap.is_(run(PROVLOGD, "restore", os.path.join(top, "nothing.db"), "--data-dir",
            os.path.join(top, "x")).returncode, 5, "restore of a missing file: input/output")
with open(os.path.join(top, "junk.db"), "wb") as f:
    f.write(b"no database" * 1000)
done = run(PROVLOGD, "restore", os.path.join(top, "junk.db"), "--data-dir", os.path.join(top, "x"))
tap.ok(done.returncode != 0, "restore of something else is refused", done.stdout)
tap.note(done.stderr)
done = run(PROVLOGD, "restore", copy, "--data-dir", restored)
tap.is_(done.returncode, 0, "restore into an empty folder")
tap.has(done.stdout, f"tree size {backup_size}", "it says the size")
tap.has(done.stdout, "keys are missing", "and that the keys must be put back")
tap.has(done.stdout, f"--continue-from {backup_size}", "and how to go on")
try:
    Server(data_dir=restored).close()
    tap.ok(False, "without keys it does not start")
except StartFailed as e:
    tap.has(e.stderr, "keys/v1.pem", "without keys it does not start")
shutil.copytree(os.path.join(data, "keys"), os.path.join(restored, "keys"))

with Server(data_dir=restored) as s:
    size, root, _ = s.checkpoint()
    tap.is_(size, backup_size, "reads are served at the backup's size")
    s.check_consistency((size, root), (size, root))
    ours = [a for a in acknowledged if a[0] < size]
    for index, uuid, when, body in ours[:: max(1, len(ours) // 20)]:
        # SETs are stored with a later batch; what the backup has none of is not signed now.
        answer = s.get(f"/api/v1/log/entries?logIndex={index}").json()
        entry = s.check_entry(answer, may_lack_set=index >= size - 200)
        if (entry["uuid"], entry["time"]) != (uuid, when):
            tap.ok(False, f"entry {index} is as acknowledged")
    tap.ok(True, f"{len(ours)} entries are there, those looked at as acknowledged")
    reply = s.submit(signer.statement(b"new"))
    tap.is_(reply.status, 503, "a submission is refused")
    tap.note(reply)
    reply = s.submit(signer.statement(b"a 0"))
    tap.ok(reply.status in (201, 503), "a known one may be answered", str(reply))
    ready = s.admin_get("/readyz")
    tap.is_(ready.status, 503, "not ready")
    tap.has(ready.json()["write"]["why"], "continue-from", "the reason names the way out")
    tap.is_(s.checkpoint()[:2], (size, root), "nothing was signed")

for wrong in (backup_size - 1, backup_size + 1, final[0] + 5):
    try:
        Server("--continue-from", str(wrong), data_dir=restored).close()
        tap.ok(False, f"--continue-from {wrong} is refused")
    except StartFailed as e:
        tap.has(e.stderr, str(backup_size), f"--continue-from {wrong} is refused, with the real size")

with Server("--continue-from", str(backup_size), data_dir=restored) as s:
    entry = s.check_entry(s.submit(signer.statement(b"after")).json())
    tap.is_(entry["index"], backup_size, "--continue-from with the right size: it writes on")
    s.check_consistency((size, root), s.checkpoint())
    tap.ok(True, "and extends what was backed up")
with Server(data_dir=restored) as s:
    tap.is_(s.submit(signer.statement(b"later")).status, 201, "the mark is gone for good")
with Server("--continue-from", str(backup_size), data_dir=restored) as s:
    tap.is_(s.submit(signer.statement(b"later still")).status, 201,
            "a flag that was left in place does no harm")
tap.is_(run(PROVLOGD, "fsck", "--data-dir", restored).returncode, 0, "fsck of the restored log: clean")

server.close()
shutil.rmtree(top, ignore_errors=True)
tap.done()
