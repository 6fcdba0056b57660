package main

import (
	"fmt"

	"tollbook/bench/report"
)

// terms says what a reader must know to judge the figures.
func terms(p *plan) []string {
	if p.reads != nil {
		return termsOfLayouts(p)
	}
	if p.freshness > 0 {
		return termsOfStores(p)
	}
	all := []string{
		"The load generator runs on the same machine as the engines. An event is 376 bytes of JSON with its comma; ids are random; one in 200 was sent before. A million records (2,000 accounts, 45,000 prices) exist before anything is measured.",
		"Tollbook gets JSON over HTTP with an access token, validates it and finds the price among 49,500 rows. In the end every record is compared with the sums that the workload itself comes to; without that there is no report.",
	}
	if len(p.scenarios) > 0 {
		all = append(all, comparison(p)...)
	}
	if p.length != nil {
		all = append(all, fmt.Sprintf("At length: requests are made while others are under way, on the same cores. Pages are read one after another over one connection. In the overload a batch of 1,000 is due %d times as often as the windows' median says that it is taken, whether or not earlier ones have been answered; one that is refused is offered again.", p.length.overloadTimes))
	}
	return all
}

// termsOfStores says the same of the stores of Tollbook.
func termsOfStores(p *plan) []string {
	records := report.Count(float64(p.workload.Records()))
	all := []string{
		fmt.Sprintf("ClickHouse, the tollbook servers and what sends to them are on one machine. An event is 376 bytes of JSON with its comma; ids are random; one in %d was sent before. An organization has %s records (%d accounts, %s prices), all of which exist before anything is measured.", p.workload.Repeats, records, p.workload.Accounts, report.Count(float64(p.workload.Rates))),
		"In the end every record is compared, over HTTP, with the sums that the workload itself comes to, and the number of events in ClickHouse with what was sent; without that there is no report.",
		fmt.Sprintf("ClickHouse is the one that the tests run, a server each for 1, 2 and 4 tollbook servers: 2 threads a query, at most 8 GiB of memory. Everything acknowledged is synced (fsync_after_insert). Pages may be %v old.", p.freshness),
	}
	if len(p.scenarios) > 0 {
		all = append(all, fmt.Sprintf("Events a second: in each of %d rounds every engine has its turn with the same events in the same batches, its connections spread evenly over its servers, and of single events ClickHouse gets a fifth; before a turn, background work of the others is waited for, for up to 3 seconds. CPU is that of the servers and of ClickHouse, work that was put off included. Disk is after a merge of all parts.", p.rounds))
	}
	if l := p.stores; l != nil {
		all = append(all, fmt.Sprintf("At length: both stores get the same events, ClickHouse over %d servers. Pages have 250 records and are read one after another over one connection, %d of each kind; while the stores are filled at the rate that they take, one every %v. A page may be as old as was asked for when the request comes in; what it waits then comes on top. Tables are measured as they are and merged into as few parts as there can be.", l.servers, l.requests, lookEvery))
	}
	return all
}

// comparison says what side by side means.
func comparison(p *plan) []string {
	return []string{
		fmt.Sprintf("In each of %d rounds every engine has its turn with the same scenario; before a turn, background work of the others is waited for, for up to 3 seconds. CPU is all that an engine used from its first turn in a scenario to the end of the scenario, work that it put off included, but not what sends to it, except for SQLite and DuckDB, which live in the process that makes their rows.", p.rounds),
		"Every engine gets the same sequence of events; one that is very slow at small batches gets fewer of them, and Tollbook gets more, those that it imports. All acknowledge a batch when it is on disk, tell a repeated event from one that conflicts, keep the whole event and hold minutes, USD and number of events for each account, month and price.",
		"The others get rows that are parsed, validated and priced, with accounts and prices as small numbers, sorted by key: work that they are spared. They have no index by which the events of a record could be listed, which Tollbook has.",
		"PostgreSQL: binary COPY into a temporary table, one statement for events and totals, one transaction a batch, 2 connections, which is what it is fastest with here; batches of 100 as arrays on 2 connections, single events on 16. synchronous_commit, fsync and full_page_writes are on, shared buffers 4 GB, max_wal_size 16 GB. SQLite: WAL, synchronous=FULL, prepared statements. DuckDB: appender, INSERT … ON CONFLICT. Both have one writer.",
		"Disk is what the files take once the write-ahead log is checkpointed (PostgreSQL's log itself is not counted), less what the empty engine took; Tollbook's is its whole directory. Memory is the peak; PostgreSQL's that of all its processes, what they share counted once.",
	}
}
