package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// events reads events from a CSV of the columns id, to, from, start, quantity
// and amount; they are calls of seconds and US dollars.
func events(t *testing.T, text string) []Event {
	t.Helper()
	f, faults := Read("id,to,from,start,quantity,amount\n"+text, Layout{Currency: "USD", Unit: tollbook.Seconds})
	if f == nil {
		t.Fatal(faults)
	}
	var all []Event
	for _, r := range f.rows {
		e := Event{ID: r.ID, Source: "pbx", AccountID: "a", To: r.To, From: r.From, Start: r.Start, Amount: r.Amount}
		if r.Quantity != nil {
			e.Quantity = *r.Quantity
			e.Billed = &Quantity{Number: decimal.New(r.Quantity.Number.CeilQuo(decimal.FromInt(60)), 0), Unit: tollbook.Minutes}
		}
		if e.Amount == nil {
			e.Unrated = tollbook.NoRate
		}
		all = append(all, e)
	}
	return all
}

var august = Rules{
	Within: time.Minute, Keep: 100,
	From: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
}

func compared(t *testing.T, text string, l Layout, rules Rules, events []Event) *Report {
	t.Helper()
	f, faults := Read(text, l)
	if f == nil {
		t.Fatal(faults)
	}
	m := NewMatcher(f, rules)
	for _, e := range events {
		if err := m.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return m.Report()
}

// outcome is a report on a few lines: how many are matched, then what is not.
func outcome(r *Report) string {
	lines := []string{fmt.Sprint(r.Classes[0].Rows, " matched")}
	for d := range r.Differences() {
		line := strings.Join(append([]string{string(d.Class)}, d.Differs...), " ")
		if d.Theirs != nil {
			line += fmt.Sprint(" line ", d.Theirs.Line)
		}
		if d.Repeats != nil {
			line += fmt.Sprint(" repeats ", *d.Repeats)
		}
		if d.Ours != nil {
			line += " " + d.Ours.ID
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

func TestClasses(t *testing.T) {
	const calls = "e1,+351 21,100,2026-08-01 10:00:00,60,0.02\n" +
		"e2,+351 21,100,2026-08-01 10:10:00,30,0.01\n" +
		"e3,+351 22,100,2026-08-01 10:20:00,90,\n"
	ms := func(n int64) decimal.Decimal { return decimal.New(decimal.NewInt(n), 3) }
	for _, tt := range []struct {
		name   string
		file   string
		layout Layout
		change func(*Rules)
		events string
		want   string
	}{
		{"by id, every class", "id,quantity,amount,start\ne1,1:00,0.02,2026-08-01 10:00:00\ne2,31,0.02,2026-08-01 10:00:00\ne9,1,1,2026-08-01 10:00:00\ne8,1,1,2026-09-01 00:00:00\n", Layout{Currency: "USD"}, nil, calls,
			"1 matched; differing quantity amount line 3 e2; missing_here line 4; missing_there e3; outside line 5"},
		{"by call, clocks a little apart", "to,from,start,duration\n0035121,100,2026-08-01 10:00:09,60\n35121,+100,2026-08-01 10:09:50,30\n(351) 22,Anonymous,2026-08-01 10:20:01,90\n", Layout{}, nil, calls, "3 matched"},
		{"starts too far apart", "to,start\n35121,2026-08-01 10:01:01\n35121,2026-08-01 10:11:00\n35122,2026-08-01 10:20:00\n", Layout{}, nil, calls,
			"2 matched; missing_here line 2; missing_there e1"},
		{"the one that agrees is preferred to the nearest", "to,start,quantity\n1,2026-08-01 10:00:08,10\n", Layout{}, nil, "a,1,,2026-08-01 10:00:00,10,\nb,1,,2026-08-01 10:00:09,60,\n",
			"1 matched; missing_there b"},
		{"as many as can are paired", "to,start\n1,2026-08-01 10:00:50\n1,2026-08-01 10:01:50\n", Layout{}, nil, "a,1,,2026-08-01 10:00:00,1,\nb,1,,2026-08-01 10:00:51,2,\n", "2 matched"},
		{"a number kept secret here", "to,from,start\n1,2,2026-08-01 10:00:00\n", Layout{}, nil, "a,1,restricted,2026-08-01 10:00:00,1,\n", "1 matched"},
		{"another caller", "to,from,start\n1,2,2026-08-01 10:00:00\n", Layout{}, nil, "a,1,3,2026-08-01 10:00:00,1,\n", "0 matched; missing_here line 2; missing_there a"},
		{"numbers in a national form", "to,start\n0351 21,2026-08-01 10:00:00\n", Layout{}, func(r *Rules) { r.Digits = 2 }, "a,+44 1234 21,,2026-08-01 10:00:00,1,\n", "1 matched"},
		{"addresses", "to,start\nSIP:Ann@Example.com,2026-08-01 10:00:00\ntel:+1-2,2026-08-01 10:00:00\n", Layout{}, nil, "a,sip:ann@example.com,,2026-08-01 10:00:00,1,\nb,12,,2026-08-01 10:00:00,1,\n", "2 matched"},
		{"a call billed twice", "id,amount\ne1,0.02\ne1,0.02\n", Layout{Currency: "USD"}, nil, "e1,1,,2026-08-01 10:00:00,60,0.02\n", "1 matched; missing_here line 3 repeats 2"},
		{"a call billed twice, without ids", "to,start\n1,2026-08-01 10:00:00\n1,2026-08-01 10:00:00\n", Layout{}, nil, "e1,1,,2026-08-01 10:00:00,60,0.02\n", "1 matched; missing_here line 3 repeats 2"},
		{"two events of one id", "id,quantity\nx,1\nx,61\n", Layout{}, nil, "x,1,,2026-08-01 10:00:00,61,\nx,1,,2026-08-01 10:00:01,1,\n", "2 matched"},
		{"rows without id by call", "id,to,start\n,1,2026-08-01 10:00:00\ne2,1,2026-08-01 10:00:00\n", Layout{}, nil, "e1,1,,2026-08-01 10:00:00,61,\ne2,1,,2026-08-01 10:00:01,1,\n", "2 matched"},
		{"the carrier's own ids", "id,to,start\nX1,1,2026-08-01 10:00:00\n", Layout{}, func(r *Rules) { r.By = ByCall }, "e1,1,,2026-08-01 10:00:00,61,\n", "1 matched"},
		{"with sources", "id,src,quantity\ne1,pbx,1\ne1,other,1\n", Layout{Columns: map[Field]string{FieldSource: "src"}}, nil, "e1,1,,2026-08-01 10:00:00,1,\n", "1 matched; missing_here line 3"},
		{"minutes and seconds", "id,quantity,unit\na,1.5,minutes\nb,1.5,minutes\n", Layout{}, nil, "a,1,,2026-08-01 10:00:00,90,\nb,1,,2026-08-01 10:00:00,91,\n", "1 matched; differing quantity line 3 b"},
		{"units that cannot be compared", "id,quantity,unit\na,90,segments\n", Layout{}, nil, "a,1,,2026-08-01 10:00:00,90,\n", "0 matched; differing quantity line 2 a"},
		{"what was billed", "id,minutes\na,2\nb,90\n", Layout{}, func(r *Rules) { r.Billed = true }, "a,1,,2026-08-01 10:00:00,90,\nb,1,,2026-08-01 10:00:00,90,\n", "1 matched; differing quantity line 3 b"},
		{"within limits", "id,quantity,amount\na,91,0.021\nb,88,0.01\n", Layout{Currency: "USD"}, func(r *Rules) { r.QuantityWithin, r.AmountWithin = decimal.FromInt(1), ms(1) }, "a,1,,2026-08-01 10:00:00,90,0.02\nb,1,,2026-08-01 10:00:00,90,0.01\n",
			"1 matched; differing quantity line 3 b"},
		{"quantities or amounts alone", "id,quantity,amount\na,91,0.03\n", Layout{Currency: "USD"}, func(r *Rules) { r.IgnoreQuantity = true }, "a,1,,2026-08-01 10:00:00,90,0.02\n", "0 matched; differing amount line 2 a"},
		{"another currency", "id,amount\na,0.02\n", Layout{Currency: "EUR"}, nil, "a,1,,2026-08-01 10:00:00,90,0.02\n", "0 matched; differing currency line 2 a"},
		{"unrated costs nothing", "id,amount\na,0.02\nb,0\n", Layout{Currency: "EUR"}, nil, "a,1,,2026-08-01 10:00:00,90,\nb,1,,2026-08-01 10:00:00,90,\n", "1 matched; differing amount line 2 a"},
		{"blank cells say nothing", "id,quantity,amount\na,,\n", Layout{Currency: "EUR"}, nil, "a,1,,2026-08-01 10:00:00,90,0.02\n", "1 matched"},
		{"both a little outside", "to,start\n1,2026-09-01 00:00:01\n", Layout{}, nil, "a,1,,2026-09-01 00:00:00,90,0.02\n", "0 matched; outside line 2"},
		{"one a little outside", "to,start\n1,2026-08-31 23:59:59\n", Layout{}, nil, "a,1,,2026-09-01 00:00:00,90,0.02\n", "1 matched"},
		{"far outside", "id\na\n", Layout{}, nil, "a,1,,2026-09-02 00:00:00,90,0.02\n", "0 matched; missing_here line 2"},
		{"an event near the end, which need not match", "id\n", Layout{}, nil, "a,1,,2026-09-01 00:00:00,90,0.02\n", "0 matched"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := august
			if tt.change != nil {
				tt.change(&rules)
			}
			ours := events(t, tt.events)
			if got := outcome(compared(t, tt.file, tt.layout, rules, ours)); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			slices.Reverse(ours)
			if got := outcome(compared(t, tt.file, tt.layout, rules, ours)); got != tt.want {
				t.Errorf("with the events the other way around: %s", got)
			}
		})
	}
}

// TestSums: of each class and of all, by currency and unit, to the last digit.
func TestSums(t *testing.T) {
	r := compared(t, "id,quantity,unit,amount,currency,start\n"+
		"a,1,minutes,0.020000000001,USD,2026-08-01 10:00:00\nb,60,,0.5,EUR,2026-08-01 10:00:00\nc,7,segments,-1,USD,2026-08-01 10:00:00\nd,9,,9,USD,2026-10-01 10:00:00\n", Layout{}, august,
		events(t, "a,1,,2026-08-01 10:00:00,60,0.02\nb,1,,2026-08-01 10:00:00,60,0.5\ne,1,,2026-08-31 23:59:59,3,0.125\n"))
	var got []string
	line := func(name string, s Sums) {
		text := name
		for _, a := range s.Amounts {
			text += fmt.Sprint(" ", a.Currency, " ", a.Theirs, "-", a.Ours, "=", a.Difference)
		}
		for _, q := range s.Quantities {
			text += fmt.Sprint(" ", textOrNone(q.Unit), " ", q.Theirs, "-", q.Ours, "=", q.Difference)
		}
		got = append(got, text)
	}
	for _, c := range r.Classes {
		line(fmt.Sprint(c.Class, " ", c.Rows, " ", c.Events), c.Sums)
	}
	line("total", r.Total)
	want := []string{
		"matched 0 0",
		"differing 2 2 EUR 0.5-0=0.5 USD 0.020000000001-0.52=-0.499999999999 SECONDS 120-120=0",
		"missing_here 1 0 USD -1-0=-1 SEGMENTS 7-0=7",
		"missing_there 0 1 USD 0-0.125=-0.125 SECONDS 0-3=-3",
		"outside 1 0 USD 9-0=9  9-0=9",
		"total EUR 0.5-0=0.5 USD -0.979999999999-0.645=-1.624999999999 SECONDS 120-123=-3 SEGMENTS 7-0=7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("sums\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Rows != 4 || r.Events != 3 || r.AllMatched {
		t.Errorf("%d rows, %d events, all matched %t", r.Rows, r.Events, r.AllMatched)
	}
}

func TestAllMatched(t *testing.T) {
	const one = "a,1,,2026-08-01 10:00:00,60,\n"
	for _, tt := range []struct {
		file, events string
		want         bool
	}{
		{"id\na\n", one, true},
		{"id,start\na,\nb,2026-09-01 00:00:00\n", one, true}, // outside
		{"id,start\nb,2026-09-01 00:00:00\n", "", false},     // the wrong month
		{"id\n", "", true},
		{"id\n", one, false},
		{"id\na\nb\n", one, false},
	} {
		if got := compared(t, tt.file, Layout{}, august, events(t, tt.events)).AllMatched; got != tt.want {
			t.Errorf("%q and %q: all matched is %t", tt.file, tt.events, got)
		}
	}
}

// TestListsAreBounded, and hold the first ones whatever the order of events.
func TestListsAreBounded(t *testing.T) {
	rules := august
	rules.Keep = 3
	var all []Event
	for i := range 5000 {
		all = append(all, Event{ID: fmt.Sprintf("e%04d", i*7919%5000), Start: rules.From})
	}
	r := compared(t, "id\n"+strings.Repeat("x\n", 10), Layout{}, rules, all)
	if got := outcome(r); got != "0 matched; missing_here line 2; missing_here line 3 repeats 2; missing_here line 4 repeats 2; missing_there e0000; missing_there e0001; missing_there e0002" {
		t.Errorf("listed: %s", got)
	}
	if r.Classes[3].Events != 5000 || r.Complete() {
		t.Errorf("%d counted, complete is %t", r.Classes[3].Events, r.Complete())
	}
}

// TestEventOf: what is compared of an event with a setup fee, one with tiers
// and one that is not rated.
func TestEventOf(t *testing.T) {
	g := tollbook.Grouping{Type: tollbook.Call, Unit: tollbook.Minutes, Currency: "USD"}
	one, price := decimal.FromInt(1), decimal.New(decimal.NewUint(2), 2)
	plain := tollbook.NewLine(g, price, one)
	tiered := tollbook.NewTieredLine(g, one, []tollbook.Tier{{UpTo: decimal.NewUint(5)}, {PricePerIncrement: price}})
	g.Type = tollbook.CallService
	fee := tollbook.NewLine(g, decimal.FromInt(3), one)
	e := tollbook.BookedEvent{Event: tollbook.Event{ID: "e", Quantity: decimal.FromInt(61), Unit: tollbook.Seconds, Attributes: []tollbook.Attribute{{Key: "sid", Value: "CA1"}}}}
	e.Unrated = tollbook.NoRate
	if got := EventOf(&e, "sid"); got.ID != "CA1" || got.Billed != nil || got.Amount != nil || got.Unrated != tollbook.NoRate {
		t.Errorf("unrated: %+v", got)
	}
	e.Unrated = 0
	e.Charges = []tollbook.Charge{{Line: plain, Increments: decimal.NewUint(2)}, {Line: fee, Increments: decimal.NewUint(1)}}
	got := EventOf(&e, "none")
	if got.ID != "" || *got.Billed != (Quantity{decimal.FromInt(2), tollbook.Minutes}) || got.Amount.Number.String() != "3.04" {
		t.Errorf("with a fee: %+v %+v", got, got.Amount)
	}
	e.Charges[0].Line = tiered
	if got := EventOf(&e, ""); got.ID != "e" || got.Amount != nil || got.Billed == nil {
		t.Errorf("with tiers: %+v", got)
	}
}
