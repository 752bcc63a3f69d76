# SPDX-License-Identifier: Apache-2.0
"""provlog.py - what end-to-end tests share: TAP, a real server on port 0, HTTP, and checks of answers.

    import sys, os; sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
    from provlog import TAP, Server, Signer

    tap = TAP()
    with Server() as server:                # build/provlogd --ready-json in a fresh folder
        reply = server.submit(Signer().statement(b"model", "model.bin"))
        tap.is_(reply.status, 201, "an attestation is taken")
        tap.ok(server.check_entry(reply.json()), "SET, proof and checkpoint hold")
    tap.done()

Nothing here trusts the server: check_entry() recomputes leaf, proof, SET and checkpoint.
"""
import base64
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

from p256 import PrivateKey, PublicKey

BUILD = os.environ.get("PROVLOG_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
PROVLOGD = os.path.join(os.path.abspath(BUILD), "provlogd")
PROVLOG = os.path.join(os.path.abspath(BUILD), "provlog")
# Sanitizers slow everything down; deadlines of tests are multiplied by this.
SLOW = 5 if os.environ.get("SAN") else 1


class TAP:
    """Numbers the checks; done() prints the plan and exits 1 when one failed."""

    def __init__(self):
        self.count = self.failed = 0
        # An exception is a failed check, not a silent end.
        sys.excepthook = self._crash

    def ok(self, condition, name, why=None):
        self.count += 1
        print(f"{'ok' if condition else 'not ok'} {self.count} - {name}".replace("#", "\\#"))
        if not condition:
            self.failed += 1
            if why is not None:
                self.note(why)
        sys.stdout.flush()
        return bool(condition)

    def is_(self, got, want, name):
        return self.ok(got == want, name, f"got {got!r}\nwant {want!r}")

    def has(self, text, part, name):
        return self.ok(part in text, name, f"{part!r} is not in {text!r}")

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}")

    def note(self, text):
        for line in str(text)[:4000].splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.count}")
        sys.stdout.flush()
        sys.exit(1 if self.failed or not self.count else 0)

    def _crash(self, kind, value, trace):
        for server in list(Server.running):
            lines = server.stderr().splitlines()
            self.note("\n".join(x for x in lines if '"http.request"' not in x)[-4000:])
        self.count += 1
        self.failed += 1
        print(f"not ok {self.count} - no exception in the test")
        self.note("".join(traceback.format_exception(kind, value, trace)))
        print(f"1..{self.count}")
        sys.stdout.flush()
        os._exit(1)


# ---- HTTP ----


class Reply:
    def __init__(self, status, headers, body, raw_head):
        self.status, self.headers, self.body, self.raw_head = status, headers, body, raw_head

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<Reply {self.status} {self.body[:300]!r}>"


class ClosedEarly(ConnectionError):
    """The peer closed before a whole answer came; .got is what did."""

    def __init__(self, got):
        super().__init__(f"connection closed after {len(got)} bytes: {got[:200]!r}")
        self.got = got


