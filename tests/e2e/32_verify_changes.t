#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""32_verify_changes.t - `provlog verify` says yes to a good bundle, and no to whatever differs from it.

A small log is played here, a DSSE bundle and a message bundle are made in it; then every value in
them is changed, emptied, removed and doubled, one at a time. Only what nothing depends on, and that
is listed below, may pass.
"""
import base64
import concurrent.futures
import copy
import hashlib
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from p256 import N, PrivateKey, der_decode, der_encode
from provlog import PROVLOG, TAP, leaf_hash, node_hash, pae, run

TYPE = "https://slsa.dev/provenance/v1"
ARTIFACT = b"the weights\n"
DIGEST = hashlib.sha256(ARTIFACT).hexdigest()
# Values that may change: the hint, as long as it names no other key, and what may be left out.
FREE = {
    ("verificationMaterial.publicKey", "emptied"),
    ("verificationMaterial.publicKey.hint", "emptied"),
    ("verificationMaterial.publicKey.hint", "removed"),
    ("messageSignature.messageDigest", "removed"),
}


def b64(data):
    return base64.b64encode(data).decode()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Log:
    """Five leaves, the entry in question is at @at."""

    def __init__(self, key=None, tree_id=1152921504606846977, size=5, at=2):
        self.key, self.tree_id, self.size, self.at = key or PrivateKey.new(), tree_id, size, at

    def entry(self, body, kind):
        index = self.at
        leaves = [leaf_hash(b"leaf %d" % i) for i in range(self.size)]
        leaves[index] = leaf_hash(body)
        path, level, at = [], leaves, index
        while len(level) > 1:
            if at ^ 1 < len(level):
                path.append(level[at ^ 1])
            level = [node_hash(*level[i : i + 2]) if i + 1 < len(level) else level[i]
                     for i in range(0, len(level), 2)]
            at //= 2
        root = level[0]
        text = f"log.example.com - {self.tree_id}\n{self.size}\n{b64(root)}\n"
        key_id = self.key.public.key_id
        note = f"{text}\n\u2014 log.example.com {b64(key_id[:4] + self.key.sign(text.encode()))}\n"
        message = '{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":%d}' % (
            b64(body), 1795473095, key_id.hex(), index)
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(key_id)},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": "1795473095",
            "inclusionPromise": {"signedEntryTimestamp": b64(self.key.sign(message.encode()))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(root),
                "treeSize": str(self.size),
                "hashes": [b64(h) for h in path],
                "checkpoint": {"envelope": note},
            },
            "canonicalizedBody": b64(body),
        }

    def trusted_root(self, **valid_for):
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example.com",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(self.key.public.spki),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid_for or {"start": "2026-01-01T00:00:00Z"},
                },
                "logId": {"keyId": b64(self.key.public.key_id)},
            }],
        }


def bundle(log, signer, content, body, kind):
    material = {"publicKey": {"hint": b64(signer.public.key_id)}, "tlogEntries": [log.entry(body, kind)]}
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        **content,
    }


def hash_of(data):
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def dsse_bundle(log, signer, statement, payload_type="application/vnd.in-toto+json", logged=None,
                logged_key=None, hand=None):
    """@hand signs in place of @signer; @logged and @logged_key: what the log's entry says instead."""
    payload = statement if isinstance(statement, bytes) else compact(statement)
    sig = (hand or signer).sign(pae(payload_type, payload))
    envelope = {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(sig)}]}
    spec = {
        "envelopeHash": hash_of(compact(envelope)),
        "payloadHash": hash_of(logged or payload),
        "signatures": [{"signature": b64(sig), "verifier": b64((logged_key or signer).public.pem.encode())}],
    }
    body = compact({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
    return bundle(log, signer, {"dsseEnvelope": envelope}, body, "dsse")


def message_bundle(log, signer, artifact=ARTIFACT):
    sig = signer.sign(artifact)
    spec = {
        "data": {"hash": hash_of(artifact)},
        "signature": {"content": b64(sig), "publicKey": {"content": b64(signer.public.pem.encode())}},
    }
    body = compact({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})
    content = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(artifact).digest())},
               "signature": b64(sig)}
    return bundle(log, signer, {"messageSignature": content}, body, "hashedrekord")


def statement(**changes):
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "other", "digest": {"sha256": "00" * 32}},
                    {"name": "model.bin", "digest": {"sha256": DIGEST}}],
        "predicateType": TYPE,
        "predicate": {"buildDefinition": {"buildType": "https://example.com/b"}},
        **changes,
    }


# ---- changes ----


