#!/usr/bin/env bash
# Runs the tests that need replicas of a ClickHouse, and all of the suite on one
# server and in a cluster, in about an hour. On
# Debian and Ubuntu it installs ZooKeeper, by package name (as root or with
# sudo); elsewhere it says what to install. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."

# The same jar as in clickhousetest/zookeeper.go.
if ! command -v java >/dev/null || [ ! -e /usr/share/java/zookeeper.jar ]; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if ! command -v apt-get >/dev/null || { [ -n "$sudo" ] && ! $sudo true 2>/dev/null; }; then
    echo "to test replicas, install zookeeper as Debian does: java, and /usr/share/java/zookeeper.jar"
    exit 1
  fi
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends zookeeper >/dev/null
fi
bash scripts/clickhouse.sh

TOLLBOOK_TEST_REPLICAS=1 TOLLBOOK_TEST_WHOLE=1 go test -count=1 -timeout 90m -run "Replica|Cluster|TestConformance" "$@" ./clickhousetest ./clickhousestore ./transfer ./cmd/tollbook
