package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tollbook"
	"tollbook/filter"
)

func recordTests() []test {
	return []test{
		{"NoneAtAll", func(s *subject) {
			for _, q := range []tollbook.Query{{Limit: 50}, {Limit: 1, Offset: 7}, {Limit: 50, After: &tollbook.Record{}}, {Limit: 50, Before: &tollbook.Record{}}} {
				q.OrganizationID = acme
				page, err := s.ledger.Records(s.t.Context(), q)
				s.must(err)
				if len(page.Records) != 0 || page.Total != 0 {
					s.t.Fatalf("an empty ledger has %d records and a total of %d", len(page.Records), page.Total)
				}
			}
			s.check(acme, "")
		}},
		{"EveryOrder", func(s *subject) {
			s.fillMixed()
			for _, order := range some(s, orders()) {
				s.wantPages(tollbook.Query{OrganizationID: acme, Order: order, Limit: 7})
			}
		}},
		{"EveryFilter", func(s *subject) {
			s.fillMixed()
			for i, where := range filters(s.model.AllRecords(acme)) {
				if s.leftOut(i) {
					continue
				}
				order := orders()[i%len(orders())]
				s.wantPages(tollbook.Query{OrganizationID: acme, Filter: where, Order: order, Limit: 5 + 9*(i%8)})
			}
		}},
		{"EveryFilterInEveryOrder", func(s *subject) {
			s.fillMixed()
			for i, where := range filters(s.model.AllRecords(acme)) {
				for k, order := range orders() {
					if s.leftOut(i + k) {
						continue
					}
					s.wantPage(tollbook.Query{OrganizationID: acme, Filter: where, Order: order, Limit: tollbook.MaxPage})
				}
			}
		}},
		{"PageSizes", func(s *subject) {
			s.fillMixed()
			all := len(s.model.AllRecords(acme))
			for _, limit := range []int{max(all/s.few(all), 1), 2, all - 1, all, all + 1, tollbook.MaxPage} {
				s.wantPages(tollbook.Query{OrganizationID: acme, Limit: limit})
			}
		}},
		{"OffsetPastTheEndIsEmpty", func(s *subject) {
			s.fillMixed()
			all := len(s.model.AllRecords(acme))
			for _, offset := range []int{all - 1, all, all + 1, 1 << 31, 1 << 40, 250 * (1<<31 - 2)} {
				s.wantPage(tollbook.Query{OrganizationID: acme, Limit: 250, Offset: offset})
			}
		}},
		{"AfterAndBeforeWhatNeverExisted", afterNothing},
		{"AfterARecordThatGrew", func(s *subject) {
			s.fillMixed()
			// The page's last record moves on in the order of totals: After is
			// about the fields that it had.
			q := tollbook.Query{OrganizationID: acme, Order: tollbook.Order{Field: tollbook.OrderTotalAmount}, Limit: 3}
			page, err := s.ledger.Records(s.t.Context(), q)
			s.must(err)
			old := page.Records[2]
			line := tollbook.NewLine(old.Grouping, old.Price, dec("1"))
			e := call("grows", func(e *tollbook.Event) { e.AccountID, e.OccurredAt = old.AccountID, old.Month.Start(time.UTC) })
			s.accept(rated(e, line, 1_000_000))
			q.After = &old
			s.wantPage(q)
			q.After, q.Before = nil, &old
			s.wantPage(q)
		}},
		{"ReopenKeepsThePages", func(s *subject) {
			s.fillMixed()
			s.reopen()
			for _, order := range some(s, orders()) {
				s.wantPages(tollbook.Query{OrganizationID: acme, Order: order, Limit: 11})
			}
		}},
		{"RecordOfUnknownID", func(s *subject) {
			s.fillMixed()
			_, err := s.ledger.Record(s.t.Context(), acme, tollbook.RecordID{1, 2, 3})
			s.wantCode(err, tollbook.CodeNotFound)
		}},
		{"RecordByID", func(s *subject) {
			s.fillMixed()
			for _, want := range s.model.AllRecords(acme) {
				got, err := s.ledger.Record(s.t.Context(), acme, want.ID)
				s.must(err)
				if got != want {
					s.t.Fatalf("Record differs from the model:\n%s\n%s", recordText(&got), recordText(&want))
				}
			}
		}},
	}
}

func orders() []tollbook.Order {
	var all []tollbook.Order
	for f := range tollbook.OrderFields() {
		all = append(all, tollbook.Order{Field: tollbook.OrderField(f)}, tollbook.Order{Field: tollbook.OrderField(f), Desc: true})
	}
	return all
}