class Connection:
    """A raw connection: send bytes, read whole answers. url: http://HOST:PORT or unix:/PATH."""

    def __init__(self, url, timeout=10 * SLOW):
        if url.startswith("unix:"):
            self.host = "localhost"
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(url[5:])
        else:
            parts = urllib.parse.urlsplit(url)
            self.host = parts.netloc
            self.sock = socket.create_connection((parts.hostname, parts.port), timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ClosedEarly(self.buffer)
        self.buffer += data

    def read_reply(self, head_only=False):
        """One answer. head_only: the answer to a HEAD request."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        if 100 <= status < 200:
            return Reply(status, headers, b"", head)
        body = b""
        if head_only or status in (204, 304):
            pass
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks()
        elif "content-length" in headers:
            size = int(headers["content-length"])
            while len(self.buffer) < size:
                self._more()
            body, self.buffer = self.buffer[:size], self.buffer[size:]
        else:
            try:
                while True:
                    self._more()
            except ClosedEarly:
                body, self.buffer = self.buffer, b""
        return Reply(status, headers, body, head)

    def _read_chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._more()
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            while len(self.buffer) < size + 2:
                self._more()
            body, self.buffer = body + self.buffer[:size], self.buffer[size + 2 :]
            if size == 0:
                return body

    def request(self, method, path, body=None, headers=None):
        """One request and its answer on this connection (keep-alive)."""
        fields = {"Host": self.host}
        if body is not None:
            fields["Content-Length"] = str(len(body))
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        head = f"{method} {path} HTTP/1.1\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v is not None)
        self.send(head.encode() + b"\r\n" + (body or b""))
        return self.read_reply(head_only=method == "HEAD")

    def is_open(self, wait=0.5):
        """False when the peer has closed: nothing to read within @wait seconds means open."""
        readable, _, _ = select.select([self.sock], [], [], wait)
        if not readable:
            return True
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except ConnectionError:
            return False

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(url, method, path, body=None, headers=None, timeout=10 * SLOW):
    """One request on a connection of its own."""
    if isinstance(body, str):
        body = body.encode()
    elif isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    with Connection(url, timeout) as connection:
        return connection.request(method, path, body, {"Connection": "close", **(headers or {})})


# ---- attestations ----


def pae(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


class Signer:
    """A key that makes DSSE envelopes and Rekor proposals."""

    def __init__(self, key=None):
        self.key = key or PrivateKey.new()

    def envelope(self, payload, payload_type="application/vnd.in-toto+json"):
        sig = self.key.sign(pae(payload_type, payload))
        return json.dumps(
            {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": payload_type,
                "signatures": [{"sig": base64.b64encode(sig).decode()}],
            }
        )

    def proposal(self, envelope):
        pem = base64.b64encode(self.key.public.pem.encode()).decode()
        content = {"envelope": envelope, "verifiers": [pem]}
        return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": content}}

    def statement(self, artifact, name="model.bin", predicate=None):
        """A dsse proposal of an in-toto statement over @artifact (bytes)."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": hashlib.sha256(artifact).hexdigest()}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": predicate or {"buildDefinition": {"buildType": "https://example.com/b"}},
        }
        return self.proposal(self.envelope(json.dumps(statement).encode()))

    def hashedrekord(self, artifact):
        sig = base64.b64encode(self.key.sign(artifact)).decode()
        pem = base64.b64encode(self.key.public.pem.encode()).decode()
        digest = {"algorithm": "sha256", "value": hashlib.sha256(artifact).hexdigest()}
        spec = {
            "data": {"hash": digest},
            "signature": {"content": sig, "publicKey": {"content": pem}},
        }
        return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


# ---- the tree, by RFC 6962 and RFC 9162 section 2.1.3.2 and 2.1.4.2 ----


def leaf_hash(body):
    return hashlib.sha256(b"\0" + body).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_from_inclusion(index, size, leaf, proof):
    """The root that @proof leads to, or None when it does not fit index and size."""
    if index >= size:
        return None
    fn, sn, root = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = node_hash(step, root)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            root = node_hash(root, step)
        fn >>= 1
        sn >>= 1
    return root if sn == 0 else None


def consistent(old_size, old_root, new_size, new_root, proof):
    if old_size == new_size:
        return not proof and old_root == new_root
    if not 0 < old_size < new_size:
        return False
    proof = list(proof)
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return False
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = proof[0]
    for step in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(step, fr), node_hash(step, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, step)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == old_root and sr == new_root


class BadCheckpoint(ValueError):
    pass


