#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
40_powercut.t - power cuts under load, over the lives of one data folder.

Each life of the real server (over a VFS that keeps unsynced writes apart) is ended by SIGKILL at a
random moment or at a random write or sync; then the cut drops and tears what was not synced. Half
of the cuts hit a server that has just come back from a SIGKILL and has served what it found.
Nothing acknowledged may be lost or changed, no checkpoint that was seen may be contradicted, and
every answer must verify. CRASH=n plays n cuts (200), SEED=n others than by chance.

The same lives must show damage when the store does not sync its commits, and when it serves what an
open finds without making it durable: a test that can't fail proves nothing.
"""
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from crash import World
from provlog import SLOW, TAP, StartFailed, run, PROVLOGD

CUTS = int(os.environ.get("CRASH", "200" if SLOW == 1 else "30"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
WITHOUT_CUTS = 150  # at most, until a server without the rule must have been found out


def a_fault(rng):
    """Half of the lives end at a random moment, half at a write or sync; syncs take their time."""
    fault = f"sync_ms={rng.choice((0, 1, 2, 3))}"
    kind = rng.randrange(4)
    if kind == 0:
        fault += f",class=sync,how=kill,nth={rng.randint(1, 30)}"
    elif kind == 1:
        fault += f",class=write,how=kill,nth={rng.randint(1, 600)}"
    return fault


def look_back(world, many):
    """What was promised before is there: each question may meet the server's death."""
    for question in ("heads", f"check newest {many}", f"check some {many // 2}", "retry"):
        world.ask(question)


def one_cut(world, rng, extra):
    """A life under load, perhaps a short one that serves what it finds, and the cut."""
    # A creation that was cut short is refused, and told: its keys may be those of a lost log.
    created = os.path.exists(os.path.join(world.server.data_dir, "provlog.db"))
    if world.start((a_fault(rng) if created else "sync_ms=0") + extra):
        look_back(world, 24)
        if rng.randrange(8) == 0 and world.alive():
            world.server.signal(signal.SIGTERM)  # and does not wait for its end
        else:
            world.load(rng.uniform(0.005, 0.06), clients=6)
    world.kill()
    if world.clients is not None:
        world.ask("stop")
        if rng.randrange(2) == 0:
            world.start(f"sync_ms=0{extra}")
            world.ask("heads")
            world.ask(rng.choice(("retry", "check newest 8")))
            world.kill()
    return world.power_cut(rng.randrange(1 << 62))


def play(world, rng, cuts, extra=""):
    """Cuts, until something is wrong. Returns what the cuts took away."""
    taken = {"unsynced": 0, "lost": 0, "torn": 0, "files_gone": 0}
    for _ in range(cuts):
        for name, value in one_cut(world, rng, extra).items():
            taken[name] += value
        if world.wrong():
            break
    return taken


def check_the_real_one(tap):
    rng = random.Random(SEED)
    begun = time.monotonic()
    with World("--log-level", "error", powercut=True) as world:
        taken = play(world, rng, CUTS)
        world.start()
        for question in ("heads all", "retry", "heads", "check all"):
            tap.ok(world.ask(question)["answered"], f"the last life answers: {question}")
        state = world.state
        code = world.server.stop()
        log = world.server.stderr(everything=True)
        tap.note(f"{world.cuts} power cuts (SEED={SEED}), {world.lives} lives, "
                 f"{time.monotonic() - begun:.1f} s")
        tap.note(f"{state['acknowledged']} acknowledged, {state['lost']} lost, "
                 f"{state['changed']} changed, {state['heads']} checkpoints seen, "
                 f"{state['forked']} contradicted, {state['unverified']} answers unverified")
        tap.note(f"the cuts met {taken['unsynced']} unsynced writes, took {taken['lost']}, tore "
                 f"{taken['torn']}, and {taken['files_gone']} files")
        tap.is_(world.cuts, CUTS, f"{CUTS} power cuts were played")
        tap.is_(world.wrong(), {}, "nothing lost, changed, contradicted or unverified")
        if world.wrong():
            tap.note(state["problem"])
            tap.note(log[-3000:])
        tap.ok(taken["lost"] > CUTS and taken["torn"] > 0, "the cuts took and tore writes", taken)
        tap.ok(state["acknowledged"] > 5 * CUTS, "there was load", state)
        tap.is_(state["size"], state["acknowledged"] + 1, "every entry of the log was acknowledged")
        tap.is_(code, 0, "the last life ends well")
        fsck = run(PROVLOGD, "fsck", "--data-dir", world.server.data_dir)
        tap.is_(fsck.returncode, 0, "fsck finds nothing")
        if fsck.returncode != 0:
            tap.note(fsck.stdout + fsck.stderr)


def check_detection(tap, extra, name):
    rng = random.Random(SEED)
    with World("--log-level", "error", powercut=True) as world:
        refused = ""
        try:
            play(world, rng, WITHOUT_CUTS, extra)
        except StartFailed as failed:
            refused = failed.stderr
        tap.ok(world.wrong(), f"{name}: found out", f"{world.cuts} cuts, {world.state} {refused}")
        tap.note(f"after {world.cuts} cuts: {world.wrong()} {world.state.get('problem')}")


tap = TAP()
check_the_real_one(tap)
check_detection(tap, ";synchronous=NORMAL", "commits that are not synced (synchronous=NORMAL)")
check_detection(tap, ";no-tail-rule", "the tail rule taken out")
tap.done()
