package storetest

import (
	"context"
	"errors"

	"tollbook"
	"tollbook/decimal"
)

func postTests() []test {
	accepted, duplicate, conflict := tollbook.Accepted, tollbook.Duplicate, tollbook.Conflict
	type outcomes = []tollbook.Outcome
	return []test{
		{"AcceptedIsInTheRecordsAtOnce", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.check(acme)
		}},
		{"DuplicateInTheSameRequest", func(s *subject) {
			s.wantPost(outcomes{accepted, duplicate, accepted, duplicate}, rated(call("1"), perMinute(), 2), rated(call("1"), perMinute(), 2), rated(call("2"), perMinute(), 1), rated(call("1"), perMinute(), 2))
			s.wantRecord(acme, "P-CALL", "3", "0.036", 2)
			s.check(acme)
		}},
		{"DuplicateInALaterRequest", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPost(outcomes{duplicate}, rated(call("1"), perMinute(), 2))
			s.check(acme)
		}},
		{"DuplicateAfterReopen", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.reopen()
			s.wantPost(outcomes{duplicate}, rated(call("1"), perMinute(), 2))
			s.check(acme)
		}},
		{"DuplicateOfAnUnratedEvent", func(s *subject) {
			s.accept(unrated(call("1")))
			s.wantPost(outcomes{duplicate, duplicate}, unrated(call("1")), rated(call("1"), perMinute(), 2))
			s.check(acme)
		}},
		{"ConflictInTheSameRequest", func(s *subject) {
			s.wantPost(outcomes{accepted, conflict}, rated(call("1"), perMinute(), 2), rated(call("1", lasting("91")), perMinute(), 2))
			s.check(acme)
		}},
		{"ConflictInALaterRequest", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPost(outcomes{conflict}, rated(call("1", lasting("91")), perMinute(), 2))
			s.check(acme)
		}},
		{"ConflictAfterReopen", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.reopen()
			s.wantPost(outcomes{conflict}, rated(call("1", lasting("91")), perMinute(), 2))
			s.check(acme)
		}},
		{"ConflictInAnotherMonth", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPost(outcomes{conflict}, rated(call("1", at("2023-09-01T00:00:00Z")), perMinute(), 2))
			s.wantPost(outcomes{conflict}, rated(call("1", at("2031-01-01T00:00:00Z")), perMinute(), 2))
			s.check(acme)
		}},
		{"ConflictInAnotherAccount", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPost(outcomes{conflict}, rated(call("1", func(e *tollbook.Event) { e.AccountID = "acme-lab" }), perMinute(), 2))
			s.check(acme)
		}},
		{"FirstWins", func(s *subject) {
			s.wantPost(outcomes{accepted, conflict, conflict, duplicate}, rated(call("1"), perMinute(), 2), rated(call("1", lasting("600")), perMinute(), 10), rated(call("1", lasting("600")), perMinute(), 10), rated(call("1"), perMinute(), 2))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.check(acme)
		}},
		{"FirstChargesWin", func(s *subject) {
			// The same event, measured again under another card.
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPost(outcomes{duplicate}, rated(call("1"), perTenth(), 15))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.check(acme)
		}},
		{"SourceIsPartOfTheName", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2), rated(call("1", func(e *tollbook.Event) { e.Source = "switch-2" }), perMinute(), 2))
			s.check(acme)
		}},
		{"NamesAreDelimited", func(s *subject) {
			s.accept(rated(call("bc", func(e *tollbook.Event) { e.Source = "a" }), perMinute(), 2), rated(call("c", func(e *tollbook.Event) { e.Source = "ab" }), perMinute(), 2))
			s.check(acme)
		}},
		{"MovedWhenUnderIsOld", func(s *subject) {
			s.define(s.definition(tollbook.KindOrganization, acme, `{}`))
			s.wantPostMoved(0)
		}},
		{"MovedWhenUnderIsAhead", func(s *subject) {
			s.define(s.definition(tollbook.KindOrganization, acme, `{}`))
			s.wantPostMoved(s.head + 1)
		}},
		{"MovedAfterReopen", func(s *subject) {
			s.define(s.definition(tollbook.KindOrganization, acme, `{}`))
			s.reopen()
			s.wantPostMoved(0)
		}},
		{"KeepsNothingOfTheCaller", postKeepsNothing},
		{"CancelledIsSafeToRepeat", postCancelled},
		{"TwoChargesInTwoRecords", func(s *subject) {
			surcharge := tollbook.NewLine(callGroup("P-SURCHARGE"), dec("0.5"), dec("1"))
			s.accept(charged(call("1"), tollbook.Charge{Line: perMinute(), Increments: decimal.NewUint(2)}, tollbook.Charge{Line: surcharge, Increments: decimal.NewUint(1)}))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.wantRecord(acme, "P-SURCHARGE", "1", "0.5", 1)
			s.check(acme)
		}},
		{"ReopenKeepsEverything", func(s *subject) {
			s.define(s.definition(tollbook.KindOrganization, acme, `{}`))
			s.accept(rated(call("1"), perMinute(), 2), unrated(call("2")), rated(call("3", ofGlobex), perTenth(), 7))
			s.reopen()
			s.check(acme, globex)
			s.accept(rated(call("4"), perMinute(), 1))
			s.reopen()
			s.reopen()
			s.check(acme, globex)
		}},
	}
}

