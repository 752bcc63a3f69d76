#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""14_admin.t - the second port, metrics by promtool, settings from each source, generated documents."""
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from provlog import PROVLOGD, TAP, Server, Signer, StartFailed, request, run

tap = TAP()
top = tempfile.mkdtemp(prefix="provlog-admin-")
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")

# ---- the endpoints ----
server = Server()
tap.is_(server.admin_get("/livez").json(), {"alive": True}, "/livez")
tap.is_(server.admin_get("/startupz").json(), {"started": True}, "/startupz")
reply = server.admin_get("/readyz")
tap.is_(reply.status, 200, "/readyz: ready")
doc = reply.json()
tap.is_(doc["ready"], True, "the document says so")
tap.is_(set(doc) >= {"phase", "version", "write", "disk", "signer", "checkpoint", "clock", "queue"}, True,
        "it has the parts")
tap.is_(doc["write"], {"ok": True, "why": ""}, "the write path is good")
tap.is_(doc["signer"]["log_id"], server.key.key_id.hex(), "the signer's log id is the key's")
tap.is_(doc["checkpoint"]["size"], 1, "the checkpoint's size")
tap.ok(doc["disk"]["free_bytes"] > 0 and doc["disk"]["floor_bytes"] == 512 << 20, "disk and its floor")
tap.ok(doc["clock"]["ok"] and doc["clock"]["now"] >= doc["clock"]["last_entry"], "both times")
tap.is_(doc["pid"], server.pid, "the process id")
for path in ("/api/v1/log", "/ping", "/"):
    tap.is_(server.admin_get(path).status, 404, f"the admin port does not serve {path}")
for path in ("/livez", "/readyz", "/startupz", "/metrics"):
    tap.is_(request(server.admin, "POST", path, b"{}").status, 405, f"POST {path} is refused")
    tap.is_(server.get(path).status, 404, f"the public port does not serve {path}")
tap.is_(request(server.admin, "HEAD", "/livez").status, 200, "HEAD works")

# ---- metrics ----
signer = Signer()
proposal = signer.statement(b"model")
for _ in range(2):
    tap.is_(server.submit(proposal).status, 201, "a submission")
server.get("/api/v1/log")
server.get("/nowhere")
metrics = server.admin_get("/metrics")
tap.ok(metrics.headers["content-type"].startswith("text/plain; version=0.0.4"), "content type")
text = metrics.body.decode()
done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
tap.ok(done.returncode == 0 and not done.stderr, "promtool check metrics finds nothing", done.stderr)


def sample(name):
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


path = "/api/v1/log/entries"
tap.is_(sample("rekor_new_entries"), 1.0, "rekor_new_entries counts new ones only")
tap.is_(sample("provlog_duplicates_total"), 1.0, "and the repeat is a duplicate")
tap.is_(sample(f'rekor_qps_by_api{{path="{path}",method="POST",code="201"}}'), 2.0,
        "rekor_qps_by_api by route, method, code")
tap.is_(sample(f'rekor_latency_by_api_count{{path="{path}",method="POST"}}'), 2.0, "rekor_latency_by_api")
ns = sample(f'rekor_latency_by_api_sum{{path="{path}",method="POST"}}')
seconds = sample(f'provlog_http_request_duration_seconds_sum{{route="{path}",method="POST"}}')
tap.ok(ns and seconds and abs(ns / 1e9 - seconds) < 1e-3 * seconds, "nanoseconds there, seconds here",
       f"{ns} {seconds}")
tap.is_(sample("provlog_tree_size"), 2.0, "tree size")
tap.ok(sample('provlog_http_requests_total{route="",method="GET",code="404"}'),
       "unrouted requests have the empty route")
tap.ok("nowhere" not in text, "no path of a client's becomes a label")

# ---- health ----
done = run(PROVLOGD, "health", "--admin-listen", server.admin[len("http://"):])
tap.is_(done.returncode, 0, "health: ready")
tap.is_(json.loads(done.stdout)["ready"], True, "it prints the document")

# ---- admin.sock ----
sock_path = os.path.join(server.data_dir, "admin.sock")
tap.is_(oct(stat.S_IMODE(os.stat(sock_path).st_mode)), "0o600", "admin.sock is private")


def ask(word):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(sock_path)
        s.sendall(word)
        data = b""
        while not data.endswith(b"\n"):
            try:
                more = s.recv(4096)
            except ConnectionResetError:
                break
            if not more:
                break
            data += more
        return data


tap.is_(json.loads(ask(b"status\n"))["pid"], server.pid, "status over admin.sock")
tap.has(json.loads(ask(b"halt\n"))["error"], "known: status", "an unknown word is named")
tap.is_(ask(b"x" * 100), b"", "a word without end is dropped")

