#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
41_disk.t - a disk that fails or is full under load: nothing that was acknowledged is lost, clients
get 503 or 507, reads go on, /readyz says why, and the server recovers by itself.

First through a VFS that fails the n-th call (n over a range), then on a real file system of 24 MiB
in a mount namespace of the test's own, where the system allows one. SEED=n repeats a run.
"""
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from crash import World
from provlog import PROVLOGD, SLOW, TAP, Connection, run, wait_for

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
OFTEN = 4 if os.environ.get("CRASH") else 1
SMALL = "PROVLOG_TEST_SMALL_DISK"


class Reader(threading.Thread):
    """Reads all the time, and notes what is not answered with 200."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.going, self.reads, self.failures, self.slowest = url, True, 0, [], 0.0
        self.start()

    def run(self):
        with Connection(self.url) as connection:
            while self.going:
                for path in ("/api/v1/log", "/api/v1/log/entries?logIndex=0"):
                    begun = time.monotonic()
                    try:
                        reply = connection.request("GET", path)
                    except OSError as failed:
                        self.failures.append(repr(failed))
                        return
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                    self.reads += 1
                    if reply.status != 200:
                        self.failures.append(repr(reply))
                time.sleep(0.002)

    def end(self):
        self.going = False
        self.join()
        return self


