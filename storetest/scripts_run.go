package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
	"tollbook/rating"
	"tollbook/wire"
)

// scriptRun is a script in progress: a subject and, since a ledger does not
// read its definitions, the cards and accounts that the script defined.
type scriptRun struct {
	*subject
	at            string // the command that is run, for failures
	organizations []string
	cards         map[string]*rating.Card
	versions      map[string]int
	accounts      map[string]scriptAccount
	open          firstOpen
	past          map[string]tollbook.Pos // the marks of months that were closed
}

type scriptAccount struct {
	organization string
	card         string
	calendar     *tollbook.Calendar
}

func newScriptRun(s *subject) *scriptRun {
	return &scriptRun{subject: s, cards: map[string]*rating.Card{}, versions: map[string]int{}, accounts: map[string]scriptAccount{}, open: firstOpen{}, past: map[string]tollbook.Pos{}}
}

// do runs one command and returns what it prints.
func (r *scriptRun) do(c *command) string {
	r.t.Helper()
	verb, rest, _ := strings.Cut(c.head, " ")
	switch verb {
	case "card":
		return r.card(rest, strings.Join(c.input, "\n")+"\n")
	case "account":
		r.account(strings.Fields(rest))
		return ""
	case "post":
		return r.postLines(rest, c.input)
	case "take":
		return r.takeUp()
	case "close":
		r.close(strings.Fields(rest))
		return ""
	case "rerate":
		return r.rerate(strings.Fields(rest))
	case "void":
		return r.void(rest, c.input)
	case "history":
		return r.history(strings.Fields(rest))
	case "adjustments":
		return r.adjustments(strings.Fields(rest))
	case "records":
		return recordsTable(r.matchingRecords(rest, 0))
	case "past":
		return r.recordsOfPast(rest)
	case "total":
		return fmt.Sprintf("%d\n", len(r.matchingRecords(rest, 0)))
	case "events":
		return r.events(rest)
	case "unrated":
		return r.unrated(rest)
	case "reopen":
		r.reopen()
		return ""
	}
	r.t.Fatalf("%s: unknown command", r.at)
	return ""
}

func (r *scriptRun) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", r.at, err)
	}
}

func (r *scriptRun) card(id, csv string) string {
	table, faults := rating.ParseCard(csv)
	var out strings.Builder
	for _, f := range faults {
		fmt.Fprintln(&out, f.Name)
	}
	if table == nil {
		return out.String()
	}
	r.versions[id]++
	r.cards[id] = rating.Compile(id, r.versions[id], table)
	r.defineObject(tollbook.KindRateCard, id, tollbook.RateCard{ID: id, Version: r.versions[id], CSV: csv})
	return out.String()
}

func (r *scriptRun) defineObject(kind tollbook.Kind, id string, object any) {
	r.t.Helper()
	body, err := json.Marshal(object)
	r.must(err)
	r.define(r.definition(kind, id, string(body)))
}

// account reads: ID of ORG in ZONE [card CARD] [then ZONE from MONTH]. A card
// that is not there yet is none.
func (r *scriptRun) account(words []string) {
	r.t.Helper()
	a := tollbook.Account{ID: words[0]}
	card := ""
	for i := 1; i+1 < len(words); i += 2 {
		switch words[i] {
		case "of":
			a.OrganizationID = words[i+1]
		case "in", "then":
			a.TimeZone = words[i+1]
			a.Zones = append(a.Zones, tollbook.ZoneFrom{TimeZone: words[i+1]})
		case "from":
			month, err := tollbook.ParseMonth(words[i+1])
			r.must(err)
			a.Zones[len(a.Zones)-1].From = month
		case "card":
			card = words[i+1]
			a.RateCardID = &card
		default:
			r.t.Fatalf("%s: unknown word %q", r.at, words[i])
		}
	}
	calendar, err := tollbook.NewCalendar(a.Zones)
	r.must(err)
	r.accounts[a.ID] = scriptAccount{organization: a.OrganizationID, card: card, calendar: calendar}
	if !slices.Contains(r.organizations, a.OrganizationID) {
		r.organizations = append(r.organizations, a.OrganizationID)
	}
	r.defineObject(tollbook.KindAccount, a.ID, a)
}

// measure does what the server does between decoding and posting.
func (r *scriptRun) measure(e *tollbook.Event) tollbook.Measured {
	a := r.accounts[e.AccountID]
	if e.Priced {
		return tollbook.Measured{Charges: rating.NewPricer().Measure(nil, e)}
	}
	card := r.cards[a.card]
	if card == nil {
		return tollbook.Measured{Unrated: tollbook.NoRateCard}
	}
	var m tollbook.Measured
	m.Charges, m.Rate, m.Unrated = card.Measure(nil, e, a.calendar)
	return m
}

// withCommon puts fields into JSON objects that have them in common.
func withCommon(common string, lines []string) string {
	text := "\n" + strings.Join(lines, "\n")
	if common != "" {
		text = strings.ReplaceAll(text, "\n{", "\n{"+common+",")
	}
	return text[1:]
}

