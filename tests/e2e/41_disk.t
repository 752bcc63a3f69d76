#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
41_disk.t - a disk that fails or is full under load: nothing that was acknowledged is lost, clients
get 503 or 507, reads go on, /readyz says why, and the server recovers by itself.

First through a VFS that fails the n-th call (n over a range), then on a real file system of 16 MiB
in a mount namespace of the test's own, where the system allows one. SEED=n repeats a run.
"""
import json
import os
import random
import re
import subprocess
import sys
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


tap = TAP()
tap.note(f"SEED={SEED}")
check_calls(tap)
tap.done()
