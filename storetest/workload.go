package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// WorkloadSize says how large a Workload's world is.
type WorkloadSize struct {
	Organizations []string
	Accounts      int // of each organization
	Months        int // over which the events are spread, from June 2023
	Lines         int // of rates; events that carry a price have theirs besides
}

// Workload makes believable events at random: rated, priced and unrated ones,
// repeats of earlier ones, and conflicts with them. Two workloads of the same
// seed and size make the same.
type Workload struct {
	random   *rand.Rand
	size     WorkloadSize
	accounts []workAccount
	lines    []*tollbook.Line
	made     []tollbook.Entry // one of each name
}

type workAccount struct {
	organization string
	id           string
	zone         *time.Location
}

// NewWorkload returns the workload of a seed.
func NewWorkload(seed uint64, size WorkloadSize) *Workload {
	w := &Workload{random: rand.New(rand.NewPCG(seed, 0)), size: size}
	zones := []string{"UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "Europe/Lisbon", "Australia/Lord_Howe"}
	for _, org := range size.Organizations {
		for i := range size.Accounts {
			zone, err := tollbook.LoadZone(pick(w.random, zones))
			if err != nil {
				panic("storetest: " + err.Error())
			}
			w.accounts = append(w.accounts, workAccount{org, fmt.Sprintf("%s-%d", org, i), zone})
		}
	}
	for range size.Lines {
		w.lines = append(w.lines, w.newLine())
	}
	return w
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// newLine returns a line; one in three shares a record with an earlier one, and
// one in four of the others has tiers.
func (w *Workload) newLine() *tollbook.Line {
	r := w.random
	if len(w.lines) > 0 && r.IntN(3) == 0 {
		l := pick(r, w.lines)
		l = l.Part(r.IntN(l.Parts()))
		tenth := dec("0.1")
		return tollbook.NewLine(l.Grouping, l.PricePerIncrement.Mul(tenth), l.Increment.Mul(tenth))
	}
	products := []string{"", "P-CALL", "P-MESSAGE", "P-NUMBER", "TD-LIC-APP-RC-101910"}
	g := tollbook.Grouping{
		ProductID: pick(r, products), AggrProductID: pick(r, products), Type: tollbook.UsageType(1 + r.IntN(len(tollbook.UsageTypes()))),
		Description: pick(r, []string{"", "SIP Number", "Call, 'peak'", "Überlandgespräch"}), Currency: pick(r, []string{"USD", "EUR", "JPY"}),
		Direction: tollbook.Direction(r.IntN(1 + len(tollbook.Directions()))), Resolution: tollbook.Resolution(r.IntN(1 + len(tollbook.Resolutions()))),
		Unit: tollbook.Unit(1 + r.IntN(len(tollbook.Units()))), WalletName: pick(r, []string{"", "contact center", "voice"}),
	}
	price := func() decimal.Decimal { return dec(pick(r, []string{"0", "0.012", "1", "0.000000000001", "12.5"})) }
	increment := dec(pick(r, []string{"1", "0.5", "6", "60"}))
	if r.IntN(4) > 0 {
		return tollbook.NewLine(g, price(), increment)
	}
	// Tiers end early and late in a month of events of up to a million.
	var tiers []tollbook.Tier
	for _, end := range []uint64{3, 500, 20_000, 1_000_000, 5_000_000}[r.IntN(4):] {
		if r.IntN(3) > 0 {
			tiers = append(tiers, tollbook.Tier{UpTo: decimal.NewUint(end), PricePerIncrement: price()})
		}
	}
	tiers = append(tiers, tollbook.Tier{UpTo: decimal.NewUint(8_000_000), PricePerIncrement: price()}, tollbook.Tier{PricePerIncrement: price()})
	return tollbook.NewTieredLine(g, increment, tiers)
}

// Batch returns n entries, in whose order a tenth repeat and a twentieth
// contradict an earlier one, of this batch or one before.
func (w *Workload) Batch(n int) []tollbook.Entry {
	var batch []tollbook.Entry
	for range n {
		switch p := w.random.IntN(100); {
		case p < 10 && len(w.made) > 0:
			batch = append(batch, w.repeat())
		case p < 15 && len(w.made) > 0:
			batch = append(batch, w.contradict())
		default:
			e := w.fresh()
			w.made = append(w.made, e)
			batch = append(batch, e)
		}
	}
	return batch
}

// fresh returns an entry whose name was not used before.
func (w *Workload) fresh() tollbook.Entry {
	r, a := w.random, pick(w.random, w.accounts)
	e := &tollbook.Event{
		ID: fmt.Sprintf("%s-%06d", a.id, len(w.made)), Source: pick(r, []string{"switch-1", "switch-2", "sms"}), AccountID: a.id,
		OccurredAt: w.instantIn(a.zone), Type: tollbook.UsageType(1 + r.IntN(len(tollbook.UsageTypes()))), Unit: tollbook.Unit(1 + r.IntN(len(tollbook.Units()))),
		Quantity:  decimal.New(decimal.NewUint(r.Uint64N(1_000_000)), r.IntN(5)),
		Direction: tollbook.Direction(r.IntN(4)), To: fmt.Sprintf("+%d", r.Uint64N(1e12)), Country: pick(r, []string{"", "GB", "PT", "US"}),
	}
	if r.IntN(4) == 0 {
		e.Attributes = []tollbook.Attribute{{Key: "queue", Value: fmt.Sprint(r.IntN(9))}}
	}
	m := tollbook.Measured{Unrated: tollbook.Unrated(1 + r.IntN(5))}
	switch p := r.IntN(100); {
	case p < 15: // unrated
	case p < 30:
		m = w.priced(e)
	default:
		m = w.measure(r, e)
	}
	entry := NewEntry(a.organization, e, tollbook.MonthOf(e.OccurredAt.In(a.zone)), m)
	if r.IntN(6) == 0 {
		entry.Booked += tollbook.Month(1 + r.IntN(3))
	}
	return entry
}

// instantIn returns an instant in one of the workload's months, one in four
// within a minute of a month's edge.
func (w *Workload) instantIn(zone *time.Location) time.Time {
	first := tollbook.NewMonth(2023, time.June)
	start, end := first.Start(zone), (first + tollbook.Month(w.size.Months)).Start(zone)
	if w.random.IntN(4) == 0 {
		edge := (first + tollbook.Month(w.random.IntN(w.size.Months))).Start(zone)
		return edge.Add(time.Duration(w.random.Int64N(int64(time.Minute)))).UTC()
	}
	return start.Add(time.Duration(w.random.Int64N(int64(end.Sub(start))))).UTC()
}

// measure charges an event by a line, one in ten by several, of which some are
// the same or share a record.
func (w *Workload) measure(r *rand.Rand, e *tollbook.Event) tollbook.Measured {
	m := tollbook.Measured{Rate: tollbook.Rate{CardID: "card", Version: 1 + r.IntN(3), Row: 2 + r.IntN(len(w.lines)), Prefix: "44"}}
	n := 1
	if r.IntN(10) == 0 {
		n += 1 + r.IntN(3)
	}
	for range n {
		l := pick(r, w.lines)
		m.Charges = append(m.Charges, tollbook.Charge{Line: l, Increments: e.Quantity.CeilQuo(l.Increment)})
	}
	return m
}

// priced makes an event carry its price and charges it by that.
func (w *Workload) priced(e *tollbook.Event) tollbook.Measured {
	e.Priced, e.Price, e.Currency = true, dec(pick(w.random, []string{"0", "1", "0.37", "99999.999999999999"})), "USD"
	e.ProductID = pick(w.random, []string{"", "P-PRICED"})
	line := tollbook.PricedLine(tollbook.Grouping{ProductID: e.ProductID, Type: e.Type, Currency: e.Currency, Direction: e.Direction, Unit: e.Unit}, e.Price)
	increments, ok := e.Quantity.Scaled(tollbook.MaxFracDigits)
	if !ok {
		panic("storetest: a quantity of too many digits")
	}
	return tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: increments}}}
}

// repeat returns an earlier entry, sometimes as it is measured under another
// card.
func (w *Workload) repeat() tollbook.Entry {
	e := pick(w.random, w.made)
	if !e.Event.Priced && w.random.IntN(3) == 0 {
		e.Measured = w.measure(w.random, e.Event)
	}
	if w.random.IntN(3) == 0 {
		e.Booked++
	}
	return e
}

// contradict returns an entry with an earlier one's name and another content.
func (w *Workload) contradict() tollbook.Entry {
	first := pick(w.random, w.made)
	e := *first.Event
	month := first.Home
	switch w.random.IntN(3) {
	case 0:
		e.Quantity = e.Quantity.Add(decimal.FromInt(1))
	case 1:
		e.To += "0"
	case 2:
		e.OccurredAt = e.OccurredAt.AddDate(0, 3, 0)
		month += 3
	}
	return NewEntry(first.OrganizationID, &e, month, first.Measured)
}