def places(value, path=()):
    """Every place in a JSON document, parents before children."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in items:
        yield from places(child, path + (name,))


def name_of(path):
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)[1:]


def changed_texts(text):
    yield "emptied", ""
    yield "cut", text[:-1]
    yield "longer", text + text[-1:]
    yield "with a blank", text + " "
    for at in sorted({0, len(text) // 2, max(0, len(text) - 4)}):
        # Another character of the same kind, so that a base64 text stays one.
        old = text[at : at + 1]
        new = str((int(old) + 1) % 10) if old.isdigit() else {"A": "B", "a": "b"}.get(old, "A" if old.isupper() else "a")
        yield f"character {at} changed", text[:at] + new + text[at + 1 :]


def changed_values(value):
    if isinstance(value, str):
        yield from changed_texts(value)
        yield "made a number", 7
    elif isinstance(value, list):
        yield "emptied", []
        if value:
            yield "its last doubled", value + value[-1:]
            yield "cut", value[:-1]
        if len(value) > 1:
            yield "turned round", value[::-1]
    else:
        yield "emptied", {}
    yield "made null", None
    yield "made a list", [value]


def changes(document):
    for path in places(document):
        *parents, last = path
        for how, new in [("removed", places), *changed_values(_at(document, path))]:
            copied = copy.deepcopy(document)
            parent = _at(copied, parents)
            if new is places:
                del parent[last]
            else:
                parent[last] = new
            if copied != document:
                yield name_of(path), how, json.dumps(copied)


def _at(document, path):
    for part in path:
        document = document[part]
    return document


# ---- the test ----

tap = TAP()
work = tempfile.TemporaryDirectory(prefix="provlog-test-")


def put(name, content):
    path = os.path.join(work.name, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))
    return path


log, signer = Log(), PrivateKey.new()
root, key = put("root.json", log.trusted_root()), put("key.pub", signer.public.pem)
counter = iter(range(1 << 30))


def verify(text, *more, key=key, root=root, artifact="sha256:" + DIGEST):
    path = put(f"{next(counter)}.json", text)
    reply = run(PROVLOG, "verify", "--bundle", path, "--key", key, "--trusted-root", root, *more, artifact)
    os.unlink(path)
    return reply


def refused(document, part, name, *more, **options):
    """Verification fails with status 1 and a text that has @part."""
    reply = verify(document, *more, **options)
    said = reply.stdout + reply.stderr
    tap.ok(reply.returncode == 1 and part in said, name, f"status {reply.returncode}, wants {part!r} in: {said}")


def sweep(what, document, *more):
    """Every single change is refused, unless it is free."""
    good = verify(document, *more)
    tap.is_((good.returncode, good.stderr), (0, ""), f"{what}: unchanged it verifies")
    todo = list(changes(document))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda c: verify(c[2], *more), todo))
    passed = [(where, how) for (where, how, text), reply in zip(todo, replies)
              if reply.returncode == 0 and (where, how) not in FREE and not free_form(where, how)
              and not same_bytes(document, text)]
    odd = [(where, how, reply.returncode, reply.stderr) for (where, how, _), reply in zip(todo, replies)
           if reply.returncode not in (0, 1)]
    silent = [(where, how) for (where, how, _), reply in zip(todo, replies)
              if reply.returncode == 1 and not (reply.stderr + reply.stdout).strip()]
    tap.ok(len(todo) > 150, f"{what}: there are {len(todo)} changes")
    tap.is_(passed, [], f"{what}: none of them verifies")
    tap.is_(odd, [], f"{what}: each is a failed verification, status 1")
    tap.is_(silent, [], f"{what}: each refusal gives a reason")


def free_form(where, how):
    """A null counts as absent; a hint that is not 32 bytes in base64 names no key."""
    if how == "made null":
        return (where, "removed") in FREE
    return where.endswith("publicKey.hint") and how in ("cut", "longer", "with a blank")


def same_bytes(document, changed):
    """Base64 without its padding says the same, and protobuf's readers take it."""
    def bare(value):
        if isinstance(value, dict):
            return {name: bare(child) for name, child in value.items()}
        return [bare(v) for v in value] if isinstance(value, list) else value.rstrip("=")
    try:
        return bare(document) == bare(json.loads(changed))
    except AttributeError:
        return False


message = message_bundle(log, signer)
dsse = dsse_bundle(log, signer, statement())
sweep("message", message)
sweep("DSSE", dsse, "--type", TYPE)

artifact = put("model.bin", ARTIFACT.decode())
tap.is_(verify(dsse, artifact=artifact).returncode, 0, "the artifact may be a file")
refused(dsse, "artifact", "another file", artifact=put("other.bin", "the weightS\n"))
refused(message, "artifact", "another file than the signed one", artifact=put("other.bin", "the weightS\n"))
refused(dsse, "predicate", "another predicate type", "--type", "https://slsa.dev/provenance/v0.2")
refused(message, "predicate", "a message has no predicate type", "--type", TYPE)
other = PrivateKey.new()
refused(dsse, "key", "another key", key=put("other.pub", other.public.pem))
refused(dsse, "log", "another log is trusted", root=put("root2.json", Log().trusted_root()))
refused(dsse, "key", "the log's key was no longer valid", root=put(
    "root3.json", log.trusted_root(start="2026-01-01T00:00:00Z", end="2026-01-02T00:00:00Z")))

