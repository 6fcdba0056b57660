package storetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"tollbook"
	"tollbook/checktest"
	"tollbook/rating"
	"tollbook/wire"
)

// What the traffic says must come out does come out of decoding, measuring
// and posting as a server does them.
func TestTraffic(t *testing.T) {
	checktest.Leave(t)
	traffic := NewTraffic(7, TrafficSize{Events: 20_000, Lanes: 3, MaxBatch: 300})
	table, faults := rating.ParseCard(traffic.CardCSV)
	if len(faults) > 0 {
		t.Fatalf("the card has faults: %v", faults)
	}
	server := trafficServer{t: t, card: rating.Compile(traffic.CardID, 1, table), ledger: NewModel(), accounts: map[string]trafficAccount{}}
	for _, a := range traffic.accounts {
		server.accounts[a.ID] = a
	}
	var sum Counts
	for _, lane := range traffic.Lanes {
		for i, batch := range lane {
			got, results := server.post(batch.Body)
			if got != batch.Want {
				t.Fatalf("batch %d: %+v, want %+v", i, got, batch.Want)
			}
			if fmt.Sprint(results) != fmt.Sprint(batch.Results) {
				t.Fatalf("batch %d: %+v, want %+v", i, results, batch.Results)
			}
			if got, _ := server.post(batch.Body); got != batch.Want.Again() {
				t.Fatalf("batch %d again: %+v, want %+v", i, got, batch.Want.Again())
			}
			sum.Accepted, sum.Duplicate, sum.Conflict = sum.Accepted+got.Accepted, sum.Duplicate+got.Duplicate, sum.Conflict+got.Conflict
			sum.Rejected, sum.Unrated = sum.Rejected+got.Rejected, sum.Unrated+got.Unrated
		}
	}
	for _, o := range traffic.Organizations {
		want := traffic.Records(o.ID)
		if diff := diffLines(recordsText(allRecords(t, server.ledger, o.ID)), recordsText(want)); diff != "" {
			t.Errorf("records of %s:\n%s", o.ID, diff)
		}
		n, err := server.ledger.CountUnrated(t.Context(), o.ID)
		if err != nil || n != traffic.Unrated(o.ID) {
			t.Errorf("%d unrated of %s, %v; want %d", n, o.ID, err, traffic.Unrated(o.ID))
		}
		t.Logf("%s: %d records, %d unrated", o.ID, len(want), n)
	}
	// A history without some kind of event would prove less than it says.
	if t.Logf("%+v", sum); min(sum.Accepted, sum.Duplicate, sum.Conflict, sum.Rejected, sum.Unrated) < 500 {
		t.Errorf("the traffic is lopsided: %+v", sum)
	}
}

func TestTrafficIsTheSameForASeed(t *testing.T) {
	size := TrafficSize{Events: 500, Lanes: 2, MaxBatch: 50}
	a, b, c := NewTraffic(1, size), NewTraffic(1, size), NewTraffic(2, size)
	if fmt.Sprint(a.Lanes) != fmt.Sprint(b.Lanes) || recordsText(a.Records("")) != recordsText(b.Records("")) {
		t.Error("one seed makes two histories")
	}
	if fmt.Sprint(a.Lanes) == fmt.Sprint(c.Lanes) {
		t.Error("two seeds make one history")
	}
}

// trafficServer takes batches as a server does, without the HTTP.
type trafficServer struct {
	t        *testing.T
	card     *rating.Card
	ledger   tollbook.Ledger
	accounts map[string]trafficAccount
}

func (s *trafficServer) post(body []byte) (Counts, []Result) {
	s.t.Helper()
	items, err := wire.Decode(wire.JSON, string(body), wire.Options{Now: instant("2025-01-01T00:00:00Z")})
	if err != nil {
		s.t.Fatal(err)
	}
	var entries []tollbook.Entry
	var places []int
	status := make([]string, len(items))
	for i := range items {
		e := &items[i].Event
		a, ok := s.accounts[e.AccountID]
		if items[i].Err != nil || !ok {
			status[i] = "rejected"
			continue
		}
		entries = append(entries, NewEntry(a.OrganizationID, e, tollbook.MonthOf(e.OccurredAt.In(a.zone)), s.measure(&a, e)))
		places = append(places, i)
	}
	outcomes, err := s.ledger.Post(s.t.Context(), 0, entries)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, o := range outcomes {
		switch {
		case o == tollbook.Duplicate:
			status[places[i]] = "duplicate"
		case o == tollbook.Conflict:
			status[places[i]] = "conflict"
		case entries[i].Unrated != 0:
			status[places[i]] = "unrated"
		}
	}
	return countStatuses(status)
}

func countStatuses(status []string) (n Counts, results []Result) {
	for i, st := range status {
		switch st {
		case "":
			n.Accepted++
			continue
		case "duplicate":
			n.Duplicate++
		case "conflict":
			n.Conflict++
		case "rejected":
			n.Rejected++
		case "unrated":
			n.Unrated++
		}
		results = append(results, Result{Index: i, Status: st})
	}
	return n, results
}

func (s *trafficServer) measure(a *trafficAccount, e *tollbook.Event) tollbook.Measured {
	if e.Priced {
		return tollbook.Measured{Charges: rating.NewPricer().Measure(nil, e)}
	}
	if !a.card {
		return tollbook.Measured{Unrated: tollbook.NoRateCard}
	}
	calendar, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: a.TimeZone}})
	if err != nil {
		s.t.Fatal(err)
	}
	var m tollbook.Measured
	m.Charges, m.Rate, m.Unrated = s.card.Measure(nil, e, calendar)
	return m
}

// Diff sees every field of every record.
func TestTrafficDiff(t *testing.T) {
	traffic := NewTraffic(3, TrafficSize{Events: 500, Lanes: 1, MaxBatch: 50})
	org := traffic.Organizations[0].ID
	pages := func() []map[string]any {
		var all []map[string]any
		for _, r := range traffic.Records(org) {
			wire := WireRecord(&r)
			wire["_links"] = map[string]any{"self": "x"}
			all = append(all, wire)
		}
		return all
	}
	if diff := traffic.Diff(org, pages()); diff != "" {
		t.Errorf("equal records differ:\n%s", diff)
	}
	for name := range WireRecord(&tollbook.Record{}) {
		for what, spoil := range map[string]func(r map[string]any){
			"another value": func(r map[string]any) { r[name] = json.Number("77") },
			"a text":        func(r map[string]any) { r[name] = "77" },
			"no value":      func(r map[string]any) { delete(r, name) },
		} {
			got := pages()
			spoil(got[1])
			if traffic.Diff(org, got) == "" {
				t.Errorf("%s of %s is not seen", what, name)
			}
		}
	}
	if traffic.Diff(org, pages()[1:]) == "" || traffic.Diff(org, append(pages(), pages()[0])) == "" {
		t.Error("a missing or a repeated record is not seen")
	}
}
