package storetest

import (
	"bytes"
	"context"
	"iter"
	"math/big"
	"slices"
	"sync"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Model is a tollbook.Ledger made of plain maps, rational numbers and linear
// scans. It keeps nothing on disk and is slow on purpose: it is the judge of
// the other ledgers, so it must be right at a glance.
type Model struct {
	mu       sync.Mutex
	defs     []tollbook.Definition
	requests map[[16]byte]bool
	events   []*modelEvent // in the order in which they were accepted
	byClaim  map[tollbook.Claim]*modelEvent
	records  map[tollbook.RecordID]*modelRecord
	months   map[accountMonth]int // how many records each holds
	seen     map[[16]byte]bool
}

type accountMonth struct {
	account string
	month   tollbook.Month
}

type modelEvent struct {
	number int // its place in Model.events
	normal []byte
	booked tollbook.BookedEvent
}

type modelRecord struct {
	organization string
	shown        tollbook.Record // all but the sums
	units        *big.Rat
	amount       *big.Rat
	events       []*modelEvent

	// whole is shown with the sums, worked out when first asked for after a
	// change: most of a history is reading.
	whole *tollbook.Record
}

// NewModel returns an empty model.
func NewModel() *Model {
	return &Model{
		requests: map[[16]byte]bool{},
		byClaim:  map[tollbook.Claim]*modelEvent{},
		records:  map[tollbook.RecordID]*modelRecord{},
		months:   map[accountMonth]int{},
		seen:     map[[16]byte]bool{},
	}
}

func (m *Model) head() tollbook.Pos { return tollbook.Pos(len(m.defs)) }

// Define implements tollbook.Ledger.
func (m *Model) Define(_ context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if head != m.head() {
		return 0, tollbook.ErrMoved
	}
	for i := range defs {
		d := &defs[i]
		if m.requests[d.RequestID] {
			continue
		}
		m.requests[d.RequestID] = true
		d.Pos = m.head() + 1
		kept := *d
		kept.Body = bytes.Clone(d.Body)
		m.defs = append(m.defs, kept)
	}
	return m.head(), nil
}

// Definitions implements tollbook.Ledger.
func (m *Model) Definitions(_ context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	m.mu.Lock()
	defs := slices.Clone(m.defs)
	m.mu.Unlock()
	return func(yield func(tollbook.Definition, error) bool) {
		for _, d := range defs {
			if d.Pos > after && !yield(d, nil) {
				return
			}
		}
	}
}

// Post implements tollbook.Ledger.
func (m *Model) Post(_ context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if under != m.head() {
		return nil, tollbook.ErrMoved
	}
	var outcomes []tollbook.Outcome
	for i := range entries {
		outcomes = append(outcomes, m.post(&entries[i]))
	}
	return outcomes, nil
}

func (m *Model) post(e *tollbook.Entry) tollbook.Outcome {
	if first, ok := m.byClaim[e.Claim]; ok {
		if bytes.Equal(first.normal, e.Normal) {
			return tollbook.Duplicate
		}
		return tollbook.Conflict
	}
	if !m.fits(e.Event.AccountID, e.Month, e.Charges) {
		return tollbook.TooManyRecords
	}
	kept := &modelEvent{number: len(m.events), normal: bytes.Clone(e.Normal)}
	kept.booked = tollbook.BookedEvent{Event: *e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim, Month: e.Month, Measured: e.Measured}
	kept.booked.Attributes = slices.Clone(e.Event.Attributes)
	kept.booked.Charges = slices.Clone(e.Charges)
	m.events = append(m.events, kept)
	m.byClaim[e.Claim] = kept
	m.count(kept)
	return tollbook.Accepted
}

// fits tells whether an account's month may take the charges' records in.
func (m *Model) fits(account string, month tollbook.Month, charges []tollbook.Charge) bool {
	added := map[tollbook.RecordID]bool{}
	for _, c := range charges {
		id := tollbook.RecordIDOf(account, month, &c.Line.Grouping)
		if m.records[id] == nil {
			added[id] = true
		}
	}
	return m.months[accountMonth{account, month}]+len(added) <= tollbook.MaxRecordsPerMonth
}

// count adds an event's charges to its records.
func (m *Model) count(e *modelEvent) {
	for _, c := range e.booked.Charges {
		id := tollbook.RecordIDOf(e.booked.AccountID, e.booked.Month, &c.Line.Grouping)
		r := m.records[id]
		if r == nil {
			r = &modelRecord{organization: e.booked.OrganizationID, units: new(big.Rat), amount: new(big.Rat)}
			r.shown = tollbook.Record{ID: id, AccountID: e.booked.AccountID, Month: e.booked.Month, Grouping: c.Line.Grouping}
			m.records[id] = r
			m.months[accountMonth{r.shown.AccountID, r.shown.Month}]++
		}
		increments := ratOf(decimal.New(c.Increments, 0))
		r.units.Add(r.units, new(big.Rat).Mul(increments, ratOf(c.Line.Increment)))
		r.amount.Add(r.amount, new(big.Rat).Mul(increments, ratOf(c.Line.PricePerIncrement)))
		r.events = append(r.events, e)
		r.whole = nil
	}
}

// Book implements tollbook.Ledger.
func (m *Model) Book(_ context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if under != m.head() {
		return nil, tollbook.ErrMoved
	}
	var outcomes []tollbook.Outcome
	for _, b := range bookings {
		outcomes = append(outcomes, m.book(b))
	}
	return outcomes, nil
}

func (m *Model) book(b tollbook.Booking) tollbook.Outcome {
	e, ok := m.byClaim[b.Claim]
	switch {
	case !ok:
		return tollbook.NotFound
	case len(e.booked.Charges) > 0:
		return tollbook.Duplicate
	case !m.fits(e.booked.AccountID, e.booked.Month, b.Charges):
		return tollbook.TooManyRecords
	}
	e.booked.Measured = b.Measured
	e.booked.Charges = slices.Clone(b.Charges)
	m.count(e)
	return tollbook.Accepted
}

// Once implements tollbook.Ledger. The model never forgets a key.
func (m *Model) Once(_ context.Context, key [16]byte, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.seen[key]
	m.seen[key] = true
	return first, nil
}

// Ready implements tollbook.Ledger.
func (m *Model) Ready(context.Context) error { return nil }

// Close implements tollbook.Ledger. A closed model can be used on: it stands
// for data that is opened again.
func (m *Model) Close() error { return nil }

// ratOf returns d as a rational number, by way of its digits.
func ratOf(d decimal.Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("storetest: a decimal's digits are no number: " + d.String())
	}
	return r
}

// decimalOf returns r as a decimal, by way of its digits. It panics where
// they do not end: every sum of decimals does.
func decimalOf(r *big.Rat) decimal.Decimal {
	places, exact := r.FloatPrec()
	if !exact {
		panic("storetest: a sum of decimals does not end: " + r.String())
	}
	d, err := decimal.Parse(r.FloatString(places), decimal.MaxScale, decimal.MaxScale)
	if err != nil {
		panic("storetest: a sum of decimals is none: " + err.Error())
	}
	return d
}
