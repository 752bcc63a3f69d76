#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
12_clock.t - a clock that was set back: times never go back, and far behind nothing is written.

The server's wall clock is moved by a preloaded library (tests/lib/preload/clockshift.c), which this
test builds; the monotonic clock stays.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import TAP, Server, Signer, wait_for

tap = TAP()
here = os.path.dirname(os.path.abspath(__file__))
top = tempfile.mkdtemp(prefix="provlog-clock-")
library, shift_file = os.path.join(top, "clockshift.so"), os.path.join(top, "shift")
subprocess.run([os.environ.get("CC", "cc").split()[-1], "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1",
                "-o", library, os.path.join(here, "../lib/preload/clockshift.c")], check=True)


def shift(seconds):
    with open(shift_file, "w", encoding="ascii") as f:
        f.write(f"{seconds}\n")


shift(0)
signer = Signer()
preload = library
if os.environ.get("SAN") == "address":
    # The sanitizer's own library must come first.
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True)
    preload = f"{os.path.realpath(asan.stdout.strip())}:{library}"
env = {"LD_PRELOAD": preload, "CLOCKSHIFT_FILE": shift_file}
server = Server(env=env)


def submit(text):
    return server.submit(signer.statement(text))


first = server.check_entry(submit(b"one").json())
tap.ok(abs(first["time"] - time.time()) < 10, "the time of an entry is the clock's")
shift(3600)
ahead = server.check_entry(submit(b"two").json())
tap.ok(3590 <= ahead["time"] - first["time"] <= 3700, "the clock goes ahead, so do entries",
       f"{ahead['time'] - first['time']}")
shift(3595)
back = server.check_entry(submit(b"three").json())
tap.ok(back["time"] >= ahead["time"], "a clock set back by seconds: times do not go back",
       f"{back['time']} < {ahead['time']}")
tap.is_(server.admin_get("/readyz").status, 200, "that is no reason not to be ready")

shift(0)
before = server.checkpoint()
reply = submit(b"four")
tap.is_(reply.status, 503, "an hour behind the last entry: 503")
tap.ok("retry-after" in reply.headers, "with Retry-After")
doc = server.admin_get("/readyz")
tap.is_(doc.status, 503, "not ready")
clock = doc.json()["clock"]
tap.is_(clock["ok"], False, "the clock is the reason")
tap.ok(clock["last_entry"] > clock["now"], "both times are shown", str(clock))
tap.ok(3500 < clock["behind_seconds"] <= 3600, "and the difference", str(clock))
tap.is_(server.checkpoint(), before, "nothing was appended")
tap.is_(server.get("/api/v1/log/entries?logIndex=2").status, 200, "reads go on")
tap.is_(submit(b"one").status, 201, "a known leaf is answered")

shift(3601)
tap.ok(wait_for(lambda: server.admin_get("/readyz").status == 200), "ready when the clock is back")
fourth = server.check_entry(submit(b"four").json())
tap.ok(fourth["time"] >= back["time"], "and it writes on")
tap.is_(fourth["index"], 4, "without a gap")

# ---- the same over a restart ----
shift(0)
server.restart()
tap.is_(submit(b"five").status, 503, "a restart an hour behind: 503")
tap.is_(server.admin_get("/readyz").json()["clock"]["ok"], False, "the clock is the reason")
tap.is_(server.checkpoint()[0], 5, "the log is readable")
shift(4000)
tap.ok(wait_for(lambda: submit(b"five").status == 201), "and goes on when the clock is right")

server.close()
shutil.rmtree(top, ignore_errors=True)
tap.done()
