package localstore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"tollbook"
	"tollbook/localstore/runs"
)

// Events implements tollbook.Ledger. The events of a record come in the order
// in which they entered it; unrated ones by account and month, and in each in
// the order in which they were accepted.
func (s *Store) Events(ctx context.Context, q tollbook.EventQuery) (tollbook.EventPage, error) {
	if q.Limit < 1 || q.Limit > tollbook.MaxBatch {
		return tollbook.EventPage{}, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("A page has 1 to %d events, not %d.", tollbook.MaxBatch, q.Limit))
	}
	after, err := parseEventCursor(&q)
	if err != nil {
		return tollbook.EventPage{}, err
	}
	if err := s.enter(); err != nil {
		return tollbook.EventPage{}, err
	}
	defer s.leave()
	l := &listing{s: s, after: after, limit: q.Limit + 1}
	defer l.close()
	if err := l.begin(&q); err != nil {
		return tollbook.EventPage{}, err
	}
	if q.Unrated {
		err = l.listUnrated()
	} else {
		err = l.listRecord()
	}
	if err != nil {
		return tollbook.EventPage{}, err
	}
	var page tollbook.EventPage
	if len(l.found) > q.Limit {
		l.found = l.found[:q.Limit]
		page.Next = eventCursor(&q, l.found[q.Limit-1])
	}
	page.Events, err = s.bodiesOf(ctx, l.found)
	return page, err
}

// cursorVersion is the first byte of an event cursor, whose others are the
// hash of the query (8), the last event's tally (4) and its locator (8).
const (
	cursorVersion = 1
	cursorBytes   = 1 + 8 + 4 + 8
)

