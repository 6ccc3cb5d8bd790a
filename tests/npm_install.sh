#!/bin/sh
# Installs the JavaScript packages that tests use, each folder from its own lock file, and only if
# that has changed since the last time.
set -eu
cd "$(dirname "$0")"
for folder in clients browser; do
    stamp="$folder/node_modules/.installed-from"
    if cmp -s "$folder/package-lock.json" "$stamp"; then continue; fi
    rm -f "$stamp"
    (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
    cp "$folder/package-lock.json" "$stamp"
done
