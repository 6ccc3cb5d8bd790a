#!/bin/sh
# Installs the JavaScript packages that tests use, each folder from its own lock file, and only if
# that has changed since the last time. Folders are named relative to this one; none: those of the tests.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- clients browser sf
for folder in "$@"; do
    stamp="$folder/node_modules/.installed-from"
    if cmp -s "$folder/package-lock.json" "$stamp"; then continue; fi
    rm -f "$stamp"
    (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
    cp "$folder/package-lock.json" "$stamp"
done
