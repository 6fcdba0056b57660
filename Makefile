.PHONY: check fuzz build

# Everything: formatting, vet, staticcheck, tidiness, architecture, all tests
# under the race detector, foreign clients, a real browser.
check:
	@bash scripts/check.sh

# Each fuzz test for a while: make fuzz FUZZTIME=1m
FUZZTIME ?= 20s
fuzz:
	@bash scripts/fuzz.sh $(FUZZTIME)

build:
	go build -o bin/tollbook ./cmd/tollbook