func eventCursor(q *tollbook.EventQuery, last indexed) string {
	b := binary.BigEndian.AppendUint64([]byte{cursorVersion}, queryHash(q))
	b = binary.BigEndian.AppendUint32(b, last.tally)
	b = binary.BigEndian.AppendUint64(b, uint64(last.at))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseEventCursor(q *tollbook.EventQuery) (after indexed, err error) {
	if q.After == "" {
		return after, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(q.After)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion || binary.BigEndian.Uint64(b[1:]) != queryHash(q) {
		return after, tollbook.NewError(tollbook.CodeInvalidRequest, "The cursor is not one of this query's.",
			tollbook.FieldError{Name: "cursor", Description: "is not the next of a page of the same query"})
	}
	return indexed{locator(binary.BigEndian.Uint64(b[13:])), binary.BigEndian.Uint32(b[9:])}, nil
}

func queryHash(q *tollbook.EventQuery) uint64 {
	b := append(appendText(appendText(nil, q.OrganizationID), q.AccountID), q.Record[:]...)
	if q.Unrated {
		b = append(b, 1)
	}
	return xxhash.Sum64(b)
}

// listing finds where the events of a page are: in the runs, and behind those
// in the recent tables.
type listing struct {
	s     *Store
	after indexed
	limit int
	found []indexed

	tallies []uint32 // ascending
	stored  *runs.Snapshot
	end     locator // everything before it is in the runs
	tables  []*table
	recent  [][]indexed // of the tables, as they were
}

// begin takes hold of what the query is about, at one moment.
func (l *listing) begin(q *tollbook.EventQuery) (err error) {
	v := l.s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	if q.Unrated {
		l.tallies = v.unratedTallies(q.OrganizationID, q.AccountID)
	} else {
		no, ok := v.findRecord(q.OrganizationID, &q.Record)
		if !ok {
			return errNoRecord
		}
		for t := v.records.at(no).first; t != noTally; t = v.tallies.at(t).next {
			l.tallies = append(l.tallies, t)
		}
	}
	slices.Sort(l.tallies)
	l.tables = slices.Clone(v.tables)
	l.end = makeLocator(l.tables[0].start, 0)
	for _, t := range l.tables {
		if q.Unrated {
			l.recent = append(l.recent, t.unrated)
		} else {
			l.recent = append(l.recent, t.events)
		}
	}
	l.stored = l.s.runs.Snapshot()
	return nil
}

func (l *listing) close() {
	if l.stored != nil {
		l.stored.Release()
	}
}

// unratedTallies returns the tallies of unrated events of an account, of an
// organization or of all.
func (v *views) unratedTallies(orgID, accountID string) []uint32 {
	var tallies []uint32
	take := func(no uint32) {
		for _, t := range v.accounts[no].unrated {
			if v.counts.at(t).events > 0 {
				tallies = append(tallies, t)
			}
		}
	}
	org := v.org(orgID)
	switch {
	case orgID == "":
		for no := range v.accounts {
			if accountID == "" || v.accounts[no].id == accountID {
				take(uint32(no))
			}
		}
	case org != nil:
		for _, no := range org.accounts {
			if accountID == "" || v.accounts[no].id == accountID {
				take(no)
			}
		}
	}
	return tallies
}

// listRecord lists the events of all tallies together. An event with charges
// in several of them is one event.
func (l *listing) listRecord() error {
	after := l.after.at
	var at []uint64
	for _, t := range l.tallies {
		var err error
		if at, err = l.storedEvents(at[:0], t, after, l.limit); err != nil {
			return err
		}
		for _, loc := range at {
			l.found = append(l.found, indexed{locator(loc), t})
		}
	}
	slices.SortFunc(l.found, func(a, b indexed) int { return cmp.Compare(a.at, b.at) })
	l.found = slices.CompactFunc(l.found, func(a, b indexed) bool { return a.at == b.at })
	for _, events := range l.recent {
		if len(l.found) >= l.limit {
			break
		}
		from, _ := slices.BinarySearchFunc(events, after+1, func(e indexed, at locator) int { return cmp.Compare(e.at, at) })
		l.scanRecent(events[from:])
	}
	l.found = l.found[:min(len(l.found), l.limit)]
	return nil
}

// storedEvents appends where events of a tally are that the runs hold.
func (l *listing) storedEvents(dst []uint64, tally uint32, after locator, limit int) ([]uint64, error) {
	dst, err := l.stored.Tally(dst, tally, uint64(after), uint64(l.end), limit)
	if err != nil {
		return nil, l.s.unreadable(err)
	}
	return dst, nil
}

func (l *listing) scanRecent(events []indexed) {
	for _, e := range events {
		if _, ours := slices.BinarySearch(l.tallies, e.tally); !ours {
			continue
		}
		if n := len(l.found); n > 0 && l.found[n-1].at == e.at {
			continue
		}
		if l.found = append(l.found, e); len(l.found) >= l.limit {
			return
		}
	}
}

// listUnrated lists the events of one tally after the other, but those that
// have got charges.
func (l *listing) listUnrated() error {
	recent := l.recentByTally()
	for _, t := range l.tallies {
		if t < l.after.tally {
			continue
		}
		after := locator(0)
		if t == l.after.tally {
			after = l.after.at
		}
		if err := l.listStored(t, after); err != nil {
			return err
		}
		for _, at := range recent[t] {
			if at > after {
				l.found = append(l.found, indexed{at, t})
			}
		}
		l.dropTaken()
		if len(l.found) >= l.limit {
			l.found = l.found[:l.limit]
			return nil
		}
	}
	return nil
}

// listStored lists events of a tally in the runs until the page is full.
func (l *listing) listStored(t uint32, after locator) error {
	for len(l.found) < l.limit {
		want := l.limit - len(l.found)
		at, err := l.storedEvents(nil, t, after, want)
		if err != nil || len(at) == 0 {
			return err
		}
		for _, loc := range at {
			l.found = append(l.found, indexed{locator(loc), t})
		}
		l.dropTaken()
		if len(at) < want {
			return nil
		}
		after = locator(at[len(at)-1])
	}
	return nil
}

// recentByTally sorts the recent unrated events of our tallies by tally.
func (l *listing) recentByTally() map[uint32][]locator {
	by := make(map[uint32][]locator)
	for _, events := range l.recent {
		for _, e := range events {
			if _, ours := slices.BinarySearch(l.tallies, e.tally); ours {
				by[e.tally] = append(by[e.tally], e.at)
			}
		}
	}
	return by
}

// dropTaken drops the events that have got charges since they became part of a
// run.
func (l *listing) dropTaken() {
	v := l.s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	l.found = slices.DeleteFunc(l.found, func(e indexed) bool {
		for _, t := range l.tables {
			if _, taken := t.taken[e.at]; taken {
				return true
			}
		}
		return false
	})
}
