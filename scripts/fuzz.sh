#!/usr/bin/env bash
# Runs every fuzz test for the given time: scripts/fuzz.sh 20s
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
  for fuzz in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2 | sort); do
    echo "== $dir $fuzz"
    go test -run '^$' -fuzz "^$fuzz\$" -fuzztime "$time" "$dir"
  done
done
