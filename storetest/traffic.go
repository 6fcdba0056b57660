package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// TrafficSize says how much Traffic is made.
type TrafficSize struct {
	Events   int // at least; repeats and what is not taken included
	Lanes    int // at least 1
	MaxBatch int // events in a batch; the batches' sizes are random
}

// Traffic is a random history to be sent over HTTP: definitions to be made
// first, batches of events as JSON, and what must come out. Two of the same
// seed and size are the same.
//
// The batches of a lane are sent in their order, by an operator's client;
// lanes may be sent concurrently, since no event's name is in two of them. All
// events occurred in the first half of 2024.
type Traffic struct {
	Organizations []tollbook.Organization // each names CardID, or no card at all
	Accounts      []tollbook.Account      // Zones is not set
	CardID        string
	CardCSV       string
	Lanes         [][]Batch

	rows     []trafficRow
	accounts []trafficAccount
	model    *Model
}

// Batch is the body of one request and what becomes of it.
type Batch struct {
	Body    []byte // application/json: an array of events
	Want    Counts
	Results []Result // of the events that were not simply accepted, in order
}

// Counts is how many events of a request met which end, as the answer to
// POST /v1/events gives them.
type Counts struct {
	Accepted  int `json:"accepted"`
	Duplicate int `json:"duplicate"`
	Conflict  int `json:"conflict"`
	Rejected  int `json:"rejected"`
	Unrated   int `json:"unrated"`
}

// Again returns what becomes of the batch when it is sent once more.
func (c Counts) Again() Counts {
	c.Duplicate += c.Accepted + c.Unrated
	c.Accepted, c.Unrated = 0, 0
	return c
}

// Result is what became of one event that was not simply accepted.
type Result struct {
	Index  int    `json:"index"`
	Status string `json:"status"` // duplicate, conflict, rejected or unrated
}

type trafficAccount struct {
	tollbook.Account
	zone *time.Location
	card bool // it has one, or its organization has
}

// Records returns the records that must come out of an organization's events,
// "" for all, in the order of their ids.
func (t *Traffic) Records(organizationID string) []tollbook.Record {
	return t.model.AllRecords(organizationID)
}

// RecordsByID returns all records that must come out, by id.
func (t *Traffic) RecordsByID() map[string]tollbook.Record {
	byID := map[string]tollbook.Record{}
	for _, r := range t.model.AllRecords("") {
		byID[r.ID.String()] = r
	}
	return byID
}

// Unrated returns how many unrated events of an organization must be left.
func (t *Traffic) Unrated(organizationID string) int {
	words := t.model.counting(func(w *word) bool { return w.OrganizationID == organizationID && w.Unrated != 0 })
	return len(words)
}

// NewTraffic makes the traffic of a seed.
func NewTraffic(seed uint64, size TrafficSize) *Traffic {
	t := &Traffic{CardID: "traffic-card", rows: trafficRows(), model: NewModel()}
	t.CardCSV = trafficCSV(t.rows)
	t.define()
	for n := range size.Lanes {
		l := &lane{traffic: t, number: n, random: rand.New(rand.NewPCG(seed, uint64(n)))}
		var batches []Batch
		for made := 0; made < size.Events/size.Lanes; {
			b := l.batch(1 + l.random.IntN(size.MaxBatch))
			made += b.Want.Accepted + b.Want.Duplicate + b.Want.Conflict + b.Want.Rejected + b.Want.Unrated
			batches = append(batches, b)
		}
		t.Lanes = append(t.Lanes, batches)
	}
	return t
}

// define makes three organizations: one with a card for all its accounts, one
// whose accounts have theirs, all but the last, and one without any.
func (t *Traffic) define() {
	zones := []string{"UTC", "America/Los_Angeles", "Asia/Kathmandu", "Europe/Lisbon", "Pacific/Kiritimati", "Australia/Lord_Howe"}
	accounts := []int{6, 6, 2} // of each organization
	for i, org := range []string{"traffic-default", "traffic-own", "traffic-none"} {
		o := tollbook.Organization{ID: org, Name: "Organization " + org}
		if i == 0 {
			o.RateCardID = &t.CardID
		}
		t.Organizations = append(t.Organizations, o)
		for j := range accounts[i] {
			a := trafficAccount{Account: tollbook.Account{ID: fmt.Sprintf("%s-%d", org, j), OrganizationID: org, Name: "Account", CompanyName: "Company", Status: "ACTIVE", TimeZone: zones[j%len(zones)]}}
			if i == 1 && j < accounts[i]-1 {
				a.RateCardID = &t.CardID
			}
			a.card = o.RateCardID != nil || a.RateCardID != nil
			var err error
			if a.zone, err = tollbook.LoadZone(a.TimeZone); err != nil {
				panic("storetest: " + err.Error())
			}
			t.Accounts = append(t.Accounts, a.Account)
			t.accounts = append(t.accounts, a)
		}
	}
}

// lane makes the batches of one lane.
type lane struct {
	traffic *Traffic
	number  int
	random  *rand.Rand
	names   int               // given out
	made    []*tollbook.Event // the first of each name
	refused []*tollbook.Event // as they would be without their fault
}

func (l *lane) batch(n int) Batch {
	var bodies []string
	var b Batch
	for i := range n {
		body, status := l.next()
		bodies = append(bodies, body)
		counts := map[string]*int{"accepted": &b.Want.Accepted, "duplicate": &b.Want.Duplicate, "conflict": &b.Want.Conflict, "rejected": &b.Want.Rejected, "unrated": &b.Want.Unrated}
		*counts[status]++
		if status != "accepted" {
			b.Results = append(b.Results, Result{Index: i, Status: status})
		}
	}
	b.Body = []byte("[" + strings.Join(bodies, ",\n") + "]")
	return b
}