// wantRecord wants one record of a product, with these sums. It says in
// figures what check says by way of the model.
func (s *subject) wantRecord(org, product, units, total string, events int64) {
	s.t.Helper()
	var found []tollbook.Record
	for _, r := range allRecords(s.t, s.ledger, org) {
		if r.ProductID == product {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d records of product %s, want 1:\n%s", len(found), product, recordsText(found))
	}
	r := found[0]
	if r.NumberOfUnits.String() != units || r.TotalAmount.String() != total || r.Events != events {
		s.t.Fatalf("want %s units, a total of %s, %d events:\n%s", units, total, events, recordText(&r))
	}
	one, err := s.ledger.Record(s.t.Context(), org, r.ID)
	s.must(err)
	if one != r {
		s.t.Fatalf("Record and Records differ:\n%s\n%s", recordText(&one), recordText(&r))
	}
}

// recordIn returns the id of the record of a line in the office's month.
func recordIn(month string, l *tollbook.Line) tollbook.RecordID {
	return tollbook.RecordIDOf(acmeOffice, mustMonth(month), &l.Grouping)
}

// wantIn wants a line's record of the office's month to have these sums.
func (s *subject) wantIn(month string, l *tollbook.Line, units, total string, events int64) {
	s.t.Helper()
	r, err := s.ledger.Record(s.t.Context(), acme, recordIn(month, l))
	s.must(err)
	if r.NumberOfUnits != dec(units) || r.TotalAmount != dec(total) || r.Events != events {
		s.t.Fatalf("want %s units, a total of %s, %d events:\n%s", units, total, events, recordText(&r))
	}
}

// wantNoneIn wants a line to have no record in the office's month.
func (s *subject) wantNoneIn(month string, l *tollbook.Line) {
	s.t.Helper()
	id := recordIn(month, l)
	_, err := s.ledger.Record(s.t.Context(), acme, id)
	s.wantCode(err, tollbook.CodeNotFound)
	_, err = s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: 1})
	s.wantCode(err, tollbook.CodeNotFound)
	for _, r := range allRecords(s.t, s.ledger, acme) {
		if r.ID == id {
			s.t.Fatalf("a record that is not there is listed:\n%s", recordText(&r))
		}
	}
}

// wantPostMoved wants a batch under a wrong position to leave nothing behind.
func (s *subject) wantPostMoved(under tollbook.Pos) {
	s.t.Helper()
	batch := []tollbook.Entry{rated(call("1"), perMinute(), 2), unrated(call("2"))}
	if _, err := s.ledger.Post(s.t.Context(), under, batch); !errors.Is(err, tollbook.ErrMoved) {
		s.t.Fatalf("Post under %d, where %d is the head: %v, want ErrMoved", under, s.head, err)
	}
	s.check(acme)
	s.accept(batch...)
	s.check(acme)
}

// postKeepsNothing overwrites what was posted, as a server does that takes the
// next request into the same buffers.
func postKeepsNothing(s *subject) {
	batch := []tollbook.Entry{rated(call("1"), perMinute(), 2), unrated(call("2"))}
	s.accept(batch...)
	for i := range batch {
		e := &batch[i]
		clear(e.Normal)
		e.Event.Attributes[0] = tollbook.Attribute{Key: "overwritten"}
		*e.Event = tollbook.Event{ID: "overwritten"}
		clear(e.Charges)
		*e = tollbook.Entry{}
	}
	s.check(acme)
	s.reopen()
	s.check(acme)
}

// postCancelled repeats a batch whose first sending was cancelled. What became
// of the first is open; the second tells.
func postCancelled(s *subject) {
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	batch := []tollbook.Entry{rated(call("1"), perMinute(), 2), unrated(call("2"))}
	if _, err := s.ledger.Post(ctx, s.head, batch); err != nil && !errors.Is(err, context.Canceled) {
		s.t.Fatalf("Post under a cancelled context: %v", err)
	}
	got, err := s.ledger.Post(s.t.Context(), s.head, batch)
	s.must(err)
	for i, o := range got {
		if o != tollbook.Accepted && o != tollbook.Duplicate {
			s.t.Fatalf("outcome %d of the repeated batch is %s", i, outcomeName(o))
		}
	}
	_, err = s.model.Post(s.t.Context(), s.modelHead, batch)
	s.must(err)
	s.check(acme)
}
