package clickhousestore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// Report is what Verify found.
type Report struct {
	Definitions int64
	Events      int64 // that came, each name once
	Bookings    int64
	Records     int64
	Repeats     int64 // rows of names that several servers took at the same time
	Conflicts   int64 // of them: with other content than the one that counts

	Differences []string // the first maxDifferences
	Found       int      // all of them
}

const (
	maxDifferences = 100
	// namesAtOnce is about how many names are sorted together.
	namesAtOnce = 2_000_000
	maxParts    = 256
	// accountsAtOnce is of how many accounts the records are worked out together.
	accountsAtOnce = 1000
)

func (r *Report) differ(format string, args ...any) {
	if r.Found++; len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// Verify works every view out again from what was written down, up to the last
// fold, and tells what differs. told hears how far it is. An *Error with
// CodeConflict: servers fold all the time.
func (s *Store) Verify(ctx context.Context, told func(done, total int64)) (*Report, error) {
	f, err := s.fold(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	v := &verifier{store: s, upTo: f.instant}
	var rows int64
	err = s.one(ctx, fmt.Sprintf("SELECT toInt64(countIf(kind > 0)), toInt64((SELECT count() FROM bookings WHERE seq <= %d)), toInt64((SELECT count() FROM events)) FROM log", f.seq), &v.report.Definitions, &v.report.Bookings, &rows)
	parts := min(1+rows/namesAtOnce, maxParts)
	total := parts + 3
	for step := int64(0); err == nil && step < total; step++ {
		if told != nil {
			told(step, total)
		}
		switch step {
		case parts:
			err = v.still(ctx, v.tallies)
		case parts + 1:
			err = v.still(ctx, v.records)
		case parts + 2:
			err = v.still(ctx, v.byID)
		default:
			err = v.names(ctx, step, parts)
		}
	}
	return &v.report, unavailable(err)
}

// still looks at what a fold changes, and again where there was one meanwhile.
func (v *verifier) still(ctx context.Context, look func(context.Context) error) error {
	before := v.report
	for range 10 {
		f, err := v.store.fold(ctx)
		if err != nil {
			return err
		}
		v.report, v.upTo = before, f.instant
		if err := look(ctx); err != nil {
			return err
		}
		if now, err := v.store.lastFold(ctx); err != nil || now.cut == f.cut {
			return err
		}
	}
	return errTooBusy
}

var errTooBusy = tollbook.NewError(tollbook.CodeConflict, "So much comes in that what is counted cannot be looked at: stop the servers that take events meanwhile.")

type verifier struct {
	store  *Store
	report Report
	upTo   instant
}

// names compares claims and repeats with the events of one of so many parts of
// the names.
func (v *verifier) names(ctx context.Context, part, parts int64) error {
	in := fmt.Sprintf("reinterpretAsUInt8(substring(claim, 1, 1)) %% %d = %d AND epoch < %d", parts, part, v.upTo.cut)
	row := "(epoch, batch, item)"
	came := fmt.Sprintf(`SELECT claim, arraySort(groupArray((epoch, batch, item, fingerprint))) AS came FROM events WHERE %s GROUP BY claim`, in)
	// What is there too much, and what is missing, in the one and in the other.
	for _, c := range []struct{ what, have, want string }{
		{
			"a name that is taken", fmt.Sprintf("SELECT DISTINCT claim, fingerprint, %s FROM claims WHERE %s", row, in),
			"SELECT claim, came[1].4, (came[1].1, came[1].2, came[1].3) FROM (" + came + ")",
		},
		{
			"a row of a name that came again", fmt.Sprintf("SELECT DISTINCT claim, toUInt64(0), %s FROM repeats WHERE %s", row, in),
			"SELECT claim, toUInt64(0), (again.1, again.2, again.3) FROM (" + came + ") ARRAY JOIN arraySlice(came, 2) AS again",
		},
	} {
		for _, d := range []struct{ says, more, less string }{{"is not one of an event", c.have, c.want}, {"is missing", c.want, c.have}} {
			err := v.store.query(ctx, fmt.Sprintf("SELECT hex(claim) FROM (%s EXCEPT %s) LIMIT %d", d.more, d.less, maxDifferences), func(rows driver.Rows) error {
				var claim string
				err := rows.Scan(&claim)
				v.report.differ("%s %s: %s", c.what, d.says, claim)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	var events, repeats, conflicts int64
	err := v.store.one(ctx, "SELECT toInt64(count()), toInt64(sum(length(came) - 1)), toInt64(sum(arrayCount(c -> c.4 != came[1].4, came))) FROM ("+came+")", &events, &repeats, &conflicts)
	r := &v.report
	r.Events, r.Repeats, r.Conflicts = r.Events+events, r.Repeats+repeats, r.Conflicts+conflicts
	return err
}

// tallies compares the tallies with the events and bookings.
func (v *verifier) tallies(ctx context.Context) error {
	const key = "organization, account, booked, home, line"
	all := &folding{store: v.store, to: v.upTo.cut}
	want := fmt.Sprintf("SELECT %s, sum(toInt256(increments)) AS n, toInt64(sum(events)) AS e FROM (%s) GROUP BY %s HAVING n != 0 OR e != 0", key, all.counted(), key)
	have := fmt.Sprintf("SELECT %s, increments AS n, events AS e FROM tallies FINAL WHERE version <= %d AND (n != 0 OR e != 0)", key, v.upTo.cut)
	for _, d := range []struct{ says, more, less string }{{"is not what events make", have, want}, {"is what events make, and missing", want, have}} {
		err := v.store.query(ctx, fmt.Sprintf("SELECT organization, account, booked, hex(line), toString(n), e FROM (%s EXCEPT %s) LIMIT %d", d.more, d.less, maxDifferences), func(rows driver.Rows) error {
			var organization, account, line, n string
			var booked int32
			var events int64
			err := rows.Scan(&organization, &account, &booked, &line, &n, &events)
			v.report.differ("a tally of account %s in %s, line %s, %s increments of %d events, %s", account, tollbook.Month(booked), line, n, events, d.says)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// records compares the records with the tallies.
func (v *verifier) records(ctx context.Context) error {
	var accounts []cell
	err := v.store.query(ctx, "SELECT DISTINCT organization, account FROM tallies ORDER BY organization, account", func(rows driver.Rows) error {
		var c cell
		err := rows.Scan(&c.organization, &c.account)
		accounts = append(accounts, c)
		return err
	})
	for some := range slices.Chunk(accounts, accountsAtOnce) {
		if err == nil {
			err = v.recordsOf(ctx, some)
		}
	}
	return err
}

// recordsOf compares the records of some accounts with their tallies.
func (v *verifier) recordsOf(ctx context.Context, accounts []cell) error {
	sent, err := with(ctx, cellTable("accounts", accounts))
	if err != nil {
		return err
	}
	all, keys := tallies{}, map[lineKey]bool{}
	err = v.store.query(sent, "SELECT organization, account, booked, home, line, toString(increments), events, version FROM tallies FINAL WHERE (organization, account) IN (SELECT organization, account FROM accounts)", func(rows driver.Rows) error {
		k, t, err := scanTally(rows)
		all[k], keys[k.line] = t, true
		return err
	})
	if err == nil {
		err = v.store.loadLines(ctx, keys)
	}
	if err != nil {
		return err
	}
	want := map[tollbook.RecordID]*priced{}
	for _, r := range all.records(&v.store.lines, all) {
		if r.events > 0 {
			want[tollbook.RecordIDOf(r.account, r.booked, &r.Grouping)] = r
		}
	}
	err = v.store.query(sent, "SELECT "+recordColumns+" FROM records FINAL WHERE events > 0 AND (organization, account_id) IN (SELECT organization, account FROM accounts)", func(rows driver.Rows) error {
		r, err := scanRecord(rows)
		if err != nil {
			return err
		}
		v.report.Records++
		w := want[r.ID]
		delete(want, r.ID)
		switch {
		case w == nil:
			v.report.differ("record %s of account %s in %s is not what its tallies make", r.ID, r.AccountID, r.Month)
		case r.Grouping != w.Grouping || r.NumberOfUnits != w.units || r.TotalAmount != w.amount || r.Events != w.events:
			v.report.differ("record %s of account %s in %s is %s units, %s, %d events; its tallies make %s, %s, %d", r.ID, r.AccountID, r.Month, r.NumberOfUnits, r.TotalAmount, r.Events, w.units, w.amount, w.events)
		}
		return nil
	})
	for _, id := range slices.SortedFunc(maps.Keys(want), func(a, b tollbook.RecordID) int { return slices.Compare(a[:], b[:]) }) {
		v.report.differ("record %s of account %s is missing", id, want[id].account)
	}
	return err
}

// byID compares the records in the order of their ids with the records.
func (v *verifier) byID(ctx context.Context) error {
	var mu sync.Mutex
	return v.store.onShards(ctx, func(ctx context.Context, _ int, d *database) error {
		read := func(table string) string {
			return "SELECT organization, id, cityHash64(*) FROM " + v.store.layout.here(table) + " FINAL WHERE events > 0"
		}
		records, byID := read("records"), read("records_by_id")
		for _, c := range []struct{ says, more, less string }{{"is not shown as it is", records, byID}, {"is shown, and is not there so", byID, records}} {
			err := d.query(ctx, fmt.Sprintf("SELECT DISTINCT id FROM (%s EXCEPT %s) LIMIT %d", c.more, c.less, maxDifferences), func(rows driver.Rows) error {
				var id tollbook.RecordID
				err := rows.Scan((*scanned16)(&id))
				mu.Lock()
				defer mu.Unlock()
				v.report.differ("record %s %s", id, c.says)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