// next returns an event as JSON and what becomes of it.
func (l *lane) next() (body, status string) {
	switch p := l.random.IntN(100); {
	case p < 9 && len(l.made) > 0:
		return l.post(pick(l.random, l.made))
	case p < 13 && len(l.made) > 0:
		e := *pick(l.random, l.made)
		e.Quantity = e.Quantity.Add(decimal.FromInt(1 + l.random.Int64N(9)))
		return l.post(&e)
	case p < 18:
		e := l.fresh()
		l.refused = append(l.refused, e)
		return l.spell(l.spoil(l.fields(e))), "rejected"
	case p < 20 && len(l.refused) > 0:
		// What was refused is sent again without its fault: it claimed
		// nothing.
		e := l.refused[0]
		l.refused = l.refused[1:]
		return l.post(e)
	}
	return l.post(l.fresh())
}

// post counts an event in the model.
func (l *lane) post(e *tollbook.Event) (body, status string) {
	t := l.traffic
	var a trafficAccount
	for _, a = range t.accounts {
		if a.ID == e.AccountID {
			break
		}
	}
	m := tollbook.Measured{Unrated: tollbook.NoRateCard}
	switch {
	case e.Priced:
		m = chargePriced(e)
	case a.card:
		m = rate(t.rows, e)
	}
	entry := NewEntry(a.OrganizationID, e, tollbook.MonthOf(e.OccurredAt.In(a.zone)), m)
	body = l.spell(l.fields(e))
	switch t.model.post(&entry) {
	case tollbook.Duplicate:
		return body, "duplicate"
	case tollbook.Conflict:
		return body, "conflict"
	}
	l.made = append(l.made, e)
	if m.Unrated != 0 {
		return body, "unrated"
	}
	return body, "accepted"
}

// chargePriced charges an event by its own price, as rate does by a row.
func chargePriced(e *tollbook.Event) tollbook.Measured {
	line := tollbook.PricedLine(tollbook.Grouping{
		ProductID: e.ProductID, AggrProductID: e.AggrProductID, Type: e.Type, Description: e.Description, Currency: e.Currency,
		Direction: e.Direction, Resolution: e.Resolution, Unit: e.Unit, WalletName: e.WalletName,
	}, e.Price)
	quantity := ratOf(e.Quantity)
	return tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: ceil(quantity.Quo(quantity, ratOf(line.Increment)))}}}
}

// fresh returns an event whose name was not used before.
func (l *lane) fresh() *tollbook.Event {
	r := l.random
	a := pick(r, l.traffic.accounts)
	l.names++
	e := &tollbook.Event{
		ID: fmt.Sprintf("é\"%d/%d", l.number, l.names), Source: pick(r, []string{"switch-1", "switch-2", "sms gateway"}), AccountID: a.ID,
		OccurredAt: l.instantIn(a.zone), Type: tollbook.UsageType(1 + r.IntN(len(tollbook.UsageTypes()))), Quantity: l.quantity(),
		From: "+351210000000", To: pick(r, []string{"", "+", "sip:bob@example.com"}),
		Country: pick(r, []string{"", "GB", "PT", "US"}), Resolution: tollbook.Resolution(r.IntN(1 + len(tollbook.Resolutions()))),
	}
	if r.IntN(3) > 0 {
		e.Type = tollbook.Call
		e.To = fmt.Sprintf("+%s (%d) %d", pick(r, []string{"1", "351", "35191", "3519", "44", "44791", "447", "81", "49"}), r.IntN(100), 1000+r.IntN(9000))
	}
	e.Direction = pick(r, []tollbook.Direction{0, tollbook.Inbound, tollbook.Inbound, tollbook.Outbound, tollbook.Outbound, tollbook.Outbound, tollbook.Outbound, tollbook.OtherDirection})
	e.Unit = e.Type.DefaultUnit()
	if e.Type == tollbook.Call && r.IntN(8) == 0 {
		e.Unit = pick(r, []tollbook.Unit{tollbook.Minutes, tollbook.Pages})
	}
	if r.IntN(6) == 0 {
		e.Attributes = []tollbook.Attribute{{Key: "queue", Value: "sales"}, {Key: "tränk", Value: fmt.Sprint(r.IntN(9))}}
	}
	if e.Type.PutIn() || r.IntN(10) == 0 {
		e.Priced, e.Price, e.Currency = true, dec(pick(r, []string{"0", "1", "0.37", "99999.999999999999"})), pick(r, []string{"USD", "EUR"})
		e.ProductID, e.WalletName = pick(r, []string{"", "P-PRICED"}), pick(r, []string{"", "contact center"})
	}
	return e
}

func (l *lane) quantity() decimal.Decimal {
	switch l.random.IntN(20) {
	case 0:
		return decimal.Decimal{}
	case 1:
		return decimal.New(decimal.NewUint(l.random.Uint64N(1e15)), 12)
	}
	return decimal.New(decimal.NewUint(l.random.Uint64N(10_000)), l.random.IntN(3))
}

// instantIn returns an instant in the first half of 2024, one in six within a
// minute of a month's edge.
func (l *lane) instantIn(zone *time.Location) time.Time {
	const months = 6
	first := tollbook.NewMonth(2024, time.January)
	if l.random.IntN(6) == 0 {
		edge := (first + tollbook.Month(1+l.random.IntN(months-1))).Start(zone)
		return edge.Add(time.Duration(l.random.Int64N(2*int64(time.Minute)) - int64(time.Minute))).UTC()
	}
	start, end := first.Start(zone), (first + months).Start(zone)
	return start.Add(time.Duration(l.random.Int64N(int64(end.Sub(start))))).UTC()
}
