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

// newLine returns a line; one in three is an earlier one with another
// increment at the same price, so that both share their records.
func (w *Workload) newLine() *tollbook.Line {
	r := w.random
	if len(w.lines) > 0 && r.IntN(3) == 0 {
		l := pick(r, w.lines)
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
	return tollbook.NewLine(g, dec(pick(r, []string{"0", "0.012", "1", "0.000000000001", "12.5"})), dec(pick(r, []string{"1", "0.5", "6", "60"})))
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
		m = w.measure(e)
	}
	return NewEntry(a.organization, e, tollbook.MonthOf(e.OccurredAt.In(a.zone)), m)
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

// measure charges an event by a line, one in thirty by two.
func (w *Workload) measure(e *tollbook.Event) tollbook.Measured {
	charge := func(l *tollbook.Line) tollbook.Charge {
		return tollbook.Charge{Line: l, Increments: e.Quantity.CeilQuo(l.Increment)}
	}
	l := pick(w.random, w.lines)
	m := tollbook.Measured{Charges: []tollbook.Charge{charge(l)}, Rate: tollbook.Rate{CardID: "card", Version: 1 + w.random.IntN(3), Row: 2 + w.random.IntN(len(w.lines)), Prefix: "44"}}
	if other := pick(w.random, w.lines); w.random.IntN(30) == 0 && other.Grouping != l.Grouping {
		m.Charges = append(m.Charges, charge(other))
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
		e.Measured = w.measure(e.Event)
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

// corrections returns n bookings of events that the workload made, most of them
// unrated; one in ten is of an event that was never posted.
func (w *Workload) corrections(n int) []correction {
	var open []tollbook.Entry
	for _, e := range w.made {
		if len(e.Charges) == 0 {
			open = append(open, e)
		}
	}
	var list []correction
	for range n {
		e := w.fresh() // its name is not noted: it is never posted
		switch p := w.random.IntN(10); {
		case p < 8 && len(open) > 0:
			e = pick(w.random, open)
		case p < 9 && len(w.made) > 0:
			e = pick(w.random, w.made)
		default:
			e.Claim[0] ^= 0x5a
		}
		list = append(list, correction{of: e, measured: w.measure(e.Event)})
	}
	return list
}
