#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""13_signals.t - SIGTERM drains; SIGUSR2 upgrades in place under load; sockets come from systemd."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import (PROVLOGD, SLOW, TAP, Connection, Server, Signer, StartFailed, clean_env, request,
                     wait_for)

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-signals-")
signer = Signer()


class Load:
    """Clients that submit until told to stop; what was answered, and what failed."""

    def __init__(self, server, clients=4, reuse=False):
        self.server, self.url, self.reuse = server, server.url, reuse
        self.answered, self.failed, self.reset, self.refused = {}, [], [], 0
        self.stop_event = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]
        for t in self.threads:
            t.start()

    def _run(self, n):
        i = 0
        while not self.stop_event.is_set():
            text = b"load %d %d %d" % (id(self), n, i)
            i += 1
            body = json.dumps(signer.statement(text)).encode()
            try:
                reply = request(self.url, "POST", "/api/v1/log/entries", body, timeout=30 * SLOW)
            except ConnectionRefusedError:
                self.refused += 1
                if self.stop_event.wait(0.01):
                    return
                continue
            except ConnectionResetError as e:
                # Nothing of an answer came: it reached the socket while that was being closed.
                self.reset.append(repr(e))
                continue
            except OSError as e:
                self.failed.append(repr(e))
                continue
            if reply.status != 201:
                self.failed.append(repr(reply))
                continue
            self.answered.update(reply.json())

    def stop(self):
        self.stop_event.set()
        for t in self.threads:
            t.join()


def all_there(server, answered):
    """Every acknowledged entry is served as it was answered."""
    for uuid, entry in answered.items():
        got = server.get(f"/api/v1/log/entries/{uuid}").json()
        ((got_uuid, got_entry),) = got.items()
        for member in ("body", "integratedTime", "logIndex"):
            if (got_uuid, got_entry[member]) != (uuid, entry[member]):
                return f"{uuid}: {got_entry[member]} is not {entry[member]}"
    return None