def open_checkpoint(note, key):
    """(size, root, origin) of a Rekor v1 checkpoint that @key signed; raises BadCheckpoint."""
    text, _, tail = note.partition("\n\n")
    text += "\n"
    lines = text.split("\n")
    if len(lines) < 4 or not tail.endswith("\n") or tail.count("\n") != 1:
        raise BadCheckpoint(f"not a checkpoint with one signature: {note!r}")
    dash, name, sig = tail[:-1].split(" ")
    raw = base64.b64decode(sig, validate=True)
    if dash != "\u2014" or lines[0].rsplit(" - ", 1)[0] != name or raw[:4] != key.key_id[:4]:
        raise BadCheckpoint(f"signer does not fit: {note!r}")
    if not key.verify(raw[4:], text.encode()):
        raise BadCheckpoint(f"the signature does not verify: {note!r}")
    return int(lines[1]), base64.b64decode(lines[2], validate=True), lines[0]


def check_entry(answer, key, may_lack_set=False):
    """
    Checks one LogEntry answer (of POST or GET) by the log's public key: leaf, id, SET, inclusion
    proof, checkpoint. Returns a dict of what it says; raises AssertionError naming what is wrong.
    """
    assert len(answer) == 1, f"{len(answer)} entries in the answer"
    ((uuid, entry),) = answer.items()
    body = base64.b64decode(entry["body"], validate=True)
    leaf = leaf_hash(body)
    assert len(uuid) == 80 and uuid[16:] == leaf.hex(), f"{uuid} is not the leaf hash {leaf.hex()}"
    assert entry["logID"] == key.key_id.hex(), "another log's id"
    verification = entry["verification"]
    message = '{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":%d}' % (
        entry["body"],
        entry["integratedTime"],
        entry["logID"],
        entry["logIndex"],
    )
    if may_lack_set and "signedEntryTimestamp" not in verification:
        sig = None
    else:
        sig = base64.b64decode(verification["signedEntryTimestamp"], validate=True)
        assert key.verify(sig, message.encode()), "the SET does not verify"
    proof = verification["inclusionProof"]
    size, root, origin = open_checkpoint(proof["checkpoint"], key)
    assert proof["treeSize"] == size and proof["rootHash"] == root.hex(), "proof and checkpoint differ"
    assert int(origin.rsplit(" - ", 1)[1]) == int(uuid[:16], 16), "tree id differs"
    hashes = [bytes.fromhex(h) for h in proof["hashes"]]
    got = root_from_inclusion(proof["logIndex"], size, leaf, hashes)
    assert got == root, f"the proof of {entry['logIndex']} in {size} does not lead to the root"
    return {
        "uuid": uuid,
        "index": entry["logIndex"],
        "time": entry["integratedTime"],
        "body": body,
        "size": size,
        "root": root,
        "set": sig,
    }


# ---- the server ----


class StartFailed(Exception):
    """The server ended instead of getting ready; .code and .stderr say why."""

    def __init__(self, code, stderr):
        super().__init__(f"provlogd ended with {code}: {stderr}")
        self.code, self.stderr = code, stderr


