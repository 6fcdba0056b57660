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
	entry := tollbook.Entry{Event: e, OrganizationID: org, Claim: tollbook.ClaimOf(org, e.Source, e.ID), Month: month}
	entry.Normal = e.AppendNormal(nil)
	entry.Fingerprint = tollbook.Fingerprint(entry.Normal)
	if w.rng.IntN(20) == 0 {
		entry.Unrated = tollbook.NoRate
		return entry
	}
	entry.Rate = tollbook.Rate{CardID: "standard", Version: 3, Row: 1 + w.rng.IntN(2000), Prefix: "4420"}
	entry.Charges = []tollbook.Charge{w.charge()}
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

// books returns bookings of the unrated ones among entries.
func (w *world) books(entries []tollbook.Entry) (bookings []tollbook.Booking) {
	for i := range entries {
		if e := &entries[i]; len(e.Charges) == 0 {
			bookings = append(bookings, tollbook.Booking{Claim: e.Claim, Measured: tollbook.Measured{Charges: []tollbook.Charge{w.charge()}}})
		}
	}
	return bookings
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
