#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# need.sh build|check|lint|fuzz - install the Debian packages that this needs, if some are missing.
#
# As root apt-get is used; else `sudo -n`, then `sudo`; where neither works the one line that an
# administrator has to run is printed and the exit status is 2. With everything there: nothing.
set -eu
build='gcc make pkg-config libc6-dev libevent-dev libhttp-parser-dev libsqlite3-dev libjansson-dev
       libcurl4-openssl-dev libssl-dev libsodium-dev zlib1g-dev'
check="$build libcmocka-dev perl python3 openssl sqlite3 git prometheus man-db"
lint="$check clang-format clang-tidy cppcheck shellcheck"
fuzz="$build clang libclang-rt-14-dev"
case ${1:-build} in
build) list=$build ;;
check) list=$check ;;
lint) list=$lint ;;
fuzz) list=$fuzz ;;
*) echo "need.sh: unknown set '$1'" >&2; exit 2 ;;
esac
missing=
for package in $list; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
install="apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$missing"
echo "installing:$missing" >&2
if [ "$(id -u)" = 0 ]; then
    as_root='sh -c'
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n sh -c'
elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
    as_root='sudo sh -c'
else
    as_root=
fi
tries=0
while [ -n "$as_root" ] && [ $tries -lt 3 ]; do
    if $as_root "$install" >&2; then
        exit 0
    fi
    tries=$((tries + 1))
    sleep $((tries * 5))
done
echo "An administrator has to run this first: $install" >&2
exit 2