def run(*args, env=None, timeout=60 * SLOW, input=None):
    """Runs one command to its end; .returncode, .stdout, .stderr (text)."""
    return subprocess.run(
        args,
        env={**clean_env(), **(env or {})},
        input=input,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def clean_env():
    """The environment without settings of provlog's that a user may have."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PROVLOG_", "LISTEN_"))}
    for name in ("STATE_DIRECTORY", "NOTIFY_SOCKET"):
        env.pop(name, None)
    return env


class Server:
    """
    A provlogd on 127.0.0.1, port 0. Server(data_dir=D) keeps D, else a fresh folder goes with it.
    @args are further flags, @env further environment. start=False: call start() yourself.
    """

    running = set()  # all that are not closed

    def __init__(self, *args, data_dir=None, env=None, start=True, timeout=20 * SLOW, admin=True,
                 listen="127.0.0.1:0", pass_fds=(), binary=None):
        self.own = data_dir is None
        self.top = tempfile.mkdtemp(prefix="provlog-test-") if self.own else None
        self.data_dir = data_dir or os.path.join(self.top, "data")
        self.args, self.env, self.timeout = list(args), env or {}, timeout
        self.admin_listen = "127.0.0.1:0" if admin else "none"
        self.listen, self.pass_fds, self.binary = listen, pass_fds, binary or PROVLOGD
        self.process = self.ready = None
        Server.running.add(self)
        self._log, self._log_from = tempfile.TemporaryFile(), 0
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    def start(self, *more_args):
        """Starts and waits for the ready line. Raises StartFailed."""
        command = [self.binary, "--data-dir", self.data_dir, "--ready-json"]
        if self.listen is not None:
            command += ["--listen", self.listen]
        command += ["--admin-listen", self.admin_listen, *self.args, *more_args]
        self._log_from = self._log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**clean_env(), **self.env},
            pass_fds=self.pass_fds,
        )
        self._wait_ready()
        return self

    def _wait_ready(self):
        deadline, text = time.monotonic() + self.timeout, b""
        fd = self.process.stdout.fileno()
        while b"\n" not in text:
            left = deadline - time.monotonic()
            readable = select.select([fd], [], [], max(left, 0))[0] if left > 0 else []
            data = os.read(fd, 65536) if readable else None
            if data is None:
                self.kill()
                raise StartFailed(None, f"not ready in {self.timeout} s\n" + self.stderr())
            if data == b"":
                code = self.process.wait(self.timeout)
                self.process.stdout.close()
                self.process = None
                raise StartFailed(code, self.stderr())
            text += data
        self.ready = json.loads(text)

    # what the ready line said
    @property
    def url(self):
        return self.ready["listen"][0]

    @property
    def admin(self):
        return self.ready["admin"]

    @property
    def pid(self):
        return self.process.pid

    @property
    def key(self):
        """The log's public key, from the file that the ready line names."""
        with open(self.ready["v1_public_key"], encoding="ascii") as f:
            return PublicKey.from_pem(f.read())

    def stderr(self, everything=False):
        """What it logged since the last start."""
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(0 if everything else self._log_from)
        text = self._log.read().decode(errors="replace")
        self._log.seek(end)
        return text

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=None):
        """Waits for the end; returns the exit status."""
        code = self.process.wait(timeout or self.timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def restart(self, *more_args):
        self.stop()
        return self.start(*more_args)

    def close(self):
        self.kill()
        if self not in Server.running:
            return
        Server.running.discard(self)
        text = self.stderr(everything=True)
        # A sanitizer's report is never lost.
        if "Sanitizer" in text:
            print("".join(f"# {line}\n" for line in text.splitlines() if not line.startswith("{")))
        self._log.close()
        if self.own and self.top:
            shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # requests
    def request(self, method, path, body=None, headers=None, timeout=10 * SLOW):
        return request(self.url, method, path, body, headers, timeout)

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def admin_get(self, path):
        return request(self.admin, "GET", path)

    def connect(self, timeout=10 * SLOW):
        return Connection(self.url, timeout)

    def submit(self, proposal):
        return self.post("/api/v1/log/entries", proposal)

    def check_entry(self, answer, may_lack_set=False):
        return check_entry(answer, self.key, may_lack_set)

    def checkpoint(self):
        """(size, root, origin) of the log as it says it is now, signature checked."""
        return open_checkpoint(self.get("/api/v1/log").json()["signedTreeHead"], self.key)

    def check_consistency(self, old, new):
        """Raises AssertionError unless the log proves that checkpoint @new extends @old."""
        if old[0] == new[0]:
            assert old[1] == new[1], f"two roots for size {old[0]}"
            return
        path = f"/api/v1/log/proof?firstSize={old[0]}&lastSize={new[0]}"
        proof = [bytes.fromhex(h) for h in self.get(path).json()["hashes"] or []]
        assert consistent(old[0], old[1], new[0], new[1], proof), f"{old[0]} to {new[0]}: no proof"


def free_port():
    """A port that was free a moment ago. Prefer port 0."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, timeout=10 * SLOW, step=0.02):
    """Calls @condition until it gives something true; the last value when time is up."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)


def reset_connection(sock):
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
