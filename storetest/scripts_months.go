package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tollbook"
)

// firstOpen is what the server knows of an organization's closed months.
type firstOpen map[string]tollbook.Month

// booked returns the month in which an event of a home month counts.
func (f firstOpen) booked(organization string, home tollbook.Month) tollbook.Month {
	return max(home, f[organization])
}

// close reads "ORG MONTH": nothing is booked in the month, nor in one before
// it, from now on. The close is marked.
func (r *scriptRun) close(words []string) {
	r.t.Helper()
	r.open[words[0]] = mustMonth(words[1]) + 1
	r.defineObject(tollbook.KindMonth, words[0]+"/"+words[1], struct{}{})
	r.past[words[1]] = r.mark()
}

// rerate reads "ORG MONTH" and measures the events of the month again under the
// cards as they are. It prints of each account how many get other charges.
func (r *scriptRun) rerate(words []string) string {
	r.t.Helper()
	org, month := words[0], mustMonth(words[1])
	if month < r.open[org] {
		return "closed\n"
	}
	var out strings.Builder
	for _, id := range slices.Sorted(maps.Keys(r.accounts)) {
		if r.accounts[id].organization != org {
			continue
		}
		changed := r.readMonth(org, id, month, func(e *tollbook.BookedEvent) *tollbook.Measured {
			m := r.measure(&e.Event)
			if chargeList(m.Charges) == chargeList(e.Charges) && m.Unrated == e.Unrated {
				return nil
			}
			return &m
		})
		if n := len(changed.ledger.Bookings); n > 0 {
			r.must(r.restate(changed))
			fmt.Fprintf(&out, "%s %d\n", id, n)
		}
	}
	return out.String()
}

// chargeList is charges as a text: the same for the same.
func chargeList(charges []tollbook.Charge) string {
	var b strings.Builder
	for _, c := range charges {
		fmt.Fprintf(&b, "%x %v,", c.Line.Key(), c.Increments)
	}
	return b.String()
}

// void reads "ORG [REASON]" and of each line "SOURCE ID [by SOURCE ID]". What
// counts in an open month is taken out of it, what counts in a closed one is
// taken back in the first open month.
func (r *scriptRun) void(rest string, lines []string) string {
	r.t.Helper()
	org, reason, _ := strings.Cut(rest, " ")
	var out strings.Builder
	for _, l := range lines {
		words := strings.Fields(l)
		v := &tollbook.Void{Reason: reason, Actor: "tester", At: instant("2023-09-03T04:05:06Z")}
		if len(words) == 5 {
			v.ReplacedBy = tollbook.EventName{Source: words[3], ID: words[4]}
		}
		said := r.words(tollbook.ClaimOf(org, words[0], words[1]))
		if len(said) == 0 || said[0].Void != nil {
			fmt.Fprintln(&out, map[bool]string{true: "not found", false: "voided already"}[len(said) == 0])
			continue
		}
		latest := &said[0]
		c := correction{of: tollbook.Entry{Event: &latest.Event, OrganizationID: org, Claim: latest.Claim}, void: v}
		told := "voided"
		if open := r.open.booked(org, latest.Booked); len(latest.Charges) > 0 {
			c.booked, c.adjusts = open, open != latest.Booked
			told += map[bool]string{true: ", taken back in ", false: " in "}[c.adjusts] + open.String()
		}
		r.wantBook([]tollbook.Outcome{tollbook.Accepted}, c)
		fmt.Fprintln(&out, told)
	}
	return out.String()
}

// words are what the ledger was told of an event, the latest one first; the
// model must agree.
func (r *scriptRun) words(claim tollbook.Claim) []tollbook.BookedEvent {
	r.t.Helper()
	words, _, err := r.ledger.History(r.t.Context(), claim)
	if err != nil {
		r.wantCode(err, tollbook.CodeNotFound)
	}
	r.sameHistory(claim)
	return words
}

// history reads "ORG SOURCE ID" and prints what was said of the event, the
// latest word first, and which event it stands for.
func (r *scriptRun) history(words []string) string {
	r.t.Helper()
	claim := tollbook.ClaimOf(words[0], words[1], words[2])
	rows := [][]string{{"booked", "home", "units", "amount", "void", "by"}}
	for _, w := range r.words(claim) {
		row := []string{w.Booked.String(), w.Home.String(), "", "", "", ""}
		row[2], row[3] = chargesText(&w)
		if w.Void != nil {
			row[4], row[5] = w.Void.Reason, w.Void.ReplacedBy.ID
		}
		rows = append(rows, row)
	}
	out := table(rows)
	if _, replaces, err := r.ledger.History(r.t.Context(), claim); err == nil && replaces != nil {
		out += "replaces " + replaces.ID + "\n"
	}
	return out
}

// chargesText is what an event counts, in each of its lines.
func chargesText(e *tollbook.BookedEvent) (units, amount string) {
	var us, as []string
	for _, c := range e.Charges {
		us = append(us, c.Line.Units(c.Increments).String())
		if c.Line.Parts() > 1 {
			as = append(as, "tiers")
		} else {
			as = append(as, c.Line.Amount(c.Increments).String())
		}
	}
	return strings.Join(us, "+"), strings.Join(as, "+")
}

// adjustments reads "ORG MONTH" and prints what of the month is booked later.
func (r *scriptRun) adjustments(words []string) string {
	r.t.Helper()
	q := tollbook.EventQuery{OrganizationID: words[0], Late: true, Home: mustMonth(words[1]), Limit: 2}
	r.sameEvents(q)
	var rows [][]string
	for _, e := range allEvents(r.t, r.ledger, q) {
		row := []string{e.ID, e.Booked.String(), "", "", "late"}
		row[2], row[3] = chargesText(&e)
		if e.Void != nil {
			row[4] = "void: " + e.Void.Reason
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, slices.Compare)
	return table(append([][]string{{"event", "booked", "units", "amount", "what"}}, rows...))
}

// recordsOfPast reads "MONTH ORG [FILTER]" and prints the records as they were
// when the month was closed.
func (r *scriptRun) recordsOfPast(rest string) string {
	r.t.Helper()
	month, rest, _ := strings.Cut(rest, " ")
	mark, ok := r.past[month]
	if !ok {
		r.t.Fatalf("%s: %s is not closed", r.at, month)
	}
	return recordsTable(r.matchingRecords(rest, mark))
}
