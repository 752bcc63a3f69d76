#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed_sql.sh FILE... - print a C header with each migration as a string, in the order given.
set -eu
echo '/* Made from the migrations in schema; do not edit. */'
echo 'struct pl_migration { unsigned number; const char *name; const char *sql; };'
echo 'static const struct pl_migration PL_MIGRATIONS[] = {'
for file in "$@"; do
    name=$(basename "$file" .sql)
    number=$(printf '%s' "$name" | sed 's/_.*//; s/^0*//')
    printf '    {%s, "%s",\n' "$number" "$name"
    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/     "&\\n"/' "$file"
    echo '    },'
done
echo '};'
