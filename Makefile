.PHONY: check replicas fuzz build bench bench-full bench-clickhouse

# Everything: formatting, vet, staticcheck, tidiness, architecture, all tests
# under the race detector or beside it, foreign clients, a real browser.
check:
	@bash scripts/check.sh

# What check does without: tests of replicas of a ClickHouse, which need a
# ZooKeeper, and the whole suite of tests in clusters: make replicas REPLICAS=-v
REPLICAS ?=
replicas:
	@bash scripts/replicas.sh $(REPLICAS)

# Each fuzz test for a while: make fuzz FUZZTIME=1m
FUZZTIME ?= 20s
fuzz:
	@bash scripts/fuzz.sh $(FUZZTIME)

build:
	go build -o bin/tollbook ./cmd/tollbook

# Beside PostgreSQL, SQLite and DuckDB, in about 5 minutes; writes
# docs/benchmarks.md. A part of it: make bench BENCH="-only tollbook,single"
BENCH ?=
bench:
	@bash scripts/bench.sh $(BENCH)

# The same at greater length, and Tollbook alone at 50 million events: up to an
# hour and some 40 GB of disk.
bench-full:
	@bash scripts/bench.sh -full $(BENCH)

# The local store beside 1, 2 and 4 servers over a ClickHouse, in about 15
# minutes; writes docs/benchmarks-clickhouse.md. With as many events as a large
# month: make bench-clickhouse BENCH="-fill 100000000 -clickhouse-dir DIR"
bench-clickhouse:
	@bash scripts/bench.sh -clickhouse $(BENCH)
