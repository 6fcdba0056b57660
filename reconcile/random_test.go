package reconcile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// randomUse makes rows and events of few numbers, close together in time, so
// that which row is of which event is hard to tell.
func randomUse(rnd *rand.Rand, rows, events int) (string, []Event) {
	start := august.From.Add(time.Hour)
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	var file strings.Builder
	file.WriteString("id,source,to,from,start,quantity,amount\n")
	for range rows {
		at := start.Add(time.Duration(rnd.IntN(400)) * time.Second).Format(time.RFC3339)
		fmt.Fprintf(&file, "%s,%s,%s,%s,%s,%s,%s\n", pick("", "a", "b", "c"), pick("", "", "s", "t"), pick("1", "2", ""), pick("", "7", "8"), pick(at, at, at, ""), pick("", "1", "2"), pick("", "1", "2"))
	}
	var all []Event
	for i := range events {
		e := Event{
			ID: pick("a", "b", "c", fmt.Sprint("e", i)), Source: pick("s", "t"), AccountID: fmt.Sprint(i), To: pick("1", "2", "3"), From: pick("", "7", "8"),
			Start:    start.Add(time.Duration(rnd.IntN(400)) * time.Second),
			Quantity: Quantity{decimal.FromInt(int64(1 + rnd.IntN(2))), tollbook.Seconds},
		}
		if rnd.IntN(3) > 0 {
			e.Amount = &Amount{decimal.FromInt(int64(1 + rnd.IntN(2))), "USD"}
		}
		all = append(all, e)
	}
	return file.String(), all
}

// TestRandom: each row and each event is in one class, whatever the order of
// the events; classes add up to the total; and what is paired may be paired.
func TestRandom(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		text, ours := randomUse(rnd, rnd.IntN(9), rnd.IntN(9))
		l := Layout{Currency: "USD", Unit: tollbook.Seconds, Columns: map[Field]string{FieldSource: "source"}}
		rules := august
		rules.Within = time.Duration(rnd.IntN(90)) * time.Second
		rules.By = []By{"", ByID, ByCall}[rnd.IntN(3)]
		r := compared(t, text, l, rules, ours)
		want := outcome(r)
		rnd.Shuffle(len(ours), func(i, j int) { ours[i], ours[j] = ours[j], ours[i] })
		if got := outcome(compared(t, text, l, rules, ours)); got != want {
			t.Fatalf("seed %d: %s\nin another order %s", seed, want, got)
		}
		lines, accounts := map[int]bool{}, map[string]bool{}
		for d := range r.Differences() {
			if d.Theirs != nil {
				lines[d.Theirs.Line] = true
			}
			if d.Ours != nil {
				accounts[d.Ours.AccountID] = true
			}
			if d.Class == Differing && rules.By == ByCall && d.Ours.Start.Sub(*d.Theirs.Start).Abs() > rules.Within {
				t.Fatalf("seed %d: %s and %s are a pair", seed, d.Ours.Start, d.Theirs.Start)
			}
		}
		matched := r.Classes[0]
		if matched.Rows != matched.Events || len(lines)+matched.Rows != strings.Count(text, "\n")-1 || len(accounts)+matched.Events != len(ours) || r.Events != len(ours) {
			t.Fatalf("seed %d: %d rows and %d events: %s", seed, r.Rows, r.Events, want)
		}
		checkTotal(t, r)
	}
}

func checkTotal(t *testing.T, r *Report) {
	t.Helper()
	var amounts, quantities sum
	for _, c := range r.Classes {
		for _, a := range c.Amounts {
			amounts.plus(&a.sum)
		}
		for _, q := range c.Quantities {
			quantities.plus(&q.sum)
		}
	}
	if len(r.Total.Amounts) > 0 && r.Total.Amounts[0].sum != amounts.less() || len(r.Total.Amounts) == 0 && amounts != (sum{}) {
		t.Fatalf("the classes come to %+v, the total is %+v", amounts, r.Total.Amounts)
	}
	if len(r.Total.Quantities) > 0 && r.Total.Quantities[0].sum != quantities.less() || len(r.Total.Quantities) == 0 && quantities != (sum{}) {
		t.Fatalf("the classes come to %+v, the total is %+v", quantities, r.Total.Quantities)
	}
}

