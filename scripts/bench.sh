#!/usr/bin/env bash
# Measures Tollbook beside what one would write instead: scripts/bench.sh [-full]
# [flags of bench]; with -clickhouse first, the local store beside a ClickHouse.
# A run with no other flags writes docs/benchmarks.md or
# docs/benchmarks-clickhouse.md; any writes its report to standard output. On
# Debian and Ubuntu it installs what it is missing, by package name (as root or
# with sudo); elsewhere it says in one line what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
have() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
have g++ g++ # SQLite and DuckDB
if [ "${1:-}" = -clickhouse ]; then
  bash scripts/clickhouse.sh >&2
elif ! command -v postgres >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  missing+=(postgresql)
fi
if ((${#missing[@]} > 0)); then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if command -v apt-get >/dev/null && { [ -z "$sudo" ] || $sudo true 2>/dev/null; }; then
    echo "installing ${missing[*]}" >&2
    $sudo apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "to measure everything, install: ${missing[*]}" >&2
  fi
fi

case "$*" in
-clickhouse) set -- "$@" -out docs/benchmarks-clickhouse.md ;;
'' | -full) set -- -out docs/benchmarks.md "$@" ;;
esac
go build -C bench -o ../bin/bench .
exec bin/bench -root . "$@"