// postLines posts the events that can be taken, in one batch, and tells of
// every line what became of it.
func (r *scriptRun) postLines(common string, lines []string) string {
	r.t.Helper()
	items, err := wire.Decode(wire.NDJSON, withCommon(common, lines), wire.Options{Now: instant("2030-01-01T00:00:00Z")})
	r.must(err)
	var batch []tollbook.Entry
	for i := range items {
		e := &items[i].Event
		if items[i].Err == nil {
			a, ok := r.accounts[e.AccountID]
			if !ok {
				r.t.Fatalf("%s: there is no account %q", r.at, e.AccountID)
			}
			entry := NewEntry(a.organization, e, a.calendar.MonthOf(e.OccurredAt), r.measure(e))
			entry.Booked = r.open.booked(a.organization, entry.Home)
			batch = append(batch, entry)
		}
	}
	var outcomes []tollbook.Outcome
	if len(batch) > 0 {
		outcomes = r.post(batch...)
	}
	var out strings.Builder
	n := 0
	for i := range items {
		if items[i].Err != nil {
			fmt.Fprintf(&out, "rejected: %s\n", items[i].Err.Fields[0].Name)
			continue
		}
		switch word := strings.ToLower(outcomeName(outcomes[n])); {
		case outcomes[n] == tollbook.Accepted && batch[n].Unrated != 0:
			fmt.Fprintf(&out, "unrated: %s\n", batch[n].Unrated)
		default:
			fmt.Fprintln(&out, word)
		}
		n++
	}
	return out.String()
}

// takeUp measures the unrated events again and books those that have charges.
func (r *scriptRun) takeUp() string {
	r.t.Helper()
	var bookings []correction
	for _, e := range allEvents(r.t, r.ledger, tollbook.EventQuery{Unrated: true, Limit: 100}) {
		if m := r.measure(&e.Event); len(m.Charges) > 0 {
			bookings = append(bookings, correction{of: tollbook.Entry{Event: &e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim}, booked: r.open.booked(e.OrganizationID, e.Home), measured: m})
		}
	}
	if len(bookings) > 0 {
		r.wantBook(slices.Repeat([]tollbook.Outcome{tollbook.Accepted}, len(bookings)), bookings...)
	}
	return fmt.Sprintf("%d\n", len(bookings))
}

// matchingRecords reads "ORG [FILTER]" and returns the records in the order
// of month, account and id, as they were at a mark or, for 0, as they are.
func (r *scriptRun) matchingRecords(rest string, asOf tollbook.Pos) []tollbook.Record {
	r.t.Helper()
	org, text, _ := strings.Cut(rest, " ")
	q := tollbook.Query{OrganizationID: org, Order: tollbook.Order{Field: tollbook.OrderMonth}, Limit: tollbook.MaxPage, AsOf: asOf}
	if text != "" {
		var err error
		q.Filter, err = filter.Parse(text, tollbook.RecordSchema())
		r.must(err)
	}
	page := r.wantPage(q)
	slices.SortFunc(page.Records, func(a, b tollbook.Record) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), strings.Compare(a.AccountID, b.AccountID), slices.Compare(a.ID[:], b.ID[:]))
	})
	return page.Records
}

func recordsTable(records []tollbook.Record) string {
	rows := [][]string{{"month", "account", "type", "description", "direction", "resolution", "product", "aggr", "wallet", "price", "unit", "units", "total", "currency"}}
	for _, rec := range records {
		rows = append(rows, []string{rec.Month.String(), rec.AccountID, rec.Type.String(), rec.Description, rec.Direction.String(), rec.Resolution.String(), rec.ProductID, rec.AggrProductID,
			rec.WalletName, rec.Price.String(), rec.Unit.String(), rec.NumberOfUnits.String(), rec.TotalAmount.String(), rec.Currency})
	}
	return table(rows)
}

// events prints the events of each record that matches, with the row that
// priced them and what of it is in the record, and what they add up to, which
// must be the record's sums. In a line with tiers it is the month's increments
// that are cut, whosoever's they are.
func (r *scriptRun) events(rest string) string {
	r.t.Helper()
	org, _, _ := strings.Cut(rest, " ")
	rows := [][]string{{"event", "quantity", "unit", "card", "version", "row", "prefix", "increments", "units", "amount"}}
	add := func(head []string, l *tollbook.Line, increments decimal.Int) {
		row := append(append(head, make([]string, 7-len(head))...), increments.String(), l.Units(increments).String(), "")
		if len(l.Tiers) == 0 {
			row[9] = l.Amount(increments).String()
		}
		rows = append(rows, row)
	}
	for _, rec := range r.matchingRecords(rest, 0) {
		events, d := r.drill(org, rec)
		slices.SortFunc(events, func(a, b tollbook.BookedEvent) int {
			return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Ref, b.Ref))
		})
		for _, e := range events {
			for _, c := range d.charges(&e) {
				add([]string{e.ID, e.Quantity.String(), e.Unit.String(), e.Rate.CardID, fmt.Sprint(e.Rate.Version), fmt.Sprint(e.Rate.Row), e.Rate.Prefix}, c.Line, c.Increments)
			}
		}
		for _, c := range d.cuts {
			add([]string{fmt.Sprintf("tier %d of %s behind %s", c.Part+1, c.Increments, c.Before)}, c.Line.Part(c.Part), c.Share)
		}
		rows = append(rows, []string{"total", "", "", "", "", "", "", "", decimalOf(d.units).String(), decimalOf(d.amount).String()})
	}
	return table(rows)
}

func (r *scriptRun) unrated(org string) string {
	r.t.Helper()
	var lines []string
	for _, e := range allEvents(r.t, r.ledger, tollbook.EventQuery{OrganizationID: org, Unrated: true, Limit: 2}) {
		lines = append(lines, fmt.Sprintf("%s %s\n", e.ID, e.Unrated))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// table aligns rows; an empty cell is shown as "-".
func table(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 1, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = cmp.Or(cell, "-")
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	return b.String()
}
