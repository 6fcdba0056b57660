package clickhousestore_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// renamed returns an entry with the contents of one and the name of another.
func renamed(contents, name *tollbook.Entry) tollbook.Entry {
	event := *contents.Event
	event.ID, event.Source = name.Event.ID, name.Event.Source
	return storetest.NewEntry(contents.OrganizationID, &event, contents.Home, contents.Measured)
}

// TestNamesThatAreKnown posts to two servers that know, at different times, what
// names there are: new ones, those that are there, and those with other contents.
// Whatever a server knows, everybody is told what the model says.
func TestNamesThatAreKnown(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		_, url := p.database(t)
		// An hour: nothing is folded or learnt but below.
		all := servers(t, url, 2, clickhousestore.Options{Freshness: time.Hour})
		model := storetest.NewModel()
		w := storetest.NewWorkload(41, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 5, Months: 2, Lines: 10})
		rng := rand.New(rand.NewPCG(4, 1))
		var sent []tollbook.Entry // one of each name
		names := map[tollbook.Claim]bool{}
		for turn := range 24 {
			s := all[rng.IntN(2)]
			fresh := w.Batch(10)
			batch := slices.Clone(fresh)
			for range min(len(sent), 10) {
				again := sent[rng.IntN(len(sent))]
				if rng.IntN(2) == 0 {
					again = renamed(&fresh[0], &again)
				}
				batch = append(batch, again)
			}
			rng.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			got := postLoop(t, s, batch)
			want, err := model.Post(t.Context(), 0, batch)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("turn %d: %v, want %v", turn, got, want)
			}
			for i := range fresh {
				if !names[fresh[i].Claim] { // else the workload itself sends again
					names[fresh[i].Claim], sent = true, append(sent, fresh[i])
				}
			}
			if rng.IntN(3) == 0 {
				if err := all[rng.IntN(2)].Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if rng.IntN(3) == 0 {
				if known, err := s.Learn(t.Context()); err != nil || !known && turn > 10 {
					t.Fatalf("the names were learnt: %t, %v", known, err)
				}
			}
		}
		others := slices.DeleteFunc(w.Batch(100), func(e tollbook.Entry) bool { return names[e.Claim] })
		wantNamesLearnt(t, all[0], sent, others)
	})
}

// wantNamesLearnt wants a server that has learnt all names to look up those that
// were sent, and hardly any other.
func wantNamesLearnt(t *testing.T, s *clickhousestore.Store, sent, others []tollbook.Entry) {
	t.Helper()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if known, err := s.Learn(t.Context()); !known || err != nil {
		t.Fatalf("the names were learnt: %t, %v", known, err)
	}
	if n, err := s.Doubtful(t.Context(), sent); n != len(sent) || err != nil {
		t.Errorf("%d of %d names that are there would be looked up, %v", n, len(sent), err)
	}
	if n, err := s.Doubtful(t.Context(), others); n > len(others)/20 || err != nil {
		t.Errorf("%d of %d names that are new would be looked up, %v", n, len(others), err)
	}
	names, err := s.FoldedNames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := func(a, b tollbook.Claim) int { return bytes.Compare(a[:], b[:]) }
	var want []tollbook.Claim
	for i := range sent {
		want = append(want, sent[i].Claim)
	}
	slices.SortFunc(want, byName)
	slices.SortFunc(names, byName)
	if !slices.Equal(slices.Compact(names), want) {
		t.Errorf("%d names are read, where there are %d", len(names), len(want))
	}
}

// TestNamesThatAreTooMany: where there are more names than a server may know, it
// looks up each.
func TestNamesThatAreTooMany(t *testing.T) {
	t.Parallel()
	_, url := sharedServer(t).database(t)
	s := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour, NamesMemory: 1000})[0]
	batch := someBatches(42, 1, 20)[0]
	postLoop(t, s, batch)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if known, err := s.Learn(t.Context()); known || err != nil {
			t.Fatalf("learnt: %t, %v", known, err)
		}
		if got := postLoop(t, s, batch); slices.Contains(got, tollbook.Accepted) {
			t.Errorf("sent again, and taken: %v", got)
		}
	}
}

// TestNamesOfALaterTime: a database that was put back to what it was before is
// not taken for the one whose names are known.
func TestNamesOfALaterTime(t *testing.T) {
	t.Parallel()
	place := newServer(t)
	now, url := place.database(t)
	before, urlBefore := place.database(t)
	s := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	batches := someBatches(43, 4, 20)
	for _, batch := range batches[:3] { // some cuts
		postLoop(t, s, batch)
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if known, err := s.Learn(t.Context()); !known || err != nil {
		t.Fatalf("learnt: %t, %v", known, err)
	}
	other := servers(t, urlBefore, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	postLoop(t, other, batches[3])
	if err := other.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"RENAME DATABASE " + now + " TO later", "RENAME DATABASE " + before + " TO " + now} {
		if err := place.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if got := postLoop(t, s, batches[3]); slices.Contains(got, tollbook.Accepted) {
		t.Errorf("what is there since the database was put back is taken again: %v", got)
	}
}