# Signed and logged as it should be, but the statement does not say it.
for name, part, made in [
    ("no subject", "artifact", statement(subject=[])),
    ("only other subjects", "artifact", statement(subject=[{"name": "model.bin", "digest": {"sha256": "00" * 32}}])),
    ("only a SHA-1 of it", "artifact",
     statement(subject=[{"name": "model.bin", "digest": {"sha1": hashlib.sha1(ARTIFACT).hexdigest()}}])),
    ("the digest under another algorithm's name", "artifact",
     statement(subject=[{"name": "model.bin", "digest": {"sha512": DIGEST}}])),
    ("an unknown statement type", "", statement(_type="https://in-toto.io/Statement/v2")),
    ("no predicate type", "", {k: v for k, v in statement().items() if k != "predicateType"}),
    ("members twice", "", compact(statement())[:-1] + b',"subject":[]}'),
    ("something behind the statement", "", compact(statement()) + b"{}"),
]:
    refused(dsse_bundle(log, signer, made), part, f"a statement with {name}", "--type", TYPE)
refused(dsse_bundle(log, signer, statement(), payload_type="application/json"), "", "another payload type")
refused(dsse_bundle(log, signer, statement(), logged=b"{}"), "body", "a body about another payload")

# Parts that are good each by itself.
forged = dsse_bundle(Log(key=log.key, tree_id=1152921504606846978), signer, statement())
mixed = copy.deepcopy(dsse)
mixed["verificationMaterial"]["tlogEntries"] = message["verificationMaterial"]["tlogEntries"]
refused(mixed, "body", "the entry of another signature by the same key")
mixed = copy.deepcopy(dsse)
r, s = der_decode(base64.b64decode(dsse["dsseEnvelope"]["signatures"][0]["sig"]))
twin = der_encode(r, N - s)
assert signer.public.verify(twin, pae("application/vnd.in-toto+json", base64.b64decode(dsse["dsseEnvelope"]["payload"])))
mixed["dsseEnvelope"]["signatures"][0]["sig"] = b64(twin)
refused(mixed, "body", "the twin (r, n-s) of the logged signature, which verifies too")
mixed = dsse_bundle(log, other, statement())
mixed["verificationMaterial"]["publicKey"] = dsse["verificationMaterial"]["publicKey"]
refused(mixed, "", "signed and logged by another key under our key's hint")
refused(dsse_bundle(log, signer, statement(), hand=other), "signature", "logged under our key, which did not sign it")
refused(dsse_bundle(log, signer, statement(), logged_key=other), "body", "signed by our key, logged under another")


def with_checkpoint(note):
    mixed = copy.deepcopy(dsse)
    mixed["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"] = {"envelope": note}
    return mixed


def note_of(**log_options):
    return Log(**log_options).entry(b"x", "dsse")["inclusionProof"]["checkpoint"]["envelope"]


refused(with_checkpoint(note_of(key=log.key, size=6)), "checkpoint", "a signed checkpoint of another size")
refused(with_checkpoint(note_of(key=log.key)), "checkpoint", "a signed checkpoint of another root")
text = dsse["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"].split("\n\n")[0] + "\n"
for name, forger, hint in [("under its own hint", other, other), ("under the log's hint", other, log.key)]:
    line = f"\u2014 log.example.com {b64(hint.public.key_id[:4] + forger.sign(text.encode()))}\n"
    refused(with_checkpoint(text + "\n" + line), "checkpoint", f"the checkpoint signed by another key {name}")
tap.is_(verify(forged).returncode, 0, "control: a bundle from another tree of the log's key")

for name, args, part in [
    ("without --key", ["--bundle", put("b", dsse), "--trusted-root", root, DIGEST], "key"),
    ("without a trusted root", ["--bundle", put("b", dsse), "--key", key, DIGEST], "trusted-root"),
    ("without --bundle", ["--key", key, "--trusted-root", root, artifact], "bundle"),
    ("without an artifact", ["--bundle", put("b", dsse), "--key", key, "--trusted-root", root], "ARTIFACT"),
    ("with an identity", ["--bundle", put("b", dsse), "--trusted-root", root, "--certificate-identity", "a@b",
                          "--certificate-oidc-issuer", "https://c", artifact], "certificate"),
    ("with a bundle that is not there", ["--bundle", work.name + "/none", "--key", key, "--trusted-root", root,
                                         artifact], "none"),
    ("with an artifact that is not there", ["--bundle", put("b", dsse), "--key", key, "--trusted-root", root,
                                            work.name + "/none"], "none"),
    ("with an unknown flag", ["--bundle", put("b", dsse), "--key", key, "--trusted-root", root, "--force",
                              artifact], "force"),
]:
    reply = run(PROVLOG, "verify", *args)
    tap.ok(reply.returncode == 2 and part in reply.stderr, f"usage: {name}", (reply.returncode, reply.stderr))
tap.done()
