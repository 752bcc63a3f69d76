#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make.sh - makes the certificates of this folder anew (openssl 3, fresh keys, each valid 100 years).
# Leaves are as Fulcio writes them, or wrong in one way that their name tells. Run in this folder.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
issuer_v2=1.3.6.1.4.1.57264.1.8
issuer_v1=1.3.6.1.4.1.57264.1.1
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }

# leaf NAME KEY-OPTIONS EXTENSION... - self-signed; an empty subject as Fulcio's
leaf() {
    name=$1 key=$2
    shift 2
    {
        printf '[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nO=test\n[ext]\n'
        printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n'
        for line in "$@"; do printf '%s\n' "$line"; done
    } >"$work/conf"
    # shellcheck disable=SC2086
    openssl req -x509 -newkey $key -nodes -keyout "$work/key" -config "$work/conf" -days 36500 \
        -out "$name.pem" 2>/dev/null
}
p256='ec -pkeyopt ec_paramgen_curve:P-256'
google=https://accounts.google.com
leaf fulcio-email "$p256" "subjectAltName=critical,email:ci@example.com" \
    "$issuer_v1=DER:$(hex $google)" "$issuer_v2=ASN1:UTF8String:$google"
leaf fulcio-othername "$p256" "subjectAltName=@names" \
    "$issuer_v2=ASN1:UTF8String:https://idp.example.com" \
    '[names]' 'otherName=1.3.6.1.4.1.57264.1.7;FORMAT:UTF8,UTF8:jörg!example.com'
leaf fulcio-v1-only "$p256" "subjectAltName=URI:https://example.com/workflow" \
    "$issuer_v1=DER:$(hex https://token.example.com)"
leaf all-names "$p256" \
    "subjectAltName=DNS:a.example,email:b@c.example,URI:x:y,IP:192.0.2.7,IP:2001:db8::1,IP:::1,IP:1:0:0:2:0:0:0:3,IP:1:2:0:4:5:6:7:0,IP:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,IP:2001:db8::,IP:::,IP:::ffff:192.0.2.1,RID:1.2.3,otherName:1.2.3.4;UTF8:other"
leaf no-names "$p256" "basicConstraints=CA:FALSE"
leaf bad-issuers-differ "$p256" "subjectAltName=email:ci@example.com" \
    "$issuer_v1=DER:$(hex https://a.example)" "$issuer_v2=ASN1:UTF8String:https://b.example"
leaf bad-issuer-not-utf8string "$p256" "$issuer_v2=ASN1:IA5String:https://b.example"
leaf bad-issuer-trailing "$p256" "$issuer_v2=DER:0c0161ff"
leaf bad-issuer-nul "$p256" "$issuer_v2=DER:0c03610062"
# rfc822Name "a@b.c\0.d" and "a\xff"; dNSName of no bytes; iPAddress of three bytes
leaf bad-name-nul "$p256" "subjectAltName=DER:300a81086140622e63002e64"
leaf bad-name-not-utf8 "$p256" "subjectAltName=DER:3004810261ff"
leaf bad-name-empty "$p256" "subjectAltName=DER:30028200"
leaf bad-name-ip "$p256" "subjectAltName=DER:30058703010203"
leaf bad-othername-ia5 "$p256" "subjectAltName=otherName:1.3.6.1.4.1.57264.1.7;IA5:x"
# openssl writes none twice: 2.5.29.99 is changed to .17 afterwards (nobody checks the signature)
leaf other "$p256" "subjectAltName=email:a@b.c" "2.5.29.99=DER:3007810564406540662e67"
openssl x509 -in other.pem -outform DER | LC_ALL=C perl -pe 's/\x55\x1d\x63/\x55\x1d\x11/' >"$work/der"
rm other.pem
{
    echo '-----BEGIN CERTIFICATE-----'
    openssl base64 -in "$work/der"
    echo '-----END CERTIFICATE-----'
} >bad-extension-twice.pem
leaf bad-key-rsa1024 rsa:1024 "subjectAltName=email:a@b.c"
leaf bad-key-p224 'ec -pkeyopt ec_paramgen_curve:P-224' "subjectAltName=email:a@b.c"
names=$(for i in $(seq 65); do printf 'DNS:h%s.example,' "$i"; done)
leaf bad-names-65 "$p256" "subjectAltName=${names%,}"

# A chain of three, and one whose intermediate is signed with SHA-1.
issue() { # NAME SIGNER EXTENSIONS [DIGEST]
    printf '%s\n' "$3" >"$work/ext"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" \
        -subj "/O=test/CN=$1" -out "$work/csr" 2>/dev/null
    if [ "$2" = self ]; then
        openssl x509 -req -in "$work/csr" -signkey "$work/$1.key" -days 36500 \
            -extfile "$work/ext" -out "$work/$1.pem" 2>/dev/null
    else
        openssl x509 -req -in "$work/csr" -CA "$work/$2.pem" -CAkey "$work/$2.key" -"${4:-sha256}" \
            -CAcreateserial -days 36500 -extfile "$work/ext" -out "$work/$1.pem" 2>/dev/null
    fi
}
ca='basicConstraints=critical,CA:TRUE'
issue root self "$ca"
issue stranger self "$ca"
issue middle root "$ca"
issue middle-sha1 root "$ca" sha1
issue signer middle 'subjectAltName=email:ci@example.com'
issue signer-sha1 middle-sha1 'subjectAltName=email:ci@example.com'
cat "$work/signer.pem" "$work/middle.pem" "$work/root.pem" >chain.pem
# Valid for ten minutes long ago, as Fulcio's are by the time anyone looks; and before its root.
old() { # NAME START END SIGNER
    : >"$work/index"
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\nserial=%s\npolicy=p\n[p]\nCN=supplied\n' "$work/index" \
        "$work" "$work/serial" >"$work/ca.conf"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$1.key" \
        -subj "/CN=$1" -out "$work/csr" 2>/dev/null
    openssl ca -batch -config "$work/ca.conf" -in "$work/csr" -cert "$work/$4.pem" \
        -keyfile "$work/$4.key" -md sha256 -rand_serial -startdate "$2" -enddate "$3" \
        -extfile "$work/ext" -out "$work/$1.pem" -notext 2>/dev/null
}
printf '%s\n' "$ca" >"$work/ext"
old oldroot 20200101000000Z 21200101000000Z root
: >"$work/ext"
old oldleaf 20210101000000Z 20210101001000Z oldroot
old earlyleaf 20190101000000Z 21190101000000Z oldroot
cat "$work/oldleaf.pem" "$work/oldroot.pem" >chain-expired-since.pem
cat "$work/earlyleaf.pem" "$work/oldroot.pem" >bad-chain-before-root.pem
cat "$work/signer.pem" "$work/middle.pem" "$work/stranger.pem" >bad-chain-stranger.pem
cat "$work/signer-sha1.pem" "$work/middle-sha1.pem" "$work/root.pem" >bad-chain-sha1.pem
