#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - a tour of provlog on a fresh server; every line after "$" is what a user would type.
#
# ONCE=1 ends after the tour; else it serves until Ctrl-C. PORT=3000 asks for a fixed port. Whatever
# does not come out as told ends the tour with an exit status other than 0.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
build=${PROVLOG_BUILD:-$here/build}
chains=$here/tests/data/chains/signed
digest=e1fb315f15213424e401a17bb6becab0f328e51180c7c4af94d9a761802128e7 # the model in Chains' runs
server_pid=

fail() {
    printf '\ndemo: %s\n' "$1" >&2
    exit 1
}

stop_server() { # its exit status
    server_status=0
    if [ -n "$server_pid" ]; then
        kill -TERM "$server_pid" 2>/dev/null || :
        wait "$server_pid" || server_status=$?
        server_pid=
    fi
    return "$server_status"
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    status=$?
    trap - EXIT INT TERM
    if [ "$status" -ne 0 ] && [ -s "$work/provlogd.log" ]; then
        printf '\nThe last lines of the server:\n' >&2
        tail -n 20 "$work/provlogd.log" >&2
    fi
    stop_server || :
    cd /
    rm -rf "$work"
    exit "$status"
}

title() {
    step=$((${step:-0} + 1))
    printf '\n%s. %s\n' "$step" "$1"
}

say() {
    printf '   %s\n' "$@"
}

# Shows a command line, runs it and indents what it prints.
run() {
    # shellcheck disable=SC2016 # the dollar is the prompt
    printf '\n   $ %s\n' "$1"
    got=0
    eval "$1" >"$work/out" 2>&1 || got=$?
    sed 's/^/   /' "$work/out"
    [ "$got" -eq "${2:-0}" ] || fail "this ended with status $got, not ${2:-0}"
}

# Runs it without showing the output, which is much alike each time.
run_quiet() {
    printf '   $ %s\n' "$1"
    eval "$1" >"$work/out" 2>&1 || {
        sed 's/^/   /' "$work/out"
        fail "this failed"
    }
}

start_server() {
    printf '\n   $ provlogd --data-dir data --listen 127.0.0.1:%s &\n' "${PORT:-0}"
    # In a session of its own: Ctrl-C is for this script, which then stops the server in order.
    setsid provlogd --data-dir data --listen "127.0.0.1:${PORT:-0}" --admin-listen 127.0.0.1:0 \
        --ready-json >ready.json 2>provlogd.log &
    server_pid=$!
    waited=0
    while [ ! -s ready.json ]; do
        kill -0 "$server_pid" 2>/dev/null || fail "provlogd did not start"
        [ "$waited" -lt 300 ] || fail "provlogd was not ready within 30 seconds"
        waited=$((waited + 1))
        sleep 0.1
    done
    PROVLOG_SERVER=$(sed -n 's/.*"listen":\["\([^"]*\)".*/\1/p' ready.json)
    [ -n "$PROVLOG_SERVER" ] || fail "provlogd did not say where it listens"
    export PROVLOG_SERVER
}

