#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was submitted comes back byte for byte, as a Sigstore bundle, and in lists; search finds it by
every key at once; and what a body that the log keeps is found by."""
import base64
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from provlog import TAP, Server, Signer, leaf_hash, open_checkpoint, pae, root_from_inclusion

ATT = "/provlog/v1/attestations/"
INDEX = "/api/v1/index/retrieve"
RETRIEVE = "/api/v1/log/entries/retrieve"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
tap = TAP()
signer = Signer()


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def statement(predicate_type, artifact, **more):
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "Model.BIN", "digest": {"sha256": sha(artifact)}}],
        "predicateType": predicate_type,
        "predicate": more,
    }).encode()


def intoto2(envelope):
    env = json.loads(envelope)
    sig = {"sig": b64(env["signatures"][0]["sig"]), "publicKey": b64(signer.key.public.pem)}
    content = {"envelope": {"payloadType": env["payloadType"], "payload": b64(env["payload"]), "signatures": [sig]},
               "hash": {"algorithm": "sha256", "value": sha(envelope.encode())}}
    return {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}


def intoto1(envelope):
    spec = {"content": {"envelope": envelope}, "publicKey": b64(signer.key.public.pem)}
    return {"apiVersion": "0.0.1", "kind": "intoto", "spec": spec}


def check_bundle(bundle, server, kind):
    """A v0.3 bundle by the log's key and the signer's; returns its log entry."""
    material = bundle["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    body = base64.b64decode(entry["canonicalizedBody"])
    key = server.key
    proof = entry["inclusionProof"]
    size, root, _ = open_checkpoint(proof["checkpoint"]["envelope"], key)
    hashes = [base64.b64decode(h) for h in proof["hashes"]]
    got = root_from_inclusion(int(proof["logIndex"]), int(proof["treeSize"]), leaf_hash(body), hashes)
    message = '{"body":"%s","integratedTime":%s,"logID":"%s","logIndex":%s}' % (
        entry["canonicalizedBody"], entry["integratedTime"], base64.b64decode(entry["logId"]["keyId"]).hex(), entry["logIndex"])
    promise = base64.b64decode(entry["inclusionPromise"]["signedEntryTimestamp"])
    hint = base64.b64encode(signer.key.public.key_id).decode()
    return (bundle["mediaType"] == BUNDLE_TYPE and got == root == base64.b64decode(proof["rootHash"])
            and size == int(proof["treeSize"]) and key.verify(promise, message.encode())
            and entry["kindVersion"] == kind and material["publicKey"]["hint"] == hint)


def byte_for_byte(server):
    # Blanks, member order and escapes are the sender's, and must stay.
    env = json.loads(signer.envelope(statement("https://example.com/Type/v1", b"odd", note="\u00e9")))
    odd = ('{ "signatures":[ {"keyid":"", "sig" : "%s"} ],\n "payloadType":"application\\/vnd.in-toto+json",\t"payload":"%s", "x":[1.50] }'
           % (env["signatures"][0]["sig"], env["payload"]))
    r = server.submit(signer.proposal(odd))
    tap.is_(r.status, 201, "an envelope with blanks and escapes of its own is taken")
    uuid, index = r.headers["etag"], list(r.json().values())[0]["logIndex"]
    names = [uuid, uuid.upper(), uuid[16:], str(index), "sha256:" + sha(b"odd"), sha(b"odd"), sha(b"odd").upper(),
             "sha256:" + sha(odd.encode()), sha(base64.b64decode(env["payload"])), sha(signer.key.public.pem.encode())]
    for name in names:
        r = server.get(ATT + name)
        tap.ok(r.status == 200 and r.body == odd.encode(), f"it comes back byte for byte by {name[:24]}", r)
    tap.is_(r.headers["content-type"], ENVELOPE_TYPE, "as an envelope")
    for headers, path in (({}, "?format=bundle"), ({"Accept": BUNDLE_TYPE}, "")):
        r = server.get(ATT + uuid + path, headers)
        bundle = r.json()
        tap.is_(r.headers["content-type"], BUNDLE_TYPE, f"as a bundle {path}")
        tap.ok(check_bundle(bundle, server, {"kind": "dsse", "version": "0.0.1"}), "whose parts hold")
        got = bundle["dsseEnvelope"]
        payload = base64.b64decode(got["payload"])
        sig = base64.b64decode(got["signatures"][0]["sig"])
        tap.ok(signer.key.public.verify(sig, pae(got["payloadType"], payload)), "with the signer's signature")
    r = server.get(ATT + uuid, {"Accept": f"{ENVELOPE_TYPE}, {BUNDLE_TYPE};q=0.5"})
    tap.is_(r.body, odd.encode(), "who takes both gets the envelope")
    r = server.request("HEAD", ATT + uuid)
    tap.ok(r.status == 200 and int(r.headers["content-length"]) == len(odd), "HEAD gives its length")


def other_kinds(server):
    envelope = signer.envelope(statement("https://example.com/kinds/v1", b"kinds"))
    for proposal, version in ((intoto1(envelope), "0.0.1"), (intoto2(envelope), "0.0.2")):
        r = server.submit(proposal)
        tap.is_(r.status, 201, f"intoto {version} is taken")
        uuid = r.headers["etag"]
        tap.ok("attestation" not in r.json()[uuid], "its answer has no attestation")
        for item in (server.get("/api/v1/log/entries/" + uuid).json(),
                     server.post(RETRIEVE, {"entryUUIDs": [uuid]}).json()[0]):
            data = base64.b64decode(item[uuid]["attestation"]["data"], validate=True)
            tap.is_(data, base64.b64decode(json.loads(envelope)["payload"]), "reading gives the statement")
        got = json.loads(server.get(ATT + uuid).body)
        tap.is_(got, json.loads(envelope), "the envelope comes back in its ordinary form")
        bundle = server.get(ATT + uuid + "?format=bundle").json()
        tap.ok(check_bundle(bundle, server, {"kind": "intoto", "version": version}), "and as a bundle")
    r = server.submit(signer.hashedrekord(b"hashed only"))
    uuid = r.headers["etag"]
    r = server.get(ATT + uuid)
    tap.ok(r.status == 404 and "hashedrekord" in r.json()["message"], "a hashedrekord has no envelope", r)
    bundle = server.get(ATT + uuid + "?format=bundle").json()
    tap.ok(check_bundle(bundle, server, {"kind": "hashedrekord", "version": "0.0.1"}), "but a bundle")
    message = bundle["messageSignature"]
    tap.ok(base64.b64decode(message["messageDigest"]["digest"]).hex() == sha(b"hashed only")
           and signer.key.public.verify(base64.b64decode(message["signature"]), b"hashed only"), "with digest and signature")
    r = server.get(ATT + "0")
    own = json.loads(r.body)
    tap.ok(own["type"] == "provlog/log/v1" and r.headers["content-type"] == "application/json", "entry 0 is the log's own", r)


def lists_and_newest(server):
    artifact = b"many times"
    types = ["https://example.com/Upper/v%d" % i for i in range(5)]
    sent = []
    for t in types:
        envelope = signer.envelope(statement(t, artifact))
        r = server.submit(signer.proposal(envelope))
        sent.append((list(r.json().values())[0]["logIndex"], r.headers["etag"], envelope))
    server.submit(signer.hashedrekord(artifact))
    tap.is_(server.get(ATT + sha(artifact)).body.decode(), sent[-1][2], "by digest: the newest that has an envelope")
    newest = server.get(ATT + sha(artifact) + "?format=bundle").json()
    tap.ok("messageSignature" in newest, "as a bundle: the newest of all")
    listed = server.get(ATT + sha(artifact) + "?format=list").json()
    want = [{"index": i, "kind": "dsse/0.0.1", "predicateType": t, "uuid": u} for (i, u, _), t in zip(sent, types)]
    tap.is_(listed[:-1], want, "the list has all, oldest first, with the signer's spelling of the type")
    tap.ok(listed[-1]["kind"] == "hashedrekord/0.0.1" and "predicateType" not in listed[-1], "a hashedrekord among them")
    tap.is_(server.get(ATT + f"{sent[2][0]}?format=list").json(), [want[2]], "of an index: that entry")
    later = server.get(ATT + sha(artifact) + f"?format=list&from={sent[3][0]}").json()
    tap.is_(later[:-1], want[3:], "from= goes on at an index")
    # More bytes than one page reads: the rest is announced, and nothing is lost or repeated.
    for i in range(4):
        big = signer.envelope(statement("https://example.com/big/v1", b"big", pad=str(i) * 500_000))
        tap.is_(server.submit(signer.proposal(big)).status, 201, "a statement of 500 kB")
    indexes, path = [], ATT + sha(b"big") + "?format=list"
    pages = 0
    while path and pages < 10:
        r = server.get(path)
        indexes += [x["index"] for x in r.json()]
        after = r.headers.get("x-provlog-next")
        path = ATT + sha(b"big") + f"?format=list&from={after}" if after else None
        pages += 1
    tap.ok(pages > 1 and len(indexes) == 4 and indexes == sorted(set(indexes)), "pages join to the whole", (pages, indexes))


def search(server):
    body = {"hash": sha(b"odd")}
    (uuid,) = server.post(INDEX, body).json()
    for query in ({"hash": "sha256:" + sha(b"odd").upper()}, {"hash": "SHA256:" + sha(b"odd")},
                  {"subject": "predicate:HTTPS://example.com/type/V1"},
                  {"hash": sha(b"odd"), "subject": "predicate:https://example.com/type/v1", "operator": "and"}):
        r = server.post(INDEX, query)
        if str(query["hash"] if "hash" in query else "").startswith("SHA256"):
            tap.is_(r.status, 422, "an upper-case prefix is refused, as Rekor does")
            continue
        tap.is_(r.json(), [uuid], f"found by {query}"[:90])
    key = {"format": "x509", "content": b64(signer.key.public.pem)}
    mine = server.post(INDEX, {"publicKey": key}).json()
    tap.ok(len(mine) >= 12 and len(set(mine)) == len(mine), f"the key finds all its {len(mine)} entries, each once")
    bare = {"format": "x509", "content": b64(signer.key.public.pem.rstrip("\n"))}
    tap.is_(server.post(INDEX, {"publicKey": bare}).json(), mine, "also without the last line end")
    both = server.post(INDEX, {"publicKey": key, "hash": sha(b"many times"), "operator": "and"}).json()
    tap.is_(len(both), 6, "and: key and digest")
    either = server.post(INDEX, {"hash": sha(b"odd"), "email": "nobody@example.com"}).json()
    tap.is_(either, [uuid], "or: what is unknown adds nothing")
    none = server.post(INDEX, {"publicKey": key, "hash": "00" * 32, "operator": "and"}).json()
    tap.is_(none, [], "and with something unknown finds nothing")
    tail = server.post(INDEX + "?from=5", {"publicKey": key}).json()
    tap.is_(tail, mine[-len(tail):], "from= leaves out what is older")
    for i in range(30):
        artifact = b"at once %d" % i
        made = server.submit(signer.hashedrekord(artifact)).headers["etag"]
        if server.post(INDEX, {"hash": sha(artifact)}).json() != [made]:
            return tap.ok(False, f"entry {i} is found as soon as its submission is answered")
    return tap.ok(True, "30 entries are found as soon as their submissions are answered")


def retrieve_forms(server):
    envelope = signer.envelope(statement("https://example.com/forms/v1", b"forms"))
    proposals = [signer.proposal(envelope), intoto1(envelope), intoto2(envelope), signer.hashedrekord(b"forms")]
    made = [server.submit(p) for p in proposals]
    ids = [r.headers["etag"] for r in made]
    bodies = [json.loads(base64.b64decode(r.json()[i]["body"])) for r, i in zip(made, ids)]
    got = server.post(RETRIEVE, {"entries": proposals}).json()
    tap.is_([list(x)[0] for x in got], ids, "entries are found by their proposals")
    got = server.post(RETRIEVE, {"entries": bodies}).json()
    tap.is_([list(x)[0] for x in got], ids, "and by their canonical bodies")
    for item in got:
        server.check_entry(item)
    sizes = {list(x.values())[0]["verification"]["inclusionProof"]["treeSize"] for x in got}
    tap.is_(len(sizes), 1, "one answer is about one tree")
    mixed = {"entryUUIDs": [ids[0][16:], ids[1], "00" * 32, "1" * 16 + ids[0][16:]], "logIndexes": [0, 10**12], "entries": [proposals[3], signer.hashedrekord(b"not logged")]}
    got = [list(x)[0] for x in server.post(RETRIEVE, mixed).json()]
    first = list(server.get("/api/v1/log/entries?logIndex=0").json())[0]
    tap.is_(got, [ids[1], ids[0], ids[3], first], "whole ids, then uuids and entries, then indexes; unknown ones left out")
    big = signer.proposal(signer.envelope(statement("https://example.com/big/v1", b"on a worker", pad="x" * 50_000)))
    r = server.submit(big)
    tap.ok(r.status == 201 and server.check_entry(r.json()), "a large one goes through a worker")
    tap.is_([list(x)[0] for x in server.post(RETRIEVE, {"entries": [big]}).json()], [r.headers["etag"]], "and is retrieved through one")


with Server() as server:
    byte_for_byte(server)
    other_kinds(server)
    lists_and_newest(server)
    search(server)
    retrieve_forms(server)
    tap.is_(server.stop(), 0, "it ends well")
tap.done()
