package localstore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"tollbook"
	"tollbook/localstore/runs"
)

// Events implements tollbook.Ledger. The events of a record come in the order
// in which they entered it; unrated ones by account and month, and in each in
// the order in which that was said of them; those that were booked late by
// account and the month in which they are booked, and in each likewise.
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
	l.sift()
	switch {
	case q.Unrated:
		err = l.listUnrated()
	case q.Late:
		err = l.listLate()
	default:
		err = l.listRecord()
	}
	if err != nil {
		return tollbook.EventPage{}, err
	}
	page := tollbook.EventPage{Cuts: l.cuts}
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
	switch {
	case q.Unrated:
		b = append(b, 1)
	case q.Late:
		b = binary.AppendVarint(append(b, 2), int64(q.Home))
	}
	return xxhash.Sum64(b)
}

// listing finds where the words of a page are: in the runs, and behind those in
// the recent tables.
type listing struct {
	s     *Store
	after indexed
	limit int
	found []indexed

	tallies []uint32          // ascending
	cellOf  map[uint32]uint32 // of tallies, for listLate
	cuts    []tollbook.Cut
	stored  *runs.Snapshot
	end     locator              // everything before it is in the runs
	recent  [][]indexed          // of the tables, as they were
	left    [][]indexed          // of the tables, what counts no more
	gone    map[indexed]struct{} // of our tallies, what of that is of them
}

// begin takes hold of what the query is about, at one moment.
func (l *listing) begin(q *tollbook.EventQuery) (err error) {
	v := l.s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch {
	case q.Unrated:
		l.tallies = v.unratedTallies(q.OrganizationID, q.AccountID)
	case q.Late:
		l.tallies, l.cellOf = v.lateTallies(q)
	default:
		no, ok := v.findRecord(q.OrganizationID, &q.Record)
		if !ok {
			return errNoRecord
		}
		l.tallies, l.cuts = v.talliesOf(no), v.cuts(no)
	}
	l.hold(q.Unrated, !q.Unrated)
	return nil
}

// hold takes hold of where words of our tallies are, at one moment; views.mu is
// held.
func (l *listing) hold(unrated, charged bool) {
	tables := l.s.views.tables
	l.end = makeLocator(tables[0].start, 0)
	for _, t := range tables {
		if unrated {
			l.recent = append(l.recent, t.unrated)
		}
		if charged {
			l.recent = append(l.recent, t.charged)
		}
		l.left = append(l.left, t.gone)
	}
	l.stored = l.s.runs.Snapshot()
}

// sift picks what is of our tallies from what the tables say counts no more:
// there may be a million of that, for which commits are not to wait.
func (l *listing) sift() {
	slices.Sort(l.tallies)
	l.gone = make(map[indexed]struct{})
	for _, words := range l.left {
		for _, e := range words {
			if l.ours(e.tally) {
				l.gone[e] = struct{}{}
			}
		}
	}
}

func (l *listing) ours(tally uint32) bool {
	_, ours := slices.BinarySearch(l.tallies, tally)
	return ours
}

func (l *listing) close() {
	if l.stored != nil {
		l.stored.Release()
	}
}

// talliesOf returns the tallies that are present in a record.
func (v *views) talliesOf(no uint32) (tallies []uint32) {
	for t := v.records.at(no).first; t != noTally; t = v.tallies.at(t).next {
		tallies = append(tallies, t)
	}
	for _, p := range v.tiers.portions[no] {
		if v.tiers.tallies[p.tally].present>>p.part&1 != 0 && !slices.Contains(tallies, p.tally) {
			tallies = append(tallies, p.tally)
		}
	}
	return tallies
}

// lateTallies returns the tallies of what occurred in a month and is booked in
// a later one, and the cell of each.
func (v *views) lateTallies(q *tollbook.EventQuery) (tallies []uint32, cellOf map[uint32]uint32) {
	org := v.org(q.OrganizationID)
	if org == nil {
		return nil, nil
	}
	cellOf = make(map[uint32]uint32)
	for _, no := range org.late[q.Home] {
		t := v.tallies.at(no)
		if v.counts.at(no).words > 0 && (q.AccountID == "" || v.accounts[t.account].id == q.AccountID) {
			tallies = append(tallies, no)
			cellOf[no] = v.cellOf(t.cellKey)
		}
	}
	return tallies, cellOf
}

