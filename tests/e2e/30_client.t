#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""30_client.t - the client against the real server: every subcommand, every exit status."""
import base64
import copy
import glob
import hashlib
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import tempfile
import termios

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(TOP, "tests/lib"))
from provlog import PROVLOG, SLOW, TAP, Server, clean_env, run  # noqa: E402

OK, VERIFY, USAGE, NOTFOUND, REFUSED, TROUBLE = range(6)
CHAINS = os.path.join(TOP, "tests/data/chains/signed")
MODEL = "e1fb315f15213424e401a17bb6becab0f328e51180c7c4af94d9a761802128e7"

tap = TAP()
work = tempfile.TemporaryDirectory(prefix="provlog-client-")
os.chdir(work.name)


def cli(*args, env=None, input=None, password="pw"):
    env = {**(env or {}), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    if password is not None:
        env["COSIGN_PASSWORD"] = password
    return run(PROVLOG, *args, env=env, input=input, timeout=60 * SLOW)


def ends(got, want, name, part=None):
    """The exit status, and that @part is said on standard error."""
    good = got.returncode == want and (part is None or part in got.stderr)
    # Sanitizers end a program with 1, as a failed verification does.
    good = good and "runtime error" not in got.stderr and "Sanitizer" not in got.stderr
    tap.ok(good, name, f"status {got.returncode}, want {want}, {part!r}\n{got.stdout}\n{got.stderr}")
    return got


def read(path, mode="r"):
    with open(path, mode) as f:
        return f.read()


def write(path, data):
    with open(path, "wb" if isinstance(data, bytes) else "w") as f:
        f.write(data)


server = Server()
S = ("--server", server.url)

# ---- keygen ----
ends(cli("keygen", "--out", "my"), OK, "keygen makes a pair")
tap.is_(stat.S_IMODE(os.stat("my.key").st_mode), 0o600, "the private key is for its owner only")
tap.has(read("my.key"), "ENCRYPTED SIGSTORE PRIVATE KEY", "it is in cosign's form")
before = read("my.key")
ends(cli("keygen", "--out", "my"), USAGE, "an existing pair is not overwritten", "not overwritten")
os.remove("my.pub")
ends(cli("keygen", "--out", "my"), USAGE, "nor half of one", "my.key exists")
tap.is_(read("my.key"), before, "and stays as it was")
os.remove("my.key")
ends(cli("keygen", "--out", "my"), OK, "keygen again")
ends(cli("keygen", "--out", "other", password=""), OK, "an empty password will do")
spki = run("openssl", "pkey", "-pubin", "-in", "my.pub", "-outform", "DER", "-out", "my.der")
tap.is_(spki.returncode, 0, "OpenSSL reads the public key")
no_terminal = subprocess.run(
    [PROVLOG, "keygen", "--out", "none"], env=clean_env(), capture_output=True, text=True,
    start_new_session=True, stdin=subprocess.DEVNULL, check=False, timeout=60)
ends(no_terminal, USAGE, "without password and terminal it says how to give one", "COSIGN_PASSWORD")



def at_terminal(*typed):
    """keygen at a terminal of its own: wait status, whether echo is on afterwards, what was shown."""
    signal.alarm(30 * SLOW)  # a prompt that never comes ends the test
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(PROVLOG, ["provlog", "keygen", "--out", "typed"], clean_env())
    shown, on = b"", True
    for line in typed:
        while not shown.endswith(b": "):
            shown += os.read(fd, 4096)
        os.write(fd, line)
        shown += b"|"
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        on = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
    status = os.waitpid(pid, 0)[1]
    os.close(fd)
    signal.alarm(0)
    return status, on, shown


status, on, shown = at_terminal(b"one\n", b"two\n")
tap.ok(os.WEXITSTATUS(status) == USAGE and b"passwords differ" in shown, "two passwords that differ", shown)
status, on, shown = at_terminal(b"\x03")
tap.ok(os.WIFSIGNALED(status) and on, "Ctrl-C at the prompt ends it and gives the echo back", (status, on, shown))
tap.ok(not os.path.exists("typed.key"), "and neither makes a key")
status, on, shown = at_terminal(b"same\n", b"same\n")
tap.ok(status == 0 and on and b"same\n" not in shown.replace(b"the same again", b""), "a typed password, not shown", shown)

# ---- trust export ----
got = ends(cli("trust", "export", *S), OK, "trust export")
tap.has(got.stderr, "warning: trusting the key", "a key from the server itself is warned of")
write("root.json", got.stdout)
tap.is_(json.loads(got.stdout)["tlogs"][0]["publicKey"]["rawBytes"] is not None, True, "it is a root")
T = ("--trusted-root", "root.json")
write("log.pub", read(server.ready["v1_public_key"]))
got = ends(cli("trust", "export", *S, "--log-key", "log.pub", "--out", "root2.json"), OK, "to a file")
tap.is_((read("root2.json"), got.stderr), (read("root.json"), ""), "the same, without a warning")
ends(cli("trust", "export", *S, "--log-key", "my.pub"), VERIFY, "a root without the pinned key")
got = cli("trust", "export", *S, "--fingerprint")
tap.is_((got.stdout.split()[0], got.stderr), (server.key.key_id.hex(), ""), "the fingerprint is that of the log's key")

# ---- attest ----
os.makedirs("model/sub")
write("model/a.bin", b"weights")
write("model/sub/b.bin", b"more")
write("pred.json", json.dumps({"buildDefinition": {"buildType": "https://example.com/b"}}))
ATTEST = ("attest", *S, "--type", "slsaprovenance1", "--predicate", "pred.json")
os.mkdir("results")
got = ends(
    cli(*ATTEST, *T, "--key", "my.key", "--bundle", "b.json", "--results", "results",
        "--result", "checkpoint=cp", "-o", "json", "model"), OK, "attest a model's folder")
said = json.loads(got.stdout)
tap.is_(said["schema"], "provlog/attest/v1", "the JSON names its schema")
tap.is_(said["log_index"], 1, "it is the first entry after the log's own")
entry = server.get(f"/api/v1/log/entries/{said['entry_id']}").json()
tap.is_(server.check_entry(entry)["index"], 1, "the server has that entry")
results = {n: read(f"results/{n}") for n in sorted(os.listdir("results"))}
want = {"bundle-digest": "sha256:" + hashlib.sha256(read("b.json", "rb")).hexdigest(),
        "entry-uuid": said["entry_id"], "log-index": "1"}
tap.is_(results, want, "results are written, one elsewhere")
tap.is_(read("cp"), said["checkpoint"], "and that one has the checkpoint")
ends(cli(*ATTEST, *T, "--key", "my.key", "model", password="wrong"), USAGE, "a wrong password",
     "does not open with this password")
ends(cli(*ATTEST, *T, "--key", "none.key", "model"), USAGE, "a key that is not there", "none.key")
ends(cli(*ATTEST, *T, "--key", "my.key", "nothing"), USAGE, "an artifact that is not there", "nothing")
ends(cli(*ATTEST, *T, "model"), USAGE, "no key", "--key FILE is missing")
write("list.json", "[]")
ends(cli("attest", *S, *T, "--key", "my.key", "--type", "custom", "--predicate", "list.json", "model"),
     USAGE, "a predicate that is no object", "must be a JSON object")
ends(cli("attest", *S, *T, "--key", "my.key", "--type", "nonsense", "--predicate", "pred.json", "model"),
     USAGE, "a type that is neither URI nor name", "nonsense")
write("whole.json", json.dumps({"_type": "x", "predicateType": "y", "predicate": {}}))
ends(cli("attest", *S, *T, "--key", "my.key", "--type", "custom", "--predicate", "whole.json", "model"),
     USAGE, "a whole statement as predicate", "whole in-toto statement")
ends(cli(*ATTEST, "--log-key", "my.pub", "--key", "my.key", "model"), VERIFY,
     "an answer of a log whose key is not the pinned one", "not the trusted one")
ends(cli(*ATTEST, *T, "--key", "my.key", "--results", "nodir", "model"), USAGE,
     "results that can't be written, with the index that it has all the same", "with index")
ends(cli(*ATTEST, *T, "--key", "other.key", "--bundle", "d.json", f"sha256:{MODEL}", password=""), OK,
     "a digest in place of a file")
size = server.checkpoint()[0]

# ---- model digest ----
shell = "cd model && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
listed = run("sh", "-c", shell).stdout.split()[0]
tap.is_(cli("model", "digest", "model").stdout, f"sha256:{listed}\n", "what sha256sum prints, too")
tap.is_(json.loads(cli("model", "digest", "-o", "json", "model/a.bin").stdout)["sha256"],
        hashlib.sha256(b"weights").hexdigest(), "a file's digest, as JSON")

# ---- verify ----
V = ("verify", "--bundle", "b.json", "--key", "my.pub", *T)
got = ends(cli(*V, "--type", "slsaprovenance1", "model"), OK, "verify")
tap.has(got.stdout, "result          verified", "it says so")
got = json.loads(cli(*V, "-o", "json", "model").stdout)
tap.is_((got["result"], got["log_index"]), ("verified", 1), "in JSON, too")
ends(cli("verify", "--bundle", "b.json", "--key", "my.pub", "--log-key", "log.pub", "model"), OK,
     "under the log's bare key")
ends(cli(*V, f"sha256:{listed}"), OK, "by the model's digest")
ends(cli("verify", "--bundle", "d.json", "--key", "other.pub", *T, f"sha256:{MODEL}"), OK, "a digest's")
write("model/a.bin", b"weightt")
got = ends(cli(*V, "-o", "json", "model"), VERIFY, "a model changed by one bit", "not verified (artifact)")
error = json.loads(got.stdout)
tap.is_((error["schema"], error["exit"], error["error"]), ("provlog/error/v1", 1, "verification-failed"),
        "a failure is JSON as well")
write("model/a.bin", b"weights")
write("model/new", b"")
ends(cli(*V, "model"), VERIFY, "a file more")
os.remove("model/new")
ends(cli(*V, "model"), OK, "and back")
other_log = Server()
write("other-log.pub", read(other_log.ready["v1_public_key"]))
for args, want, part, name in (
    (("--bundle", "b.json", "--key", "other.pub", *T, "model"), VERIFY, "not verified", "another signer's key"),
    (("--bundle", "b.json", "--key", "my.pub", "--log-key", "other-log.pub", "model"), VERIFY,
     "not verified (trusted-log)", "another log's key"),
    ((*V[1:], "--type", "spdxjson", "model"), VERIFY, "not verified (predicate-type)", "another type"),
    ((*V[1:], "--type", "nonsense", "model"), USAGE, "nonsense", "an unknown type"),
    ((*V[1:], "--certificate-identity", "x", "model"), USAGE, "Nothing was verified", "an identity"),
    ((*V[1:], "--certificate-oidc-issuer-regexp", ".*", "model"), USAGE, "Nothing was verified", "an issuer"),
    (("--bundle", "b.json", "--key", "my.pub", "model"), USAGE, "--trusted-root", "no trusted root"),
    (("--bundle", "b.json", *T, "model"), USAGE, "--key FILE is missing", "no key"),
    (("--key", "my.pub", *T, "model"), USAGE, "--bundle FILE is missing", "no bundle"),
    ((*V[1:],), USAGE, "ARTIFACT is missing", "no artifact"),
    ((*V[1:], "gone"), USAGE, "gone", "an artifact that is not there"),
    (("--bundle", "gone", "--key", "my.pub", *T, "model"), USAGE, "gone", "a bundle that is not there"),
    ((*V[1:], "--log-key", "log.pub", "model"), USAGE, "not both", "two roots of trust"),
    (("--bundle", "b.json", "--key", "my.pub", "--trusted-root", "pred.json", "model"), USAGE, "pred.json",
     "a root that is none"),
    (("--bundle", "pred.json", "--key", "my.pub", *T, "model"), VERIFY, "pred.json", "a bundle that is none"),
    (("--bundle", "/dev/null", "--key", "my.pub", *T, "model"), VERIFY, None, "an empty bundle"),
    ((*V[1:], "--server", server.url, "model"), USAGE, "unknown option", "a server: it is offline"),
    ((*V[1:], "sha256:12"), USAGE, "64 hex digits", "a malformed digest"),
):
    got = ends(cli("verify", *args), want, f"verify refuses {name}", part)
    if got.stdout:
        tap.ok(False, "and says nothing on standard output", got.stdout)
text = read("b.json")
passed = []
for at in range(3, len(text), max(1, len(text) // 48)):
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    if '"hint"' not in changed:  # it is optional, and members of other names are not looked at
        continue
    write("changed.json", changed)
    got = cli("verify", "--bundle", "changed.json", "--key", "my.pub", *T, "model")
    if got.returncode != VERIFY or got.stdout or "anitizer" in got.stderr or "runtime error" in got.stderr:
        passed.append((at, text[max(0, at - 20) : at + 1], got.returncode, got.stderr))
tap.is_(passed, [], "a bundle with any one byte changed is refused")
with open("/dev/full", "w") as full:
    got = subprocess.run([PROVLOG, *V, "model"], stdout=full, stderr=subprocess.PIPE, text=True,
                         env=clean_env(), check=False, timeout=60 * SLOW)
tap.ok(got.returncode != 0 and "standard output" in got.stderr, "output that is lost is no success", got)

# ---- submit ----
SUBMIT = ("submit", *S, *T)
got = ends(cli(*SUBMIT, "--public-key", "my.pub", "-o", "json", "b.json"), OK, "submit the bundle again")
tap.is_(json.loads(got.stdout)["entry_id"], said["entry_id"], "it is the same entry")
tap.is_(server.checkpoint()[0], size, "and the log has not grown")
CK = ("--public-key", f"{CHAINS}/cosign.pub")
ids = {}
for version in ("v0.28.1", "v0.29.2"):
    for path in sorted(glob.glob(f"{CHAINS}/{version}/taskrun-upload-model.*.dsse.json")):
        got = cli(*SUBMIT, *CK, "-o", "json", path)
        ids[path] = json.loads(got.stdout).get("entry_id")
tap.ok(len(ids) > 4 and all(ids.values()), "what Tekton Chains signed is taken", ids)
path = f"{CHAINS}/v0.29.2/taskrun-upload-model.slsa-v2alpha4.dsse.json"
notes = json.loads(read(path.replace("dsse.json", "annotations.json")))
(annotation,) = [v for k, v in notes.items() if k.startswith("chains.tekton.dev/signature-")]
got = ends(cli("upload", *S, *T, *CK, "-o", "json", "--bundle", "c.json", "-", input=annotation), OK,
           "an annotation from standard input, by the other name of submit")
tap.is_(json.loads(got.stdout)["entry_id"], ids[path], "it is the run's entry")
ends(cli("verify", "--bundle", "c.json", "--key", f"{CHAINS}/cosign.pub", *T, f"sha256:{MODEL}"), OK,
     "the bundle made of it verifies")
wrapped = "\n".join(annotation[i : i + 76] for i in range(0, len(annotation), 76))
got = cli(*SUBMIT, *CK, "-o", "json", "-", input=wrapped + "\n")
tap.is_(json.loads(got.stdout).get("entry_id"), ids[path], "lines in the base64 text don't matter")
size = server.checkpoint()[0]
for args, want, part, name in (
    ((*SUBMIT, "--public-key", "my.pub", path), VERIFY, None, "a signature of another key"),
    ((*SUBMIT, path), USAGE, "--public-key", "an envelope without a key"),
    ((*SUBMIT, *CK, "pred.json"), USAGE, "neither a DSSE envelope", "JSON of another kind"),
    ((*SUBMIT, *CK, PROVLOG), USAGE, None, "a binary"),
    ((*SUBMIT, *CK, "gone"), USAGE, "gone", "a file that is not there"),
    ((*SUBMIT, "--public-key", "root.json", path), USAGE, "root.json", "a key that is none"),
    ((*SUBMIT, *CK, "--result", "nothing=x", path), USAGE, "log-index", "an unknown result"),
    (("submit", *T, *CK, path), USAGE, "PROVLOG_SERVER", "no server"),
    (("submit", "--server", "ftp://x", *T, *CK, path), USAGE, "unix:PATH", "a server of no known form"),
):
    ends(cli(*args), want, f"submit refuses {name}", part)
two = json.loads(read(path))
two["signatures"].append(dict(two["signatures"][0]))
write("two.json", json.dumps(two))
ends(cli(*SUBMIT, *CK, "--bundle", "x.json", "two.json"), USAGE, "several signatures and a bundle",
     "several signatures")
tap.is_(server.checkpoint()[0], size, "none of these left an entry")
message = f"{TOP}/tests/data/bundles/ok/msg-key-v1.json"
got = cli(*SUBMIT, "--public-key", f"{TOP}/tests/data/bundles/keys/cosign.pub", "-o", "json", "--bundle",
          "m.json", message)
if got.returncode != OK:
    for key in sorted(glob.glob(f"{TOP}/tests/data/bundles/keys/*.pub")):
        got = cli(*SUBMIT, "--public-key", key, "-o", "json", "--bundle", "m.json", message)
        if got.returncode == OK:
            break
ends(got, OK, "a bundle with a message signature")
tap.is_(json.loads(got.stdout).get("kind"), "hashedrekord", "becomes a hashedrekord")

# ---- get ----
got = ends(cli("get", *S, *T, "--log-index", "1", "-o", "json"), OK, "get by index")
tap.is_(json.loads(got.stdout)["entry_id"], said["entry_id"], "gives that entry")
tap.is_(json.loads(got.stdout)["body"]["kind"], "dsse", "with its body")
ends(cli("get", *S, *T, "--uuid", said["uuid"]), OK, "get by UUID")
ends(cli("get", *S, *T, "--uuid", said["entry_id"].upper()), OK, "get by entry id in upper case")
ends(cli("get", *S, *T, "--log-index", "4711"), NOTFOUND, "an index that is not there")
ends(cli("get", *S, *T, "--uuid", "0" * 64), NOTFOUND, "a UUID that is not there")
ends(cli("get", *S, *T, "--uuid", "12"), USAGE, "a malformed UUID", "hex digits")
ends(cli("get", *S, *T), USAGE, "neither index nor UUID", "one of them")
ends(cli("get", *S, "--log-key", "my.pub", "--log-index", "1"), VERIFY, "under a wrong log key")
got = ends(cli("get", "--log-index", "0", env={"PROVLOG_SERVER": server.url}), OK, "server by environment")
tap.has(got.stderr, "pin it with --log-key", "without a pin it warns")

# ---- search ----
for args, want, name in (
    (("--sha256", MODEL), set(ids.values()), "digest"),
    (("--sha256", f"sha256:{MODEL.upper()}"), set(ids.values()), "digest in another spelling"),
    (("--artifact", "model"), {said["entry_id"]}, "model"),
    (("--public-key", "my.pub"), {said["entry_id"]}, "key"),
    (("--type", "slsaprovenance1"), {said["entry_id"]}, "predicate type"),
):
    got = ends(cli("search", *S, *T, *args, "-o", "json"), OK, f"search by {name}")
    found = {e["entry_id"] for e in json.loads(got.stdout)["entries"]}
    tap.ok(want <= found, f"finds what has that {name}", f"{want}\n{found}")
text = cli("search", *S, *T, "--artifact", "model").stdout
tap.ok(re.search(rf"^1  \S+Z  dsse  {said['entry_id']}$", text, re.M), "one line for each in text", text)
for args, want, part in (
    (("--sha256", "0" * 64), NOTFOUND, "no such entry"),
    (("--email", "nobody@example.com"), NOTFOUND, None),
    (("--sha256", "0"), USAGE, "64 hex digits"),
    ((), USAGE, "exactly one"),
    (("--sha256", MODEL, "--email", "a@b"), USAGE, "exactly one"),
):
    ends(cli("search", *S, *T, *args), want, f"search {' '.join(args)[:30]} ends with {want}", part)

# ---- loginfo, logproof ----
got = json.loads(cli("loginfo", *S, *T, "-o", "json").stdout)
now = server.checkpoint()
tap.is_((got["tree_size"], got["root_hash"]), (now[0], now[1].hex()), "loginfo: size and root")
write("now.cp", got["checkpoint"])
wrong = []
for first in range(1, now[0] + 1):
    for last in sorted({first, min(first + 1, now[0]), min(2 * first, now[0]), now[0]}):
        got = cli("logproof", *S, *T, "--first-size", str(first), "--last-size", str(last), "-o", "json")
        said_roots = json.loads(got.stdout) if got.returncode == OK else None
        if said_roots is None or (last == now[0] and said_roots["last_root"] != now[1].hex()):
            wrong.append((first, last, got.stderr))
tap.is_(wrong, [], "logproof of all sizes")
ends(cli("logproof", *S, *T, "--checkpoint", "cp"), OK, "from a checkpoint that was kept")
ends(cli("logproof", *S, *T, "--checkpoint", "now.cp"), OK, "from the newest")
other = json.loads(cli("loginfo", "--server", other_log.url, "--log-key", "other-log.pub", "-o", "json").stdout)
write("other.cp", other["checkpoint"])
ends(cli("logproof", *S, *T, "--checkpoint", "other.cp"), VERIFY, "from another log's checkpoint")
n = now[0]
ends(cli("logproof", *S, *T, "--first-size", "2", "--last-size", str(n + 1)), USAGE, "a size to come", "entries")
ends(cli("logproof", *S, *T, "--first-size", "3", "--last-size", "2"), USAGE, "sizes in the wrong order")
ends(cli("logproof", *S, *T), USAGE, "no older end", "--first-size")
other_log.close()

# ---- the rest ----
ends(cli(), USAGE, "no subcommand", "provlog help")
ends(cli("nonsense"), USAGE, "an unknown subcommand", "nonsense")
ends(cli("loginfo", *S, "-o", "xml"), USAGE, "an unknown form of output", "text or json")
for args in (("-o", "json"), ("--output=json", "--bogus"), ("--format", "json", "--log-index", "x")):
    got = ends(cli("get", *S, *args), USAGE, f"get {args[-1]}: a wrong command line")
    tap.is_(json.loads(got.stdout or "{}").get("error"), "usage", "is an object, too, when JSON is asked for")
tap.has(cli("--help").stdout, "Exit status: 0 done or verified", "--help")
tap.has(cli("help", "model", "digest").stdout, "provlog model digest [OPTION]... PATH", "help of two words")
tap.has(cli("--version").stdout, "provlog 0.", "--version")
tap.is_(cli("help", "--man").stdout, read(f"{TOP}/deploy/man/provlog.1"),
        "the man page is up to date (else: make docs)")
got = run("man", "--warnings", "-l", f"{TOP}/deploy/man/provlog.1", env={"LC_ALL": "C", "MANWIDTH": "80"})
tap.is_((got.returncode, got.stderr), (0, ""), "and man has nothing to say against it")

os.mkdir("sock")
with Server(listen=f"unix:{work.name}/sock/s") as there:
    write("there.pub", read(there.ready["v1_public_key"]))
    ends(cli("loginfo", "--server", f"unix:{work.name}/sock/s", "--log-key", "there.pub"), OK, "a Unix socket")
make = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt")
tap.is_(run(*make).returncode, 0, "a TLS certificate")
with Server("--tls-cert", f"{work.name}/tls.crt", "--tls-key", f"{work.name}/tls.key") as there:
    write("there.pub", read(there.ready["v1_public_key"]))
    L = ("loginfo", "--server", there.url, "--log-key", "there.pub")
    got = ends(cli(*L), VERIFY, "a certificate that nobody knows")
    tap.ok("trying again" not in got.stderr, "another attempt would not heal it", got.stderr)
    ends(cli(*L, "--ca-cert", "tls.crt"), OK, "with --ca-cert")
    ends(cli(*L, "--ca-cert", "none.crt"), USAGE, "a CA file that is not there", "none.crt")
with Server("--duplicates", "conflict") as there:
    write("there.pub", read(there.ready["v1_public_key"]))
    R = ("submit", "--server", there.url, "--log-key", "there.pub", *CK, "-o", "json", path)
    first, again = cli(*R), cli(*R)
    tap.is_(there.post("/api/v1/log/entries", {}).status >= 400, True, "this server refuses")
    tap.is_((again.returncode, json.loads(again.stdout).get("entry_id")),
            (OK, json.loads(first.stdout).get("entry_id")), "409 with Location is the first entry, too")
with Server("--body-max", "2000") as there:
    write("there.pub", read(there.ready["v1_public_key"]))
    ends(cli("submit", "--server", there.url, "--log-key", "there.pub", *CK, path), REFUSED, "too large", "413")

tap.is_(server.stop(), 0, "the server ends well")
server.close()
tap.done()
