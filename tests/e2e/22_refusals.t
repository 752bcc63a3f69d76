#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a submission can be wrong about: each is a 4xx with {code, message} that names it, and the log
stays as it was. The same for queries."""
import base64
import copy
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import TAP, Server, Signer

ENTRIES = "/api/v1/log/entries"
tap = TAP()
signer, other = Signer(), Signer()
DSSE = signer.statement(b"artifact")
HASHED = signer.hashedrekord(b"artifact")
ENVELOPE = json.loads(DSSE["spec"]["proposedContent"]["envelope"])


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def changed(doc, path, value):
    """A copy of @doc with the member at @path ("spec.data") set; a value of ... takes it away."""
    doc = copy.deepcopy(doc)
    *parents, last = path.split(".")
    at = doc
    for name in parents:
        at = at[name]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return doc


def envelope(**members):
    """DSSE with another envelope: members of ENVELOPE replaced."""
    new = {k: v for k, v in {**ENVELOPE, **members}.items() if v is not ...}
    return changed(DSSE, "spec.proposedContent.envelope", json.dumps(new))


def raw(doc, old, new):
    text = json.dumps(doc)
    assert old in text
    return text.replace(old, new, 1)


def intoto2():
    """An intoto 0.0.2 proposal: payload and signature in two layers of base64."""
    signature = {"sig": b64(ENVELOPE["signatures"][0]["sig"]), "publicKey": b64(signer.key.public.pem)}
    env = {"payloadType": ENVELOPE["payloadType"], "payload": b64(ENVELOPE["payload"]),
           "signatures": [signature]}
    digest = hashlib.sha256(b"whatever the client says").hexdigest()
    content = {"envelope": env, "hash": {"algorithm": "sha256", "value": digest}}
    return {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}


def intoto1():
    content = {"envelope": json.dumps(ENVELOPE)}
    spec = {"content": content, "publicKey": b64(signer.key.public.pem)}
    return {"apiVersion": "0.0.1", "kind": "intoto", "spec": spec}


PAYLOAD = ENVELOPE["payload"]
SIG = ENVELOPE["signatures"][0]["sig"]
PEM = signer.key.public.pem
VERIFIERS = "spec.proposedContent.verifiers"
HASH = "spec.data.hash"
CONTENT = "spec.signature.publicKey.content"
BAD_SIG = b64(other.key.sign(b"another artifact"))
P224 = ("-----BEGIN PUBLIC KEY-----\nME4wEAYHKoZIzj0CAQYFK4EEACEDOgAEt+ea6Y7OZbqPlPQDjOwOUbTn4bkwTyxf\n"
        "lGKYGNxMeu9fNTkd3Gn6ywuzZIGIvgiyXpGe4sCCJGo=\n-----END PUBLIC KEY-----\n")

# (what is wrong, body, status, code, part of the message)
SUBMISSIONS = [
    ("nothing", b"", 422, 602, "proposedEntry in body is required"),
    ("JSON cut off", b'{"kind":"dsse","apiVersion":', 400, 400, "line 1"),
    ("no JSON", b"hello", 400, 400, "line 1"),
    ("something behind the JSON", json.dumps(DSSE) + "{}", 400, 400, "line 1"),
    ("an array", "[]", 400, 400, "must be an object"),
    ("a string", '"dsse"', 400, 400, "must be an object"),
    ("null", "null", 400, 400, "must be an object"),
    ("a NUL in a string", raw(DSSE, '"dsse"', '"ds\\u0000se"'), 400, 400, "u0000"),
    ("bytes that are not UTF-8", json.dumps(DSSE).encode().replace(b"dsse", b"ds\xffse"), 400, 400, "UTF-8"),
    ("half a surrogate pair", raw(DSSE, '"dsse"', '"\\ud800"'), 400, 400, "line 1"),
    ("kind twice", raw(DSSE, '"kind"', '"kind": "dsse", "kind"'), 400, 400, "duplicate"),
    ("a member of spec twice", raw(DSSE, '"spec": {', '"spec": {"proposedContent": {}, '), 400, 400, "duplicate"),
    ("arrays 1,000 deep", raw(DSSE, '"spec": {', '"spec": {"x": ' + "[" * 1000 + "]" * 1000 + ", "), 400, 400, "nested deeper than 64"),
    ("objects 100,000 deep", '{"kind":' * 100000, 400, 400, "nested deeper than 64"),
    ("a huge number", raw(DSSE, '"spec": {', '"spec": {"x": 1e999, '), 400, 400, "number"),
    ("a huge integer", raw(DSSE, '"spec": {', '"spec": {"x": 1' + "0" * 400 + ", "), 400, 400, "integer"),
    ("no kind", changed(DSSE, "kind", ...), 422, 602, "kind in body is required"),
    ("a kind of null", changed(DSSE, "kind", None), 422, 602, "kind in body is required"),
    ("a number as kind", changed(DSSE, "kind", 7), 400, 400, "kind must be a string"),
    ("an unknown kind", changed(DSSE, "kind", "provenance"), 422, 422, 'invalid kind value: "provenance"'),
    ("another spelling of a kind", changed(DSSE, "kind", "DSSE"), 422, 422, 'invalid kind value: "DSSE"'),
    ("a kind that is not taken", changed(DSSE, "kind", "rpm"), 400, 400, "entry kind 'rpm' is not enabled"),
    ("no apiVersion", changed(DSSE, "apiVersion", ...), 422, 602, "apiVersion in body is required"),
    ("no version", changed(DSSE, "apiVersion", "one"), 422, 605, "apiVersion in body should match"),
    ("a version of two parts", changed(DSSE, "apiVersion", "0.1"), 422, 605, "apiVersion in body should match"),
    ("a version with a zero before", changed(DSSE, "apiVersion", "0.0.01"), 422, 605, "should match"),
    ("an unknown version", changed(DSSE, "apiVersion", "0.0.2"), 400, 400, "dsse implementation for version '0.0.2' not found"),
    ("a version with a suffix", changed(DSSE, "apiVersion", "0.0.1-rc.1+b"), 400, 400, "version '0.0.1-rc.1+b' not found"),
    ("no spec", changed(DSSE, "spec", ...), 422, 602, "spec in body is required"),
    ("a list as spec", changed(DSSE, "spec", []), 400, 400, "spec must be an object"),
    ("an empty spec", changed(DSSE, "spec", {}), 400, 400, "either proposedContent or envelopeHash"),
    # dsse
    ("no verifiers", changed(DSSE, VERIFIERS, ...), 400, 400, "verifiers"),
    ("an empty list of verifiers", changed(DSSE, VERIFIERS, []), 400, 400, "at least 1 items"),
    ("null as a verifier", changed(DSSE, VERIFIERS, [None]), 400, 400, "verifiers"),
    ("a verifier that is no base64", changed(DSSE, VERIFIERS, ["%%%"]), 400, 400, "base64"),
    ("a verifier that is no PEM", changed(DSSE, VERIFIERS, [b64("a key")]), 400, 400, "PEM"),
    ("a private key as verifier", changed(DSSE, VERIFIERS, [b64(PEM.replace("PUBLIC", "PRIVATE"))]), 400, 400, "PRIVATE KEY"),
    ("a key on a curve that is too small", changed(DSSE, VERIFIERS, [b64(P224)]), 400, 400, "key"),
    ("a verifier that did not sign", changed(DSSE, VERIFIERS, [b64(other.key.public.pem)]), 400, 400, "accepted signatures do not match threshold"),
    ("a verifier before the signer's that did not sign", changed(DSSE, VERIFIERS, [b64(other.key.public.pem), b64(PEM)]), 400, 400, "error processing entry: "),
    ("no envelope", changed(DSSE, "spec.proposedContent.envelope", ...), 400, 400, "envelope"),
    ("an envelope that is an object", changed(DSSE, "spec.proposedContent.envelope", ENVELOPE), 400, 400, "envelope must be a string"),
    ("an envelope that is no JSON", changed(DSSE, "spec.proposedContent.envelope", "x"), 400, 400, "error processing entry: "),
    ("an envelope with a member twice", changed(DSSE, "spec.proposedContent.envelope",
     '{"payload": "e30=", ' + json.dumps(ENVELOPE)[1:]), 400, 400, "duplicate"),
    ("an envelope without payload", envelope(payload=...), 400, 400, "payload"),
    ("a payload that is no base64", envelope(payload="not base64!"), 400, 400, "base64"),
    ("a payload in URL-safe base64", envelope(payload="__8="), 400, 400, "base64"),
    ("another payload than was signed", envelope(payload=b64("{}")), 400, 400, "accepted signatures do not match threshold"),
    ("another payload type than was signed", envelope(payloadType="text/plain"), 400, 400, "accepted signatures do not match threshold"),
    ("no payload type", envelope(payloadType=...), 400, 400, "payloadType"),
    ("no signatures", envelope(signatures=[]), 400, 400, "1 or more signatures"),
    ("null as signatures", envelope(signatures=[None]), 400, 400, "signatures"),
    ("a signature that is a number", envelope(signatures=[{"sig": 1}]), 400, 400, "sig"),
    ("a signature that is no base64", envelope(signatures=[{"sig": "*"}]), 400, 400, "base64"),
    ("a signature cut off", envelope(signatures=[{"sig": b64(base64.b64decode(SIG)[:-1])}]), 400, 400, "could not verify envelope"),
    ("a signature with a byte more", envelope(signatures=[{"sig": b64(base64.b64decode(SIG) + b"\0")}]), 400, 400, "could not verify envelope"),
    ("somebody else's signature", envelope(signatures=[{"sig": BAD_SIG}]), 400, 400, "could not verify envelope"),
    ("1,000 signatures", envelope(signatures=ENVELOPE["signatures"] * 1000), (400, 413), None, "signatures"),
    ("both forms at once", changed(DSSE, "spec.envelopeHash", {"algorithm": "sha256", "value": "00" * 32}), 400, 400, "proposedContent"),
    # hashedrekord
    ("no hash", changed(HASHED, "spec.data", {}), 400, 400, "hash"),
    ("no data", changed(HASHED, "spec.data", ...), 400, 400, "data"),
    ("a hash too short", changed(HASHED, HASH + ".value", "ab"), 400, 400, "invalid value for hash"),
    ("a hash that is no hex", changed(HASHED, HASH + ".value", "zz" * 32), 400, 400, "hash"),
    ("a hash in upper case", changed(HASHED, HASH + ".value", HASHED["spec"]["data"]["hash"]["value"].upper()), 400, 400, "hash"),
    ("an unknown hash algorithm", changed(HASHED, HASH + ".algorithm", "md5"), 400, 400, "algorithm"),
    ("another hash than was signed", changed(HASHED, HASH + ".value", "00" * 32), 400, 400, "invalid signature when validating ASN.1 encoded signature"),
    ("no signature", changed(HASHED, "spec.signature", ...), 400, 400, "signature"),
    ("another key", changed(HASHED, CONTENT, b64(other.key.public.pem)), 400, 400, "invalid signature when validating"),
    ("a key that is no PEM", changed(HASHED, CONTENT, b64("x")), 400, 400, "failure decoding PEM"),
    ("no key", changed(HASHED, "spec.signature.publicKey", ...), 400, 400, "publicKey"),
    # intoto
    ("intoto 0.0.1 with another key", changed(intoto1(), "spec.publicKey", b64(other.key.public.pem)), 400, 400, "error processing entry: "),
    ("intoto 0.0.1 without envelope", changed(intoto1(), "spec.content", {}), 400, 400, "envelope"),
    ("intoto 0.0.2 without hash", changed(intoto2(), "spec.content.hash", ...), 400, 400, "hash"),
    ("intoto 0.0.2 in one layer of base64", changed(intoto2(), "spec.content.envelope.payload", PAYLOAD), 400, 400, "base64"),
    ("intoto 0.0.2 with the signature of another", changed(intoto2(), "spec.content.envelope.signatures",
     [{"sig": b64(BAD_SIG), "publicKey": b64(PEM)}]), 400, 400, "error processing entry: "),
]

RETRIEVE = "/api/v1/log/entries/retrieve"
INDEX = "/api/v1/index/retrieve"
U = "ab" * 32
QUERIES = [
    (RETRIEVE, "a string as list", {"logIndexes": "1"}, 400, 400, "logIndexes must be an array"),
    (RETRIEVE, "a string as index", {"logIndexes": ["1"]}, 400, 400, "logIndexes.0 must be an integer"),
    (RETRIEVE, "a fraction as index", {"logIndexes": [1.5]}, 400, 400, "logIndexes.0 must be an integer"),
    (RETRIEVE, "null as index", {"logIndexes": [1, None]}, 422, 602, "logIndexes.1 in body is required"),
    (RETRIEVE, "a negative index", {"logIndexes": [-1]}, 422, 609, "logIndexes.0 in body should be greater than or equal to 0"),
    (RETRIEVE, "a short uuid", {"entryUUIDs": ["abc"]}, 422, 605, "entryUUIDs.0 in body should match"),
    (RETRIEVE, "a uuid that is no hex", {"entryUUIDs": ["zz" * 32]}, 422, 605, "entryUUIDs.0 in body should match"),
    (RETRIEVE, "no uuid", {"entryUUIDs": []}, 422, 612, "entryUUIDs in body should have at least 1 items"),
    (RETRIEVE, "eleven uuids", {"entryUUIDs": [U] * 11}, 422, 611, "entryUUIDs in body should have at most 10 items"),
    (RETRIEVE, "tree id 0", {"entryUUIDs": ["0" * 16 + U]}, 400, 400, "invalid entryID " + "0" * 16 + U),
    (RETRIEVE, "a tree id of 2^63", {"entryUUIDs": ["8" + "0" * 15 + U]}, 400, 400, "invalid entryID 8"),
    (RETRIEVE, "eleven entries", {"entries": [HASHED] * 11}, 422, 611, "entries in body should have at most 10 items"),
    (RETRIEVE, "eleven things", {"entries": [HASHED], "entryUUIDs": [U] * 10}, 422, 422, "more than max allowed 10 entries"),
    (RETRIEVE, "a number as entry", {"entries": [1]}, 400, 400, "entries.0 must be an object"),
    (RETRIEVE, "an entry without kind", {"entries": [HASHED, {}]}, 400, 400, "entries.1.kind in body is required"),
    (RETRIEVE, "an entry of unknown kind", {"entries": [{"kind": "x"}]}, 400, 400, 'invalid kind value: "x"'),
    (RETRIEVE, "an entry without spec", {"entries": [{"kind": "dsse", "apiVersion": "0.0.1"}]}, 422, 602, "entries.0.spec in body is required"),
    (RETRIEVE, "an entry that does not verify", {"entries": [changed(HASHED, CONTENT, b64(other.key.public.pem))]}, 400, 400, "invalid signature when validating"),
    (INDEX, "a query of 1 MiB", {"email": "a" * (1 << 20)}, 413, 413, "Limit set to 131072"),
    (RETRIEVE, "300,000 values", {"x": [0] * 300000}, 413, 413, "over the limit of 262144 values"),
    (INDEX, "an object as hash", {"hash": {}}, 400, 400, "hash must be a string"),
    (INDEX, "sha384", {"hash": "sha384:" + "ab" * 48}, 422, 605, "hash in body should match"),
    (INDEX, "the wrong length", {"hash": "sha1:" + "ab" * 32}, 422, 605, "hash in body should match"),
    (INDEX, "a long subject", {"subject": "x" * 513}, 422, 603, "subject in body should be at most 512 chars long"),
    (INDEX, "an operator", {"email": "a@b.example", "operator": "AND"}, 422, 606, "operator in body should be one of [and or]"),
    (INDEX, "no key format", {"publicKey": {"content": "eA=="}}, 422, 602, "publicKey.format in body is required"),
    (INDEX, "an unknown key format", {"publicKey": {"format": "x", "content": "eA=="}}, 422, 606, "publicKey.format in body should be one of"),
    (INDEX, "a PGP key", {"publicKey": {"format": "pgp", "content": "eA=="}}, 400, 400, "the PKI format requested is not supported"),
    (INDEX, "a key that is none", {"publicKey": {"format": "x509", "content": "eA=="}}, 400, 400, "public key provided could not be parsed"),
]

GETS = [
    ("/api/v1/log/entries?logIndex=", 422, 602, "logIndex in query is required"),
    ("/api/v1/log/entries?logIndex=1e3", 422, 601, 'logIndex in query must be of type int64: "1e3"'),
    ("/api/v1/log/entries?logIndex=9223372036854775808", 422, 601, "must be of type int64"),
    ("/api/v1/log/entries?logIndex=9223372036854775807", 404, 404, "9223372036854775807"),
    ("/api/v1/log/entries/retrieve", 422, 605, "entryUUID in path should match"),
    ("/api/v1/log/entries/" + "0" * 16 + U, 400, 400, "validation error: 0000000000000000 is not a valid TreeID"),
    ("/api/v1/log/entries/" + "z" * 64, 422, 605, "entryUUID in path should match"),
    ("/api/v1/log/proof?lastSize=0", 422, 609, "lastSize in query should be greater than or equal to 1"),
    ("/api/v1/log/proof?lastSize=1&treeID=x", 422, 605, "treeID in query should match '^[0-9]+$'"),
    ("/api/v1/log/proof?lastSize=1&treeID=99999999999999999999", 400, 400, "invalid tree ID specified: "),
    ("/api/v1/log/publicKey?treeID=-1", 422, 605, "treeID in query should match"),
    ("/provlog/v1/attestations/xyz", 422, 605, "id in path should be"),
    ("/provlog/v1/attestations/-1", 422, 605, "id in path should be"),
    ("/provlog/v1/attestations/sha256:abcd", 422, 605, "id in path should be"),
    ("/provlog/v1/attestations/0?format=xml", 422, 606, "format in query should be one of [dsse bundle list]"),
    ("/provlog/v1/attestations/0?format=list&from=x", 422, 601, "from in query must be of type int64"),
    ("/provlog/v1/attestations/99", 404, 404, "no entry 99: the log has "),
    ("/provlog/v1/attestations/" + U, 404, 404, "no entry with key sha256:" + U[:8]),
    ("/provlog/v1/attestations/sha256:" + U, 404, 404, "no entry with key"),
]


def check(reply, name, status, code, part):
    wanted = status if isinstance(status, tuple) else (status,)
    why = f"{reply.status} {reply.body[:300]!r}"
    tap.ok(reply.status in wanted, f"{name}: {status}", why)
    answer = reply.json()
    ok = sorted(answer) == ["code", "message"] and part in answer["message"]
    tap.ok(ok and answer["code"] == (code or reply.status), f"{name}: named in the message", why)


with Server() as server:
    before = server.checkpoint()
    for name, body, status, code, part in SUBMISSIONS:
        check(server.post(ENTRIES, body), name, status, code, part)
    for path, name, body, status, code, part in QUERIES:
        check(server.post(path, body), f"{path.split('/')[-2]}: {name}", status, code, part)
    for path, status, code, part in GETS:
        check(server.get(path), f"GET {path}"[:90], status, code, part)
    big = server.post(ENTRIES, b" " * (8 << 20) + b"{}")
    check(big, "a body over the limit", 413, 413, "Limit set to 8388608")
    tap.is_(server.checkpoint(), before, "the log is as it was before")

    # What these were made from is taken: the tests above test what they say.
    for name, body in (("dsse", DSSE), ("hashedrekord", HASHED), ("intoto 0.0.1", intoto1()), ("intoto 0.0.2", intoto2())):
        reply = server.submit(body)
        tap.ok(reply.status == 201 and server.check_entry(reply.json()), f"the good {name} is taken", reply)
    tap.is_(server.stop(), 0, "the server ends well")
tap.done()