// fillMixed posts a few hundred events that make some dozens of records, with
// ties in every order.
func (s *subject) fillMixed() {
	s.t.Helper()
	w := NewWorkload(20230801, WorkloadSize{Organizations: []string{acme, globex}, Accounts: 3, Months: 4, Lines: 12})
	for range 6 {
		s.post(w.Batch(60)...)
	}
}

// wantPage wants the ledger to give the model's page.
func (s *subject) wantPage(q tollbook.Query) tollbook.Page {
	s.t.Helper()
	got, err := s.ledger.Records(s.t.Context(), q)
	s.must(err)
	asOf := q.AsOf
	q.AsOf = s.marks[asOf]
	want, err := s.model.Records(s.t.Context(), q)
	q.AsOf = asOf
	s.must(err)
	asked := queryText(&q)
	if got.Total != want.Total {
		s.t.Fatalf("%s: total is %d, want %d", asked, got.Total, want.Total)
	}
	// Where an empty page is, is no one's concern.
	if got.Offset != want.Offset && len(want.Records) > 0 {
		s.t.Fatalf("%s: the page is at offset %d, want %d", asked, got.Offset, want.Offset)
	}
	if !slices.Equal(got.Records, want.Records) {
		diff := diffLines(recordsText(got.Records), recordsText(want.Records))
		s.t.Fatalf("%s: the ledger (+) differs from the model (-):\n%s", asked, diff)
	}
	return got
}

func queryText(q *tollbook.Query) string {
	text := fmt.Sprintf("records of %s by %s desc=%t limit=%d offset=%d", q.OrganizationID, q.Order.Field, q.Order.Desc, q.Limit, q.Offset)
	if q.AsOf != 0 {
		text += fmt.Sprintf(" as of %d", q.AsOf)
	}
	if q.Filter != nil {
		text += " where " + exprText(q.Filter)
	}
	if q.After != nil {
		text += " after " + recordText(q.After)
	}
	if q.Before != nil {
		text += " before " + recordText(q.Before)
	}
	return text
}

// wantPages walks through a query's pages by offset, forth by After and back
// by Before; each must be the model's.
func (s *subject) wantPages(q tollbook.Query) {
	s.t.Helper()
	first := s.wantPage(q)
	for n := range first.Total/q.Limit + 1 {
		if s.leftOut(n) {
			continue
		}
		at := q
		at.Offset = n * q.Limit
		s.wantPage(at)
	}
	last := first
	for len(last.Records) > 0 {
		next := q
		next.After = &last.Records[len(last.Records)-1]
		page := s.wantPage(next)
		if len(page.Records) == 0 {
			break
		}
		last = page
	}
	for len(last.Records) > 0 {
		prev := q
		prev.Before = &last.Records[0]
		last = s.wantPage(prev)
	}
}

// afterNothing starts pages behind and in front of records that never were,
// of which only the fields of the order and the id are set.
func afterNothing(s *subject) {
	s.fillMixed()
	random := rand.New(rand.NewPCG(1, 2))
	records := s.model.AllRecords(acme)
	ids := []tollbook.RecordID{{}, {0x7f}, {0x80}, tollbook.RecordID([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))}
	for _, order := range some(s, orders()) {
		for _, id := range ids {
			near := records[random.IntN(len(records))]
			for _, r := range []tollbook.Record{
				{ID: id},
				{ID: id, Month: near.Month, AccountID: near.AccountID, TotalAmount: near.TotalAmount, NumberOfUnits: near.NumberOfUnits,
					Grouping: tollbook.Grouping{ProductID: near.ProductID, Type: near.Type}},
				{ID: id, Month: near.Month + 1, AccountID: near.AccountID + "\x00", TotalAmount: near.TotalAmount.Add(dec("0.0000001")), NumberOfUnits: near.NumberOfUnits.Sub(dec("0.0000001")),
					Grouping: tollbook.Grouping{ProductID: near.ProductID + "-", Type: tollbook.OtherType}},
			} {
				s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 4, After: &r})
				s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 4, Before: &r})
				where := oneOf(tollbook.FieldAccountID, filter.Ne, near.AccountID)
				s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 4, After: &r, Filter: where})
				s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 4, Before: &r, Filter: where})
			}
		}
	}
}

// wantCode wants an *Error of this code.
func (s *subject) wantCode(err error, code tollbook.Code) {
	s.t.Helper()
	if err == nil || tollbook.CodeOf(err) != code {
		s.t.Fatalf("got the error %v, want one with code %s", err, code)
	}
}