# A valid safetensors file: 8 bytes of header length, the header, 256 bytes of weights.
make_model() {
    mkdir model
    header='{"layer.weight":{"dtype":"U8","shape":[16,16],"data_offsets":[0,256]}}  '
    {
        # The length is below 128: one byte, and seven zero bytes, little-endian.
        # shellcheck disable=SC2059 # the octal escape is the format
        printf "\\$(printf '%03o' "${#header}")\\0\\0\\0\\0\\0\\0\\0"
        printf '%s' "$header"
        i=0
        while [ "$i" -lt 256 ]; do
            # shellcheck disable=SC2059
            printf "\\$(printf '%03o' $((i * 7 % 256)))"
            i=$((i + 1))
        done
    } >model/weights.safetensors
    printf '{"architectures":["TinyClassifier"],"hidden_size":16}\n' >model/config.json
    cat >provenance.json <<'JSON'
{
  "buildDefinition": {
    "buildType": "https://example.com/train/v1",
    "externalParameters": {"dataset": "gs://example-data/tiny", "epochs": 3},
    "resolvedDependencies": [
      {"uri": "git+https://example.com/models/tiny.git",
       "digest": {"gitCommit": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}}
    ]
  },
  "runDetails": {"builder": {"id": "https://example.com/trainer"}}
}
JSON
}

same_entry() { # WHAT: the results in first/ and second/ name one entry
    for part in entry-uuid log-index; do
        cmp -s "first/$part" "second/$part" || fail "$1 made another entry"
    done
}

work=$(mktemp -d "${TMPDIR:-/tmp}/provlog-demo.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"
PATH=$build:$PATH
NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 COSIGN_PASSWORD=
export PATH NO_PROXY no_proxy COSIGN_PASSWORD
for binary in provlogd provlog; do
    [ -x "$build/$binary" ] || fail "$build/$binary is not built"
done
cp "$chains/cosign.pub" chains.pub
mkdir first second

title 'A server: one process, one folder, nothing to configure'
start_server
run "export PROVLOG_SERVER=$PROVLOG_SERVER"
run 'provlog trust export --log-key data/keys/v1.pub >trusted_root.json'
run 'provlog trust export --log-key data/keys/v1.pub --fingerprint'
say '' 'trusted_root.json holds the key of the log: whoever verifies needs this file, and compares its' \
    'fingerprint once with what the operator publishes. Here the key comes from the folder of the' \
    'server; without --log-key the client takes what the server says, with a warning.'

title 'A key pair, a model, and how it was made'
run 'provlog keygen --out my'
make_model
run 'ls -l model'
run 'provlog model digest model'

title 'Sign the provenance of the model and put it on record'
run 'provlog attest --key my.key --type slsaprovenance1 --predicate provenance.json \
       --trusted-root trusted_root.json --bundle model.sigstore.json --results first model'
say '' 'The answer came after the entry was durable; the client checked its signed timestamp, inclusion' \
    'proof and checkpoint, and wrote all of it with the signature into model.sigstore.json.'

title 'Verify model, attestation and proof: offline, with three files'
run 'provlog verify --bundle model.sigstore.json --key my.pub --trusted-root trusted_root.json \
       --type slsaprovenance1 model'

title 'One byte of the weights changed: refused'
cp -r model changed
run 'printf "\001" | dd of=changed/weights.safetensors bs=1 seek=200 conv=notrunc status=none'
cmp -s model/weights.safetensors changed/weights.safetensors && fail 'the byte was not changed'
run 'provlog verify --bundle model.sigstore.json --key my.pub --trusted-root trusted_root.json \
       --type slsaprovenance1 changed' 1

title 'The same submission again: the same entry'
run 'provlog submit --public-key my.pub --trusted-root trusted_root.json --results second \
       model.sigstore.json'
same_entry 'the same submission'

title 'What the real Tekton Chains signed, of the old generation and the new'
for version in v0.28.1 v0.29.2; do
    mkdir "$version"
    for run_of in taskrun-upload-model pipelinerun; do
        for format in slsa-v1 slsa-v2alpha4; do
            cp "$chains/$version/$run_of.$format.dsse.json" "$version/"
            run_quiet "provlog submit --public-key chains.pub --trusted-root trusted_root.json --results second $version/$run_of.$format.dsse.json"
            say "entry $(cat second/log-index)"
        done
    done
done
say '' 'A pipeline has the envelope as an annotation, in base64. That text is taken as it is:'
sed -n 's/.*"chains.tekton.dev\/signature-[^"]*": *"\([^"]*\)".*/\1/p' \
    "$chains/v0.29.2/pipelinerun.slsa-v2alpha4.annotations.json" >annotation
[ -s annotation ] || fail 'the annotation was not found'
mv second/* first/
run 'provlog submit --public-key chains.pub --trusted-root trusted_root.json --results second \
       --bundle chains.sigstore.json annotation'
same_entry 'the annotation of a run that was submitted already'

title 'Where does this model come from? Search by its digest, verify what is found'
run "provlog search --trusted-root trusted_root.json --sha256 $digest"
run "provlog verify --bundle chains.sigstore.json --key chains.pub --trusted-root trusted_root.json \\
       --type slsaprovenance1 sha256:$digest"

title 'The log only grows: every later state proves that it holds the earlier ones'
run 'provlog loginfo --trusted-root trusted_root.json'
run 'provlog logproof --trusted-root trusted_root.json --first-size 2 --last-size 6'

if [ -n "${ONCE:-}" ] && [ "$ONCE" != 0 ]; then
    stop_server || fail "provlogd ended with status $?"
    printf '\nDone. Without ONCE=1 the server keeps running.\n'
    exit 0
fi
cat <<END

The server is still here until Ctrl-C. Try it from another terminal:

   export PATH=$build:\$PATH PROVLOG_SERVER=$PROVLOG_SERVER
   cd $work
   provlog search --sha256 $digest
   curl $PROVLOG_SERVER/api/v1/log
END
trap 'stop_server || :; exit 0' INT TERM
ended=0
wait "$server_pid" || ended=$?
fail "provlogd ended by itself with status $ended"
