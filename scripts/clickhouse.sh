#!/usr/bin/env bash
# Installs ClickHouse, for tests, into the user's cache: the engine that
# clickhousetest/engine/package-lock.json names, checked by the hash in it.
# Does nothing where it is installed. It takes 550 MB of disk.
set -euo pipefail
cd "$(dirname "$0")/../clickhousetest/engine"

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ] || ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
  echo "ClickHouse for tests is there for Linux on x86-64 with glibc only"
  exit 1
fi
# The same place as in clickhousetest/engine.go.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tollbook/clickhouse
dir=$cache/$(sha256sum package-lock.json | cut -c1-16)
if [ -f "$dir/libchdb.so" ]; then
  echo "ClickHouse is installed: $dir"
  exit 0
fi
command -v npm >/dev/null || { echo "to install ClickHouse for tests, install npm"; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9 # one at a time: what is found half done below was interrupted
rm -rf "$cache"/.install.*
if [ ! -f "$dir/libchdb.so" ]; then
  work=$(mktemp -d "$cache/.install.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp package.json package-lock.json .npmrc "$work"
  (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund)
  mkdir "$work/done"
  mv "$work/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so" "$work/done"
  sync "$work/done/libchdb.so"
  mv -T "$work/done" "$dir"
fi
echo "ClickHouse is installed: $dir"
