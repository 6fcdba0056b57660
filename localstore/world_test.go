package localstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/decimal"
)

// world makes measured events that look like a platform's.
type world struct {
	rng      *rand.Rand
	orgs     int
	accounts int // of each organization
	months   int
	lines    []*tollbook.Line
	made     int
}

func newWorld(seed uint64, orgs, accounts, months, lines int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), orgs: orgs, accounts: accounts, months: months}
	for i := range lines {
		g := tollbook.Grouping{
			ProductID:     fmt.Sprintf("TD-LIC-%03d", i/3),
			AggrProductID: fmt.Sprintf("TD-USG-%02d", i%7),
			Type:          tollbook.UsageType(1 + i%13),
			Description:   fmt.Sprintf("usage %d", i%11),
			Currency:      []string{"USD", "EUR", "BRL"}[i%3],
			Direction:     tollbook.Direction(i % 4),
			Unit:          tollbook.Minutes,
		}
		// Every fifth line differs from the one before in its increment only,
		// so that two tallies share a record.
		price, increment := decimal.FromInt(int64(1+i%9)), decimal.FromInt(1)
		if i%5 == 4 {
			last := w.lines[i-1]
			g, price, increment = last.Grouping, last.PricePerIncrement.Add(last.PricePerIncrement), last.Increment.Add(last.Increment)
		}
		if i%7 == 3 { // free at first, then the full price, then half of it
			half := decimal.New(price.Coef().Mul(decimal.NewInt(5)), price.Scale()+1)
			w.lines = append(w.lines, tollbook.NewTieredLine(g, increment, []tollbook.Tier{
				{UpTo: decimal.NewInt(60)}, {UpTo: decimal.NewInt(150), PricePerIncrement: price}, {PricePerIncrement: half},
			}))
			continue
		}
		w.lines = append(w.lines, tollbook.NewLine(g, price, increment))
	}
	return w
}

// next returns a new event of a random account, month and line; one in twenty
// is unrated.
func (w *world) next() tollbook.Entry {
	w.made++
	org := fmt.Sprintf("org-%d", w.rng.IntN(w.orgs))
	month := tollbook.NewMonth(2023, time.January) + tollbook.Month(w.rng.IntN(w.months))
	e := &tollbook.Event{
		ID:         fmt.Sprintf("event-%d", w.made),
		Source:     "switch-1",
		AccountID:  fmt.Sprintf("%s-account-%04d", org, w.rng.IntN(w.accounts)),
		OccurredAt: month.Start(time.UTC).Add(time.Duration(w.rng.Int64N(28*24)) * time.Hour),
		Type:       tollbook.Call,
		Quantity:   decimal.FromInt(w.rng.Int64N(500)),
		Unit:       tollbook.Seconds,
		To:         fmt.Sprintf("+4420%08d", w.rng.IntN(1e8)),
	}
	entry := tollbook.Entry{Event: e, OrganizationID: org, Claim: tollbook.ClaimOf(org, e.Source, e.ID), Home: month, Booked: month}
	if w.rng.IntN(10) == 0 {
		entry.Booked++
	}
	entry.Normal = e.AppendNormal(nil)
	entry.Fingerprint = tollbook.Fingerprint(entry.Normal)
	if w.rng.IntN(20) == 0 {
		entry.Unrated = tollbook.NoRate
		return entry
	}
	entry.Rate = tollbook.Rate{CardID: "standard", Version: 3, Row: 1 + w.rng.IntN(2000), Prefix: "4420"}
	entry.Charges = w.charges()
	return entry
}

func (w *world) charge() tollbook.Charge {
	return tollbook.Charge{Line: w.lines[w.rng.IntN(len(w.lines))], Increments: decimal.FromInt(w.rng.Int64N(100)).Coef()}
}

func (w *world) batch(n int) []tollbook.Entry {
	entries := make([]tollbook.Entry, n)
	for i := range entries {
		entries[i] = w.next()
	}
	return entries
}

// charges returns what an event is charged, by one line or two.
func (w *world) charges() []tollbook.Charge {
	charges := []tollbook.Charge{w.charge()}
	if w.rng.IntN(6) == 0 {
		charges = append(charges, w.charge())
	}
	return charges
}

// books returns corrections of entries that were accepted: the unrated ones
// get charges, and of the others every third is voided or priced anew.
func (w *world) books(t testing.TB, s *Store, entries []tollbook.Entry) (bookings []tollbook.Booking) {
	t.Helper()
	for i := range entries {
		words, _, err := s.History(context.Background(), entries[i].Claim)
		must(t, err)
		e := &words[0]
		b := tollbook.Booking{Event: e, Booked: e.Booked, Measured: tollbook.Measured{Charges: w.charges()}}
		switch {
		case e.Void != nil || len(e.Charges) > 0 && i%3 > 0:
			continue
		case len(e.Charges) > 0 && w.rng.IntN(2) == 0:
			b.Void = &tollbook.Void{Reason: "a test call", Actor: "operator", At: e.OccurredAt, ReplacedBy: tollbook.EventName{Source: e.Source, ID: "event-1"}}
			if b.Charges = nil; w.rng.IntN(2) == 0 {
				b.Adjusts, b.Booked, b.Charges = true, e.Booked+1, negated(e.Charges)
			}
		}
		bookings = append(bookings, b)
	}
	return bookings
}

func negated(charges []tollbook.Charge) []tollbook.Charge {
	back := make([]tollbook.Charge, len(charges))
	for i, c := range charges {
		back[i] = tollbook.Charge{Line: c.Line, Increments: c.Increments.Neg()}
	}
	return back
}

// mustBook books corrections, which must be accepted.
func mustBook(t testing.TB, s *Store, bookings []tollbook.Booking) {
	t.Helper()
	if len(bookings) == 0 {
		return
	}
	outcomes, err := s.Book(context.Background(), 0, bookings)
	must(t, err)
	for i, o := range outcomes {
		if o != tollbook.Accepted {
			t.Fatalf("booking %d of %s is %v", i, bookings[i].Event.ID, o)
		}
	}
}

// tiny makes everything that happens now and then happen all the time.
func tiny(fs vfs.FS) Options {
	return Options{FS: fs, Create: true, TableEvents: 7, CheckpointEvents: 40, QueueRequests: 2, SegmentBytes: 4 << 10, MarkBytes: 1}
}

func mustOpen(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open("data", tiny(fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustPost(t testing.TB, s *Store, entries []tollbook.Entry) []tollbook.Outcome {
	t.Helper()
	outcomes, err := s.Post(context.Background(), 0, entries)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// mustVerify fails the test when the log and what is served differ.
func mustVerify(t testing.TB, fs vfs.FS) Report {
	t.Helper()
	r, err := Verify(context.Background(), fs, "data", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Differences {
		t.Errorf("verify: %s", d)
	}
	return r
}