// unratedTallies returns the tallies of unrated events of an account, of an
// organization or of all.
func (v *views) unratedTallies(orgID, accountID string) []uint32 {
	var tallies []uint32
	take := func(no uint32) {
		for _, t := range v.accounts[no].unrated {
			if v.counts.at(t).words > 0 {
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

// listRecord lists the words of all tallies together. One with charges in
// several of them is one event.
func (l *listing) listRecord() error {
	if err := l.listStored(l.tallies, l.after.at); err != nil {
		return err
	}
	for _, words := range l.recent {
		if len(l.found) >= l.limit {
			break
		}
		from, _ := slices.BinarySearchFunc(words, l.after.at+1, func(e indexed, at locator) int { return cmp.Compare(e.at, at) })
		l.scanRecent(words[from:])
	}
	l.found = l.found[:min(len(l.found), l.limit)]
	return nil
}

// scanRecent lists words of our tallies until the page is full.
func (l *listing) scanRecent(words []indexed) {
	for _, e := range words {
		if !l.ours(e.tally) || l.isGone(e) {
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

func (l *listing) isGone(e indexed) bool {
	_, gone := l.gone[e]
	return gone
}

// listStored lists words of some tallies that the runs hold, together in
// their order, until the page is full.
func (l *listing) listStored(tallies []uint32, after locator) error {
	from := len(l.found)
	for _, t := range tallies {
		if err := l.listTally(t, after); err != nil {
			return err
		}
	}
	found := l.found[from:]
	if len(tallies) > 1 {
		slices.SortFunc(found, func(a, b indexed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.tally, b.tally)) })
		found = slices.CompactFunc(found, func(a, b indexed) bool { return a.at == b.at })
	}
	l.found = l.found[:from+min(len(found), max(0, l.limit-from))]
	return nil
}

// listTally lists words of one tally that the runs hold, enough for a page.
func (l *listing) listTally(t uint32, after locator) error {
	for want := l.limit; want > 0; {
		at, err := l.stored.Tally(nil, t, uint64(after), uint64(l.end), want)
		if err != nil {
			return l.s.unreadable(err)
		}
		full := len(at) == want
		for _, loc := range at {
			if e := (indexed{locator(loc), t}); !l.isGone(e) {
				l.found = append(l.found, e)
				want--
			}
		}
		if !full {
			return nil
		}
		after = locator(at[len(at)-1])
	}
	return nil
}

// listUnrated lists the words of one tally after the other.
func (l *listing) listUnrated() error {
	recent := l.recentBy(func(tally uint32) uint32 { return tally })
	for _, t := range l.tallies {
		if err := l.listGroup(t, []uint32{t}, recent[t]); err != nil || len(l.found) >= l.limit {
			return err
		}
	}
	return nil
}

// listLate lists the words of one account's month after the other; places are
// remembered by the month's cell.
func (l *listing) listLate() error {
	recent := l.recentBy(func(tally uint32) uint32 { return l.cellOf[tally] })
	byCell := make(map[uint32][]uint32)
	for _, t := range l.tallies {
		byCell[l.cellOf[t]] = append(byCell[l.cellOf[t]], t)
	}
	for _, cell := range slices.Sorted(maps.Keys(byCell)) {
		if err := l.listGroup(cell, byCell[cell], recent[cell]); err != nil || len(l.found) >= l.limit {
			return err
		}
	}
	return nil
}

// listGroup lists the words of a group of tallies, of which those in the tables
// are given, until the page is full. Groups are listed by their numbers, which
// stand for the tally in what is found.
func (l *listing) listGroup(no uint32, tallies []uint32, recent []locator) error {
	after := locator(0)
	switch {
	case no < l.after.tally:
		return nil
	case no == l.after.tally:
		after = l.after.at
	}
	from := len(l.found)
	if err := l.listStored(tallies, after); err != nil {
		return err
	}
	for _, at := range recent {
		if n := len(l.found); n < l.limit && at > after && (n == from || l.found[n-1].at != at) {
			l.found = append(l.found, indexed{at: at})
		}
	}
	for i := range l.found[from:] {
		l.found[from+i].tally = no
	}
	return nil
}

// recentBy sorts the recent words of our tallies by the group of the tally.
func (l *listing) recentBy(group func(tally uint32) uint32) map[uint32][]locator {
	by := make(map[uint32][]locator)
	for _, words := range l.recent {
		for _, e := range words {
			if l.ours(e.tally) && !l.isGone(e) {
				by[group(e.tally)] = append(by[group(e.tally)], e.at)
			}
		}
	}
	return by
}