// TestAlignment holds the pairs of few rows and events against all that there
// could be.
func TestAlignment(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		m := &Matcher{file: &File{}, rules: august}
		m.rules.Within = time.Duration(1+rnd.IntN(20)) * time.Second
		instants := func(n int) (all []time.Time) {
			for range n {
				all = append(all, august.From.Add(time.Duration(rnd.IntN(60))*time.Second))
			}
			slices.SortFunc(all, time.Time.Compare)
			return all
		}
		var rows, held []int32
		for i, at := range instants(rnd.IntN(6)) {
			rows = append(rows, int32(i))
			m.file.rows = append(m.file.rows, Row{Start: at, Quantity: &Quantity{decimal.FromInt(int64(rnd.IntN(2))), tollbook.Seconds}})
		}
		for i, at := range instants(rnd.IntN(6)) {
			held = append(held, int32(i))
			m.held = append(m.held, Event{Start: at, Quantity: Quantity{decimal.FromInt(int64(rnd.IntN(2))), tollbook.Seconds}})
		}
		s := &stage{timed: true}
		got := cost{alone: int32(len(rows) + len(held))}
		m.align(s, rows, held, func(r, e int32) {
			p, ok := m.pairCost(s, r, e)
			if !ok {
				t.Fatalf("seed %d: row %d and event %d are a pair", seed, r, e)
			}
			got = cost{got.alone - 2, got.differing + p.differing, got.apart + p.apart}
		})
		if want := m.cheapest(s, rows, held); got != want {
			t.Fatalf("seed %d: pairs of %+v, want %+v", seed, got, want)
		}
		if paired := m.mostPairs(s, rows, held); paired != int(int32(len(rows)+len(held))-got.alone)/2 {
			t.Fatalf("seed %d: %d could be paired", seed, paired)
		}
	}
}

// cheapest tries every alignment in which pairs do not cross.
func (m *Matcher) cheapest(s *stage, rows, events []int32) cost {
	if len(rows) == 0 || len(events) == 0 {
		return cost{alone: int32(len(rows) + len(events))}
	}
	best := m.cheapest(s, rows[1:], events)
	best.alone++
	if c := m.cheapest(s, rows, events[1:]); (cost{c.alone + 1, c.differing, c.apart}).compare(best) < 0 {
		best = cost{c.alone + 1, c.differing, c.apart}
	}
	if p, ok := m.pairCost(s, rows[0], events[0]); ok {
		c := m.cheapest(s, rows[1:], events[1:])
		if c = (cost{c.alone, c.differing + p.differing, c.apart + p.apart}); c.compare(best) < 0 {
			best = c
		}
	}
	return best
}

// mostPairs tries every way to pair rows and events, crossing or not, and the
// way that is taken where there are too many to weigh.
func (m *Matcher) mostPairs(s *stage, rows, events []int32) int {
	var most func(i int, taken uint) int
	most = func(i int, taken uint) int {
		if i == len(rows) {
			return 0
		}
		best := most(i+1, taken)
		for j, e := range events {
			if _, ok := m.pairCost(s, rows[i], e); ok && taken&(1<<j) == 0 {
				best = max(best, 1+most(i+1, taken|1<<j))
			}
		}
		return best
	}
	greedy := 0
	m.alignGreedily(s, rows, events, func(_, _ int32) { greedy++ })
	if best := most(0, 0); best != greedy {
		panic(fmt.Sprintf("greedily %d of %d", greedy, best))
	}
	return greedy
}

// FuzzRead: whatever is read, it is read in bounds, and can be compared.
func FuzzRead(f *testing.F) {
	f.Add("id,to,start,quantity,amount,currency\nx,1,2026-08-01 10:00:00,1:00,0.5,USD\n", "id=id", "")
	f.Add("a;b\n1;31/08/2026 1:00 PM\n", "to=a,start=b", "DD/MM/YYYY hh:mm AM")
	f.Add("to\tdate\ttime\n\"1\"\t2026-08-01\t10:00:00.5 +0100\n", "", "")
	f.Fuzz(func(t *testing.T, text, columns, format string) {
		c, err := ParseColumns(columns)
		if err != nil {
			return
		}
		file, faults := Read(text, Layout{Columns: c, TimeFormat: format, Currency: "USD", DecimalComma: len(text)%2 == 0})
		if (file == nil) == (len(faults) == 0) || len(faults) > MaxErrors {
			t.Fatalf("%v and %d faults", file, len(faults))
		}
		if file == nil {
			return
		}
		m := NewMatcher(file, august)
		for _, r := range file.rows {
			if err := m.Add(Event{ID: r.ID, To: r.To, From: r.From, Start: r.Start}); err != nil {
				t.Fatal(err)
			}
		}
		rep := m.Report()
		n := 0
		for _, class := range rep.Classes {
			n += class.Rows
		}
		if n != file.Rows() {
			t.Fatalf("%d rows, %d in classes", file.Rows(), n)
		}
	})
}