# ---- not ready ----
port = server.admin.rsplit(":", 1)[1]
server.stop()
tap.ok(not os.path.exists(sock_path), "admin.sock goes with the server")
done = run(PROVLOGD, "health", "--admin-listen", f"127.0.0.1:{port}")
tap.is_(done.returncode, 5, "health: no answer")
tap.has(done.stderr, "connect to 127.0.0.1", "it says to whom")
tap.is_(run(PROVLOGD, "health", "--admin-listen", "none").returncode, 2, "health needs an address")
# A floor above what the disk has: reads go on, submissions get 507, not ready.
full = Server("--disk-floor-bytes", "60TiB", data_dir=server.data_dir)
reply = full.admin_get("/readyz")
tap.is_(reply.status, 503, "/readyz with a full disk: 503")
doc = reply.json()
tap.is_((doc["ready"], doc["write"]["ok"]), (False, False), "the document says so")
tap.has(doc["write"]["why"], "disk", "and why")
tap.is_(full.submit(signer.statement(b"another")).status, 507, "a submission gets 507")
tap.is_(full.get("/api/v1/log/entries?logIndex=1").status, 200, "reads go on")
tap.is_(full.admin_get("/livez").status, 200, "alive all the same")
tap.is_(run(PROVLOGD, "health", "--admin-listen", full.admin[len("http://"):]).returncode, 1,
        "health: not ready")
full.close()

# ---- settings: each source, and their order ----
config = os.path.join(top, "provlogd.json")


def write_config(value):
    with open(config, "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value))


def limit_of(*args, env=None):
    """The body limit of a server so configured: the largest body that is not too large."""
    with Server(*args, data_dir=server.data_dir, env=env) as s:
        for limit in (2048, 4096, 8192):
            fits = s.post("/api/v1/log/entries", b" " * limit).status != 413
            over = s.post("/api/v1/log/entries", b" " * (limit + 1)).status == 413
            if fits and over:
                return limit
    return None


write_config({"body_max": 2048})
env = {"PROVLOG_BODY_MAX": "4KiB"}
tap.is_(limit_of("--config", config), 2048, "a setting from the file")
tap.is_(limit_of("--config", config, env=env), 4096, "the environment wins over the file")
tap.is_(limit_of("--config", config, "--body-max", "8192", env=env), 8192, "a flag wins over both")
tap.is_(limit_of(env={"PROVLOG_CONFIG": config}), 2048, "the file may be named by the environment")

for args, parts in (
    (["--threads", "x"], ["flag --threads: 'x'", "0 to 256"]),
    (["--mirror", "https://rekor.sigstore.dev,api=v1"], ["mirror", "this build has no mirror"]),
    (["--nonsense"], ["unknown flag '--nonsense'"]),
    (["--tls-cert", "/nonexistent"], ["tls_key is not"]),
    (["backup"], None),
):
    done = run(PROVLOGD, *args)
    tap.is_(done.returncode, 2, f"{' '.join(args)}: exit status 2")
    for part in parts or []:
        tap.has(done.stderr, part, f"says {part!r}")
write_config({"threads": 1, "unknown": 2})
done = run(PROVLOGD, "--config", config)
tap.is_(done.returncode, 2, "an unknown member of the file")
tap.has(done.stderr, f"file {config}: unknown: no such setting", "is named with its file")
tap.is_(run(PROVLOGD, "--check", env={"HOME": top}).returncode, 0, "--check: good settings")
tap.is_(run(PROVLOGD, "--check", "--config", config).returncode, 2, "--check: bad settings")
try:
    Server("--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.key", data_dir=server.data_dir).close()
    tap.ok(False, "a certificate that is not there")
except StartFailed as e:
    tap.has(e.stderr, "/nonexistent", "a certificate that is not there is named")

# ---- generated documents are the committed ones ----
for flag, name in (("--man", "deploy/man/provlogd.8"),
                   ("--completion", "deploy/completion/provlogd.bash"),
                   ("--schema", "schema/config.schema.json")):
    with open(os.path.join(root, name), encoding="utf-8") as f:
        tap.ok(run(PROVLOGD, flag).stdout == f.read(), f"{name} is what {flag} prints (make docs)")
with open(os.path.join(root, "schema/config.schema.json"), encoding="utf-8") as f:
    schema = json.load(f)
help_text = run(PROVLOGD, "--help").stdout
for name in schema["properties"]:
    tap.ok(f"--{name.replace('_', '-')}" in help_text, f"--help knows {name}")
tap.is_(run(PROVLOGD, "--version").stdout, run(PROVLOGD, "version").stdout, "--version and version agree")
for sub in ("init", "fsck", "backup", "restore", "health", "version"):
    tap.has(run(PROVLOGD, sub, "--help").stdout, f"Usage: provlogd {sub}", f"{sub} --help")
if shutil.which("man"):
    done = subprocess.run(["man", "--warnings", "-l", os.path.join(root, "deploy/man/provlogd.8")],
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8",
                                                              "MANWIDTH": "100"})
    tap.ok(done.returncode == 0 and not done.stderr, "the man page has no formatting errors",
           done.stderr)
completion = os.path.join(root, "deploy/completion/provlogd.bash")
script = (f'. "{completion}"; COMP_WORDS=(provlogd --log-level ""); COMP_CWORD=2; _provlogd; '
          'echo "${COMPREPLY[@]}"; COMP_WORDS=(provlogd fsck --d); COMP_CWORD=2; _provlogd; '
          'echo "${COMPREPLY[@]}"')
tap.is_(run("bash", "-c", script).stdout, "debug info warn error\n--data-dir\n", "completion completes")

# ---- make install ----
done = run("make", "-C", root, "-n", "install", f"DESTDIR={top}/dest", "PREFIX=/usr")
tap.ok(done.returncode == 0 and "provlogd.service" in done.stdout, "make install names the unit",
       done.stderr)

server.close()
shutil.rmtree(top, ignore_errors=True)
tap.done()
