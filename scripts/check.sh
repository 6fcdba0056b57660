#!/usr/bin/env bash
# Checks everything. On Debian and Ubuntu it installs what it is missing, by
# package name (as root or with sudo); elsewhere it says in one line what to
# install. ClickHouse goes into the user's cache. What could not be run is named
# at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

step() { printf '\n== %s\n' "$1"; }

not_run=()
missing=()
have() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
have gcc gcc           # the race detector needs cgo
have node nodejs       # the foreign clients
have npm npm
have chromium chromium # the browser test
have g++ g++           # the databases of bench
if ! command -v postgres >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
  missing+=(postgresql)
fi

if ((${#missing[@]} > 0)); then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if command -v apt-get >/dev/null && { [ -z "$sudo" ] || $sudo true 2>/dev/null; }; then
    step "install ${missing[*]}"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "to run everything, install: ${missing[*]}"
  fi
fi

step ClickHouse
bash scripts/clickhouse.sh || true # tests that are not run for it say so

step gofmt
unformatted=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
[ -z "$unformatted" ] || { echo "not formatted: $unformatted"; exit 1; }

step "go mod tidy"
go mod tidy -diff

step "go vet"
go vet ./...

step staticcheck
go run "$staticcheck" ./...

race=-race
export GORACE="${GORACE:-} atexit_sleep_ms=0" # or each process of the tests sleeps for a second before it ends
if ! command -v gcc >/dev/null; then
  race=""
  not_run+=("the race detector: it needs gcc")
fi

# What takes much and does one thing after the other is not compiled for the race
# detector (//go:build !race), or left under it (checktest).
test_not_raced() {
  local packages
  packages=$(go list $race -f '{{range .IgnoredGoFiles}}{{$.ImportPath}} {{.}}{{"\n"}}{{end}}' ./... | awk '/_test\.go$/ {print $1}' | sort -u)
  [ -z "$packages" ] || go test -timeout 10m $packages
}

step "go test $race"
log=$(mktemp)
left=$(mktemp)
trap 'rm -f "$log" "$left"' EXIT
export TOLLBOOK_TEST_NOT_RUN="$log"
TOLLBOOK_TEST_LEFT="$left" go test $race -timeout 18m ./...
step "go test, of what the race detector has nothing to find in"
test_not_raced
if [ -s "$left" ]; then
  go test -parallel 4 -timeout 15m -run "$(cut -f2 "$left" | sort -u | paste -sd '|')" $(cut -f1 "$left" | sort -u)
fi
step "the contract over ClickHouse"
TOLLBOOK_TEST_STORE=clickhouse go test -timeout 10m ./api
# Modules of their own, whose dependencies do not reach the product.
for mod in $(git ls-files '*/go.mod'); do
  if [ "$mod" = bench/go.mod ] && ! command -v g++ >/dev/null; then
    not_run+=("bench: it needs g++")
    continue
  fi
  step "module $(dirname "$mod")"
  (
    cd "$(dirname "$mod")"
    go mod tidy -diff
    go vet ./...
    go run "$staticcheck" ./...
    go test $race -timeout 10m ./...
    test_not_raced
  )
done
while IFS= read -r line; do not_run+=("$line"); done < <(sort -u "$log")

step "result"
if ((${#not_run[@]} > 0)); then
  echo "passed, but not run here:"
  printf '  %s\n' "${not_run[@]}"
else
  echo "all checks passed"
fi
