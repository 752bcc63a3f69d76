# SPDX-License-Identifier: Apache-2.0
"""crash.py - a server that dies, and clients that remember: what the crash tests share.

    world = World(powercut=True)        # build/tests/provlogd-fault in a fresh folder
    world.start()
    world.ask("load 8"); time.sleep(0.1); world.kill(); world.ask("stop")
    world.power_cut(seed=1)
    world.start(); world.check("newest 20")
    world.state                         # what build/tests/crashload said last

tests/fault/main_crashload.c says what can be asked; tests/fault/main_provlogd_fault.c what a fault is.
"""
import json
import os
import subprocess
import time

from provlog import BUILD, SLOW, Server, StartFailed

FAULT = os.path.join(os.path.abspath(BUILD), "tests")
WRONG = ("lost", "changed", "forked", "unverified")


class World:
    def __init__(self, *args, powercut=False, data_dir=None, binary=None):
        self.powercut = powercut
        binary = binary or os.path.join(FAULT, "provlogd-fault")
        self.server = Server(*args, start=False, binary=binary, data_dir=data_dir)
        self.clients = None
        self.state = {}
        self.cuts = self.lives = 0

    def start(self, fault=""):
        """Starts the server under @fault (words of PROVLOG_FAULT); False: it was killed by it."""
        words = (["powercut"] if self.powercut else []) + ([fault] if fault else [])
        self.server.env = {"PROVLOG_FAULT": ";".join(words)} if words else {}
        self.lives += 1
        try:
            self.server.start()
        except StartFailed as failed:
            if failed.code is not None and failed.code == -9 and "how=kill" in fault:
                return False
            raise
        if self.clients is None:
            self.clients = subprocess.Popen(
                [os.path.join(FAULT, "crashload"), self.server.ready["v1_public_key"]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
        self.ask(f"server {self.server.url.rsplit(':', 1)[1]}")
        return True

    def ask(self, line):
        self.clients.stdin.write(line + "\n")
        answer = self.clients.stdout.readline()
        if not answer:
            raise RuntimeError(f"crashload ended at {line!r}")
        self.state = json.loads(answer) or self.state
        return self.state

    def load(self, seconds, clients=8):
        """Load for a while, or until the server has died of its fault."""
        self.ask(f"load {clients}")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.alive():
            time.sleep(min(0.01, max(deadline - time.monotonic(), 0)))

    def alive(self):
        return self.server.process is not None and self.server.process.poll() is None

    def kill(self):
        self.server.kill()

    def power_cut(self, seed):
        done = subprocess.run(
            [os.path.join(FAULT, "powercut"), self.server.data_dir, str(seed)],
            capture_output=True,
            text=True,
            check=True,
        )
        self.cuts += 1
        return json.loads(done.stdout)

    def wrong(self):
        """What was acknowledged and does not hold: {} when all is well."""
        return {name: self.state[name] for name in WRONG if self.state.get(name)}

    def close(self):
        if self.clients is not None:
            self.clients.stdin.close()
            self.clients.wait(30 * SLOW)
            self.clients.stdout.close()
        self.server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