class Disk:
    """The fault that a running server has: a line in the file that it follows."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "fault")

    def set(self, fault):
        with open(self.path + ".new", "w", encoding="ascii") as f:
            f.write(fault)
        os.rename(self.path + ".new", self.path)


def readyz(world):
    reply = world.server.admin_get("/readyz")
    return reply.status == 200, reply.json()["write"]["why"]


def failed_batches(world):
    text = world.server.admin_get("/metrics").body.decode()
    return int(float(re.search(r"^provlog_failed_batches_total (\S+)$", text, re.M).group(1)))


def settle(tap, world, name, entries="newest 300"):
    """What was acknowledged is there, and the checkpoints are of one history."""
    for question in ("retry", "heads", f"check {entries}"):
        if not tap.ok(world.ask(question)["answered"], f"{name}: the server answers: {question}"):
            tap.note(world.server.stderr()[-2000:])
    tap.is_(world.wrong(), {}, f"{name}: nothing lost, changed, contradicted or unverified")
    if world.wrong():
        tap.note(world.state["problem"])
    tap.is_(world.state["doubt"], 0, f"{name}: what was refused is taken in the end")
    tap.is_(world.state["size"], world.state["acknowledged"] + 1, f"{name}: and nothing else is")


def statuses(tap, world, before, name, allowed=("201", "503", "507")):
    """The answers of this part."""
    now = world.state["status"]
    got = {s: n - before.get(s, 0) for s, n in now.items() if n != before.get(s, 0)}
    tap.ok(set(got) <= set(allowed), f"{name}: {', '.join(allowed)} only",
           f"{got} {world.state['refusal']}")
    return got


# ---- one call fails ----


def one_after_another(tap, world, disk, fault, numbers, name):
    before = world.state.get("status", {})
    reader = Reader(world.server.url)
    hits, unready = 0, 0
    world.ask("load 6")
    for nth in numbers:
        was = failed_batches(world)
        disk.set(f"{fault},nth={nth}")
        if wait_for(lambda: failed_batches(world) > was, timeout=0.3 * SLOW, step=0.004):
            hits += 1
        disk.set("")
        if not wait_for(lambda: readyz(world)[0], timeout=10 * SLOW, step=0.005):
            unready += 1
    world.ask("stop")
    reader.end()
    got = statuses(tap, world, before, name)
    tap.ok(hits >= len(numbers) // 2, f"{name}: it hit batches", f"{hits} of {len(numbers)}")
    tap.is_(unready, 0, f"{name}: each time the server recovers by itself")
    tap.is_(reader.failures, [], f"{name}: reads go on")
    tap.note(f"{name}: {hits} of {len(numbers)} failed a batch; answers {got}; "
             f"{reader.reads} reads, the slowest {reader.slowest * 1e3:.0f} ms")
    settle(tap, world, name)


def no_memory(tap, world, disk):
    """Whoever meets it, a reader or the batch, is told so; nothing else comes of it."""
    before = world.state["status"]
    world.ask("load 6")
    for nth in range(1, 30 * OFTEN):
        disk.set(f"class=memory,nth={nth}")
        time.sleep(0.01)
    disk.set("")
    world.ask("stop")
    got = statuses(tap, world, before, "no memory", ("201", "500", "503"))
    tap.ok(got.get("500", 0) + got.get("503", 0) > 0, "no memory: it hit", got)
    tap.note(f"no memory: answers {got}")
    settle(tap, world, "no memory")


def harmless(tap, world, disk, fault, name):
    """Faults of index.db, which can be made again, refuse nobody."""
    before = world.state["status"]
    disk.set(fault)
    world.load(0.3 * SLOW)
    world.ask("stop")
    disk.set("")
    got = statuses(tap, world, before, name)
    tap.is_(list(got), ["201"], f"{name}: every submission is taken")
    settle(tap, world, name)


def sticky(tap, world, disk, fault, name):
    """It goes on failing: readable, and nothing is acknowledged at all."""
    reader = Reader(world.server.url)
    disk.set("sync_ms=20")  # so that some wait in the queue when it begins
    world.ask("load 24")
    time.sleep(0.1)
    disk.set(f"{fault},sync_ms=20,sticky")
    tap.ok(wait_for(lambda: not readyz(world)[0]), f"{name}: /readyz says no")
    time.sleep(0.1)
    begun = time.monotonic()
    world.ask("stop")
    took = time.monotonic() - begun
    tap.ok(took < 2 * SLOW, f"{name}: no submission is left hanging", f"{took:.1f} s")
    before = world.state["status"]
    size = world.server.checkpoint()[0]
    world.ask("load 24")
    said = set()
    deadline = time.monotonic() + 0.5 * SLOW
    while time.monotonic() < deadline:
        said.add(readyz(world))
        time.sleep(0.01)
    world.ask("stop")
    got = statuses(tap, world, before, name)
    tap.ok("201" not in got and got.get("503", 0) + got.get("507", 0) > 0,
           f"{name}: no 201 at all", got)
    # Where a recovery needs no write it succeeds, until the next batch.
    why = sorted(why for ready, why in said if not ready)
    tap.ok(why and why[0] != "", f"{name}: /readyz says why", said)
    tap.is_(world.server.checkpoint()[0], size, f"{name}: the log stays as it was")
    tap.note(f"{name}: answers {got}; /readyz: {why}; clients: {world.state['refusal'][:200]}")
    world.ask("heads")
    world.ask("check newest 200")
    tap.is_(world.wrong(), {}, f"{name}: what was acknowledged is readable meanwhile")
    disk.set("")
    tap.ok(wait_for(lambda: readyz(world)[0], timeout=12 * SLOW), f"{name}: ends by itself")
    tap.is_(reader.end().failures, [], f"{name}: reads went on")
    settle(tap, world, name)


def check_calls(tap):
    rng = random.Random(SEED)
    with World("--log-level", "error", "--wal-max", "1MiB", powercut=True) as world:
        os.makedirs(world.server.data_dir, 0o700)
        disk = Disk(world.server.top)
        world.start(f"follow={disk.path}")
        wal = "suffix=provlog.db-wal"
        for fault, top, name in (
            (f"class=sync,{wal}", 8, "a sync fails"),
            (f"class=sync,how=after,{wal}", 8, "a sync fails and was done"),
            (f"class=write,{wal}", 40, "a write fails"),
            (f"class=write,how=half,{wal}", 40, "half a write"),
            (f"class=write,code=13,{wal}", 40, "the disk is full"),
        ):
            numbers = range(1, top + 1) if OFTEN > 1 else sorted(rng.sample(range(1, top + 1), 8))
            one_after_another(tap, world, disk, fault, numbers, name)
        no_memory(tap, world, disk)
        harmless(tap, world, disk, "class=write,sticky,suffix=index.db-wal", "index.db fails")
        sticky(tap, world, disk, "class=sync", "syncs go on failing")
        sticky(tap, world, disk, f"class=write,code=13,{wal}", "the disk stays full")
        world.load(0.1)
        disk.set("class=sync,sticky")
        time.sleep(0.05)
        world.kill()
        world.ask("stop")
        world.power_cut(rng.randrange(1 << 62))
        disk.set("")
        world.start()
        settle(tap, world, "a power cut while syncs fail", "all")
        tap.is_(world.server.stop(), 0, "the last life ends well")
        check_fsck(tap, world)


def check_fsck(tap, world):
    fsck = run(PROVLOGD, "fsck", "--data-dir", world.server.data_dir)
    tap.is_(fsck.returncode, 0, "fsck finds nothing")
    if fsck.returncode != 0:
        tap.note(fsck.stdout + fsck.stderr)


# ---- a real file system ----

MIB = 1 << 20


class Filler:
    """Takes the room of a file system, all but @left bytes."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "filler")

    def fill(self, left):
        """Returns the bytes that are free then."""
        folder = os.path.dirname(self.path)
        with open(self.path, "ab", buffering=0) as f:
            while True:
                room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize - left
                if room <= 0:
                    break
                try:
                    f.write(bytes(min(room, MIB)))
                except OSError:
                    break
        return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize

    def empty(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


def post(world):
    """One submission that may be refused: 0.1 s of a client's patience."""
    before = dict(world.state["status"])
    world.load(0.1 * SLOW, clients=1)
    world.ask("stop")
    now = world.state["status"]
    return {s: n - before.get(s, 0) for s, n in now.items() if n != before.get(s, 0)}


def check_floor(tap, folder):
    """Below the floor: 507 with both numbers, reads go on; above it again: writes go on."""
    filler = Filler(folder)
    args = ("--log-level", "error", "--wal-max", "1MiB", "--disk-floor-bytes", "8MiB",
            "--disk-floor-percent", "0")
    with World(*args, data_dir=os.path.join(folder, "floor")) as world:
        world.start()
        world.load(0.1)
        world.ask("stop")
        filler.fill(6 * MIB)
        got = post(world)
        refusal = world.state["refusal"]
        tap.is_(list(got), ["507"], "below the floor: 507")
        tap.ok(re.search(r"\b[56] MiB free.* 8 MiB", refusal), "it names both numbers", refusal)
        ready, why = readyz(world)
        tap.ok(not ready and "8 MiB" in why, "/readyz says why", why)
        tap.is_(world.server.get("/api/v1/log/entries?logIndex=0").status, 200, "reads go on")
        filler.empty()
        tap.is_(list(post(world)), ["201"], "with room again: 201")
        settle(tap, world, "disk floor", "all")


def check_full(tap, folder):
    """No floor: the file system itself is full, at different places of a batch."""
    filler = Filler(folder)
    args = ("--log-level", "error", "--wal-max", "1MiB", "--disk-floor-bytes", "0",
            "--disk-floor-percent", "0")
    with World(*args, data_dir=os.path.join(folder, "full")) as world:
        world.start()
        reader = Reader(world.server.url)
        refused, resumed = 0, 0
        for left in (0, 4096, 24576, 100000, 300000):
            before = dict(world.state.get("status", {}))
            world.ask("load 6")
            filler.fill(left)
            full = wait_for(lambda: failed_batches(world) > 0, timeout=0.1)
            time.sleep(0.2 * SLOW)
            filler.fill(0)
            time.sleep(0.2 * SLOW)
            refused += bool(full)
            filler.empty()
            resumed += wait_for(lambda: readyz(world)[0], timeout=10 * SLOW)
            time.sleep(0.05)
            world.ask("stop")
            got = statuses(tap, world, before, f"full but for {left} bytes")
            tap.ok(got.get("503", 0) + got.get("507", 0) > 0, "submissions were refused", got)
            after = post(world)
            tap.is_(list(after), ["201"], "with room again: 201")
            tap.note(f"full but for {left} bytes: {got}; {world.state['refusal'][:160]}")
        tap.is_(reader.end().failures, [], "reads go on beside a full disk")
        filler.fill(0)
        world.load(0.1)
        world.kill()
        world.ask("stop")
        filler.empty()
        world.start()
        settle(tap, world, "killed on a full disk", "all")
        tap.is_(world.server.stop(), 0, "the last life ends well")
        check_fsck(tap, world)


def in_namespace():
    """Goes on as the same test in a mount namespace of its own; a reason when there is none."""
    if os.environ.get(SMALL):
        return None
    for flags in ("-m", "-rm"):
        try:
            possible = subprocess.run(
                ["unshare", flags, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"],
                capture_output=True, check=False).returncode == 0
        except OSError as failed:
            return f"no unshare: {failed}"
        if possible:
            os.environ[SMALL] = "1"
            os.execvp("unshare", ["unshare", flags, sys.executable, os.path.abspath(__file__)])
    return "no mount namespace to be had"


def check_small_disk(tap, why_not):
    if why_not is not None:
        tap.skip("a small file system", why_not)
        return
    for check in (check_floor, check_full):
        folder = tempfile.mkdtemp(prefix="provlog-disk-")
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "none", folder],
                           check=True)
            check(tap, folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=False)
            os.rmdir(folder)


no_namespace = in_namespace()
tap = TAP()
tap.note(f"SEED={SEED}")
check_calls(tap)
check_small_disk(tap, no_namespace)
tap.done()
