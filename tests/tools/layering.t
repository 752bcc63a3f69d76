#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layering.t - who may include whom, and that core stays pure (HACKING.md, "Layers")."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# folder -> prefixes of ours that it may include. A file's own row may add to its folder's.
MAY = {
    'core/base': ['core/base/'],
    'core/crypto': ['core/base/', 'core/crypto/'],
    'core/tlog': ['core/base/', 'core/crypto/', 'core/tlog/'],
    'core/attest': ['core/base/', 'core/crypto/', 'core/attest/'],
    'core/trust': ['core/base/', 'core/crypto/', 'core/tlog/', 'core/trust/'],
    'core/verify': ['core/'],
    'store': ['core/base/', 'core/tlog/', 'store/', 'schema_sql.h'],
    'client': ['core/', 'client/'],
    'server': ['core/', 'store/store.h', 'server/'],
}
MAY_FILE = {'server/mirror.c': ['client/rekor.h']}
# third-party header -> the files that may include it
ONLY = [
    (r'openssl/', r'core/(crypto|trust)/|server/http[a-z_]*\.c$'),
    (r'sodium', r'core/crypto/'),
    (r'sqlite3', r'store/'),
    (r'jansson', r'core/base/json\.[ch]$'),
    (r'event2/(buffer|bufferevent|listener)|http_parser', r'server/(http[a-z_]*|loop)\.[ch]$'),
    (r'event2/', r'server/'),
    (r'curl/', r'client/http\.c$|server/outbound\.c$'),
]
# core is pure: no file, socket, clock, environment or thread
IMPURE_HEADER = re.compile(r'^(pthread|threads|time|unistd|fcntl|dirent|poll|signal|sys/.*|netinet/.*'
                           r'|arpa/.*|netdb)\.h$')
IMPURE_SYMBOL = re.compile(r'^(open|openat|fopen|read|write|socket|connect|time|gettimeofday'
                           r'|clock_gettime|getenv|secure_getenv|pthread_(?!once).*|thrd_.*|fork|system'
                           r'|printf|puts|fprintf)$')
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def folder_of(path):
    for folder in MAY:
        if path.startswith(folder + '/'):
            return folder
    return None


def breaches(root):
    """Every forbidden include below @root, as text."""
    found = []
    for top in ('core', 'store', 'server', 'client'):
        for where, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if not name.endswith(('.c', '.h')):
                    continue
                path = os.path.relpath(os.path.join(where, name), root)
                with open(os.path.join(root, path), encoding='utf-8') as f:
                    text = f.read()
                for kind, header in INCLUDE.findall(text):
                    why = breach(path, kind, header)
                    if why:
                        found.append(f'{path}: {header}: {why}')
    return found


def breach(path, kind, header):
    folder = folder_of(path)
    if folder is None:
        return 'file in no known layer'
    if kind == '"':
        allowed = MAY[folder] + MAY_FILE.get(path, [])
        return None if any(header.startswith(a) for a in allowed) else f'{folder} may not include it'
    for pattern, files in ONLY:
        if re.match(pattern, header):
            return None if re.match(files, path) else f'only {files} may'
    if path.startswith('core/') and IMPURE_HEADER.match(header):
        return 'core is pure'
    return None


def impure_symbols(archive):
    out = subprocess.run(['nm', '-u', archive], capture_output=True, text=True, check=True).stdout
    return sorted({w[1].split('@')[0] for w in (line.split() for line in out.splitlines())
                   if len(w) == 2 and IMPURE_SYMBOL.match(w[1].split('@')[0])})


def self_check():
    """The checker finds what it is for."""
    bad = {
        'core/tlog/x.c': '#include "core/attest/dsse.h"',
        'core/attest/x.c': '#include "core/tlog/merkle.h"',
        'core/base/x.c': '#include <time.h>',
        'core/crypto/x.c': '#include "core/tlog/note.h"',
        'store/x.c': '#include "core/crypto/key.h"',
        'store/y.c': '#include "server/http.h"',
        'client/x.c': '#include "store/store.h"',
        'client/y.c': '#include <curl/curl.h>',
        'server/x.c': '#include <sqlite3.h>',
        'server/api.c': '#include <event2/bufferevent.h>',
        'server/y.c': '#include "client/rekor.h"',
        'server/z.c': '# include <openssl/evp.h>',
        'core/verify/x.c': '#include <jansson.h>',
    }
    good = {'server/mirror.c': '#include "client/rekor.h"', 'store/z.c': '#include <sqlite3.h>',
            'core/verify/y.c': '#include "core/tlog/note.h"'}
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**bad, **good}.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), 'w', encoding='utf-8') as f:
                f.write(text + '\n')
        found = {b.split(':')[0] for b in breaches(root)}
        return found == set(bad), sorted(found ^ set(bad))


def main():
    print('1..3')
    ok, diff = self_check()
    print('ok' if ok else 'not ok', '1 - the checker finds each forbidden include, and only these')
    if not ok:
        print('#', diff)
    found = breaches(ROOT)
    print('not ok' if found else 'ok', '2 - every include stays within the layers')
    for f in found:
        print('#', f)
    archive = os.path.join(os.environ.get('PROVLOG_BUILD', os.path.join(ROOT, 'build')),
                           'libprovlog-core.a')
    if os.environ.get('SAN'):
        print('ok 3 - core calls nothing impure # SKIP a sanitizer build has symbols of its own')
    else:
        symbols = impure_symbols(archive)
        print('not ok' if symbols else 'ok', '3 - core calls no file, socket, clock, environment or thread')
        if symbols:
            print('#', symbols)
        ok = ok and not symbols
    return 0 if ok and not found else 1


if __name__ == '__main__':
    sys.exit(main())