# ---- SIGTERM under load ----
server = Server(data_dir=os.path.join(top, "data"))
load = Load(server)
wait_for(lambda: len(load.answered) > 50)
idle = server.connect()
idle.request("GET", "/ping")
slow = server.connect()  # a request that is under way when the signal comes
body = json.dumps(signer.statement(b"slow one")).encode()
slow.send(b"POST /api/v1/log/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
          b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
time.sleep(0.2)
server.signal(signal.SIGTERM)
wait_for(lambda: load.refused > 0)
slow.send(body[10:])
reply = slow.read_reply()
tap.is_(reply.status, 201, "a request that was under way is finished")
tap.is_(reply.headers.get("connection"), "close", "its answer says that the connection ends")
tap.ok(not idle.is_open(wait=2), "an idle connection is closed")
code = server.wait()
load.stop()
if not tap.is_(code, 0, "SIGTERM ends with 0"):
    tap.note(server.stderr()[-4000:])
tap.is_(load.failed, [], "no request was answered with an error or cut")
tap.ok(len(load.reset) <= 1, "no connection was lost in the backlog", load.reset)
tap.ok(load.refused > 0, "later ones are refused")
load.answered.update(reply.json())
server.start()
tap.is_(all_there(server, load.answered), None, f"all {len(load.answered)} acknowledged entries are there")

# ---- a second SIGTERM ends at once; a client that never finishes does not hold it for ever ----
hanging = server.connect()
hanging.send(b"POST /api/v1/log/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Content-Length: 100\r\n\r\n{")
time.sleep(0.2)
server.signal(signal.SIGTERM)
time.sleep(0.3)
tap.ok(server.process.poll() is None, "SIGTERM waits for a request")
tap.is_(server.admin_get("/readyz").status, 503, "draining is not ready")
tap.is_(server.admin_get("/readyz").json()["phase"], "draining", "and says so")
tap.is_(server.admin_get("/livez").status, 200, "but alive")
begun = time.monotonic()
server.signal(signal.SIGTERM)
tap.is_(server.wait(), 1, "a second SIGTERM ends at once")
tap.ok(time.monotonic() - begun < 1 * SLOW, "at once")
hanging.close()
server.start("--drain-timeout", "500ms")
hanging = server.connect()
hanging.send(b"POST /api/v1/log/entries HTTP/1.1\r\nHost: x\r\n")
time.sleep(0.2)
begun = time.monotonic()
server.signal(signal.SIGTERM)
tap.is_(server.wait(), 0, "the drain is bounded")
tap.ok(0.3 < time.monotonic() - begun < 3 * SLOW, "by drain_timeout", f"{time.monotonic() - begun}")
hanging.close()
server.close()

# ---- SIGTERM while an upgrade drains: the running request is answered, then it ends as ever ----
server = Server()
hanging = server.connect()
body = json.dumps(signer.statement(b"between two signals")).encode()
hanging.send(b"POST /api/v1/log/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
time.sleep(0.2)
server.signal(signal.SIGUSR2)
wait_for(lambda: server.admin_get("/readyz").json()["phase"] == "draining")
server.signal(signal.SIGTERM)
time.sleep(0.2)
waiting = server.connect()  # in the backlog
waiting.send(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
hanging.send(body[10:])
tap.is_(hanging.read_reply().status, 201, "SIGTERM during an upgrade: the running request is answered")
tap.is_(waiting.read_reply().status, 200, "so is the one in the backlog")
tap.is_(server.wait(), 0, "and it ends with 0")
hanging.close()
waiting.close()
server.close()

# ---- SIGUSR2 under load ----
binary = os.path.join(top, "provlogd")
shutil.copy(PROVLOGD, binary)
server = Server(data_dir=os.path.join(top, "data"), binary=binary)
before = server.checkpoint()
load = Load(server)
started = server.admin_get("/readyz").json()["started_ms"]
for i in range(5):
    have = len(load.answered)
    wait_for(lambda: len(load.answered) > have + 20)
    # A package manager puts a new file in the old one's place.
    shutil.copy(PROVLOGD, binary + ".new")
    os.rename(binary + ".new", binary)
    server.signal(signal.SIGUSR2)

    def upgraded():
        doc = server.admin_get("/readyz").json()
        return doc["ready"] and doc["started_ms"] != started and doc

    doc = wait_for(upgraded, 20 * SLOW)
    if not tap.ok(doc, f"upgrade {i + 1}: serves again"):
        tap.note(server.stderr())
        break
    tap.is_(doc["pid"], server.pid, "in the same process")
    started = doc["started_ms"]
have = len(load.answered)
wait_for(lambda: len(load.answered) > have + 20)
load.stop()
tap.is_(load.failed + load.reset, [], f"no request of {len(load.answered)} failed")
tap.is_(load.refused, 0, "no connection was refused")
tap.is_(all_there(server, load.answered), None, "all acknowledged entries are there")
server.check_consistency(before, server.checkpoint())
tap.ok(True, "one history")

# ---- an upgrade that can't be ----
with open(binary + ".new", "w", encoding="ascii") as f:
    f.write("#!/bin/sh\nexit 3\n")
os.chmod(binary + ".new", 0o755)
os.rename(binary + ".new", binary)
server.signal(signal.SIGUSR2)
tap.ok(wait_for(lambda: "upgrade.refused" in server.stderr()), "a program that fails its check is refused")
tap.is_(server.get("/ping").status, 200, "the old one serves on")
# One that passes the check but can't be run then: it removes itself.
with open(binary + ".new", "w", encoding="ascii") as f:
    f.write('#!/bin/sh\nrm "$0"\nexit 0\n')
os.chmod(binary + ".new", 0o755)
os.rename(binary + ".new", binary)
server.signal(signal.SIGUSR2)
tap.ok(wait_for(lambda: "upgrade.failed" in server.stderr()), "an execve that fails is logged")
tap.ok(wait_for(lambda: server.admin_get("/readyz").status == 200), "it is ready again")
entry = server.check_entry(server.submit(signer.statement(b"after a failed upgrade")).json())
tap.ok(entry["index"] > 0, "and takes submissions")
tap.is_(server.stop(), 0, "and ends as ever")
server.close()

# ---- SIGHUP does the same where stderr is no terminal: the settings are read anew ----
config = os.path.join(top, "config.json")
with open(config, "w", encoding="ascii") as f:
    json.dump({"body_max": 4096}, f)
server = Server("--config", config, data_dir=os.path.join(top, "data"))
big = b'{"x":"' + b"x" * 5000 + b'"}'
tap.is_(server.post("/api/v1/log/entries", big).status, 413, "a body over the limit")
with open(config, "w", encoding="ascii") as f:
    json.dump({"body_max": 8192}, f)
server.signal(signal.SIGHUP)
tap.ok(wait_for(lambda: server.post("/api/v1/log/entries", big).status != 413), "SIGHUP: new settings")
with open(config, "w", encoding="ascii") as f:
    f.write("{")
server.signal(signal.SIGHUP)
tap.ok(wait_for(lambda: "upgrade.refused" in server.stderr()), "settings that don't parse are refused")
tap.is_(server.get("/ping").status, 200, "and it serves on")
server.close()

# ---- sockets from systemd ----
def start_passed(names, sockets, *args, pid=True):
    """Starts with @sockets as descriptors 3..; LISTEN_PID can only be known in the child."""
    script = ("import os,sys\nfds=%r\ntmp=[os.dup(fd) for fd in fds]\n"
              "tmp=[__import__('fcntl').fcntl(fd,0,50+i) for i,fd in enumerate(tmp)]\n"
              "for i,fd in enumerate(tmp): os.dup2(fd,3+i)\n"
              "os.environ['LISTEN_PID']=str(os.getpid() if %r else 1)\n"
              "os.environ['LISTEN_FDS']=str(len(fds))\nos.environ['LISTEN_FDNAMES']=%r\n"
              "os.execv(sys.argv[1],sys.argv[1:])\n")
    script %= ([s.fileno() for s in sockets], pid, names)
    process = subprocess.Popen([sys.executable, "-c", script, PROVLOGD, "--data-dir",
                                os.path.join(top, "data"), "--ready-json", *args],
                               env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               pass_fds=[s.fileno() for s in sockets])
    line = process.stdout.readline()
    return process, json.loads(line) if line else process.communicate()[1].decode()


def listening(*address):
    s = socket.socket(socket.AF_UNIX if len(address) == 1 else socket.AF_INET)
    s.bind(address[0] if len(address) == 1 else address)
    s.listen(64)
    return s


public, admin = listening("127.0.0.1", 0), listening("127.0.0.1", 0)
local = listening(os.path.join(top, "passed.sock"))
early = Connection(f"http://127.0.0.1:{public.getsockname()[1]}")  # before anyone serves
early.send(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
process, ready = start_passed("public:admin:local", [public, admin, local], "--listen", "127.0.0.1:1")
if tap.ok(isinstance(ready, dict), "sockets are taken from LISTEN_FDS", ready):
    url = f"http://127.0.0.1:{public.getsockname()[1]}"
    tap.is_(ready["listen"], [url, f"unix:{top}/passed.sock"], "they take the place of --listen")
    tap.is_(ready["admin"], f"http://127.0.0.1:{admin.getsockname()[1]}", "the one named admin is the admin port")
    tap.is_(early.read_reply().status, 200, "a connection from before the start is answered")
    tap.is_(request(f"unix:{top}/passed.sock", "GET", "/ping").status, 200, "the Unix socket serves")
    tap.is_(request(ready["admin"], "GET", "/livez").status, 200, "the admin port serves")
    started = request(ready["admin"], "GET", "/readyz").json()["started_ms"]
    process.send_signal(signal.SIGUSR2)
    tap.ok(wait_for(lambda: request(ready["admin"], "GET", "/readyz").json().get("started_ms")
                    not in (started, None)), "an upgrade keeps them")
    tap.is_(request(f"unix:{top}/passed.sock", "GET", "/ping").status, 200, "all of them")
    tap.is_(request(url, "GET", "/ping").status, 200, "really all")
process.terminate()
process.communicate()
tap.is_(process.returncode, 0, "SIGTERM ends it")
tap.ok(os.path.exists(os.path.join(top, "passed.sock")), "systemd's socket file stays")
process, ready = start_passed("public", [public], "--listen", "127.0.0.1:0", "--admin-listen", "none", pid=False)
tap.ok(isinstance(ready, dict) and not ready["listen"][0].endswith(f":{public.getsockname()[1]}"),
       "LISTEN_FDS of another process is not ours", str(ready))
process.terminate()
process.communicate()

# ---- sd_notify ----
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(os.path.join(top, "notify"))
notify.settimeout(10 * SLOW)
server = Server(data_dir=os.path.join(top, "data"), env={"NOTIFY_SOCKET": os.path.join(top, "notify")})
tap.ok(notify.recv(4096).startswith(b"READY=1\n"), "READY=1 when it serves")
server.stop()
tap.ok(notify.recv(4096).startswith(b"STOPPING=1\n"), "STOPPING=1 when it drains")
server.close()

shutil.rmtree(top, ignore_errors=True)
tap.done()
