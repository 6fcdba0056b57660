package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
)

// linesOf returns texts in their order, one a line.
func linesOf(texts []string) string {
	var b strings.Builder
	for _, text := range slices.Sorted(slices.Values(texts)) {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// recordText returns everything that a record holds, on one line.
func recordText(r *tollbook.Record) string {
	return fmt.Sprintf("%s account=%q month=%s product=%q aggr=%q type=%s description=%q currency=%s direction=%s resolution=%s unit=%s price=%s wallet=%q units=%s total=%s events=%d",
		r.ID, r.AccountID, r.Month, r.ProductID, r.AggrProductID, r.Type, r.Description, r.Currency, orNull(r.Direction.String()),
		orNull(r.Resolution.String()), r.Unit, r.Price, r.WalletName, r.NumberOfUnits, r.TotalAmount, r.Events)
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func recordsText(records []tollbook.Record) string {
	var b strings.Builder
	for i := range records {
		b.WriteString(recordText(&records[i]) + "\n")
	}
	return b.String()
}

// eventText returns everything that a booked event holds, on one line.
func eventText(e *tollbook.BookedEvent) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s organization=%q home=%s booked=%s event=%q source=%q account=%q normal=%x cloudevent=%q", e.Claim, e.OrganizationID, e.Home, e.Booked, e.ID, e.Source, e.AccountID, e.AppendNormal(nil), e.CloudEventType)
	for _, c := range e.Charges {
		fmt.Fprintf(&b, " charge=%x×%s", c.Line.Key(), c.Increments)
	}
	fmt.Fprintf(&b, " rate=%s/%d/%d/%s unrated=%q", e.Rate.CardID, e.Rate.Version, e.Rate.Row, e.Rate.Prefix, e.Unrated)
	if e.Void != nil {
		fmt.Fprintf(&b, " void=%q actor=%q at=%s replaced=%q/%q", e.Void.Reason, e.Void.Actor, e.Void.At.UTC().Format(time.RFC3339Nano), e.Void.ReplacedBy.Source, e.Void.ReplacedBy.ID)
	}
	if e.Adjusts {
		b.WriteString(" adjusts")
	}
	return b.String()
}

// eventsText returns events in the order of their claims: a ledger may list
// them in any order that does not change.
func eventsText(events []tollbook.BookedEvent) string {
	var lines []string
	for i := range events {
		lines = append(lines, eventText(&events[i])+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func cutsText(cuts []tollbook.Cut) string {
	var lines []string
	for _, c := range cuts {
		lines = append(lines, fmt.Sprintf("cut of %x part=%d before=%s increments=%s share=%s\n", c.Line.Key(), c.Part, c.Before, c.Increments, c.Share))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func totalsText(totals []tollbook.Total) string {
	var b strings.Builder
	for _, t := range totals {
		fmt.Fprintf(&b, "%s %s wallet=%q %s put in=%s used=%s\n", t.AccountID, t.Month, t.WalletName, t.Currency, t.PutIn, t.Used)
	}
	return b.String()
}

// definitionsText leaves the positions out, which may have gaps, but wants
// them to ascend.
func definitionsText(t testing.TB, l tollbook.Ledger) string {
	t.Helper()
	var b strings.Builder
	last := tollbook.Pos(0)
	for d, err := range l.Definitions(t.Context(), 0) {
		if err != nil {
			t.Fatalf("Definitions: %v", err)
		}
		if d.Pos <= last {
			t.Fatalf("Definitions: position %d comes after %d", d.Pos, last)
		}
		last = d.Pos
		fmt.Fprintf(&b, "request=%x at=%s actor=%q kind=%s id=%q body=%s\n", d.RequestID, d.At.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), d.Actor, d.Kind, d.ID, d.Body)
	}
	return b.String()
}

// allRecords returns an organization's records in the order of their ids, by
// following the pages.
func allRecords(t testing.TB, l tollbook.Ledger, org string) []tollbook.Record {
	t.Helper()
	var all []tollbook.Record
	q := tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage}
	for {
		page, err := l.Records(t.Context(), q)
		if err != nil {
			t.Fatalf("Records(%q): %v", org, err)
		}
		if page.Offset != len(all) && len(page.Records) > 0 {
			t.Fatalf("Records(%q): a page says that it is at offset %d, want %d", org, page.Offset, len(all))
		}
		all = append(all, page.Records...)
		if len(page.Records) < q.Limit {
			if page.Total != len(all) {
				t.Fatalf("Records(%q): total is %d, want the %d on its pages", org, page.Total, len(all))
			}
			return all
		}
		q.After = &all[len(all)-1]
	}
}

// allEvents returns everything that a query asks for, by following the pages.
func allEvents(t testing.TB, l tollbook.Ledger, q tollbook.EventQuery) []tollbook.BookedEvent {
	t.Helper()
	var all []tollbook.BookedEvent
	for {
		page, err := l.Events(t.Context(), q)
		if err != nil {
			t.Fatalf("Events(%+v): %v", q, err)
		}
		if len(page.Events) > q.Limit {
			t.Fatalf("Events(%+v): %d events on a page", q, len(page.Events))
		}
		if len(page.Events) == 0 && page.Next != "" {
			t.Fatalf("Events(%+v): an empty page has a next one", q)
		}
		all = append(all, page.Events...)
		if page.Next == "" {
			return all
		}
		q.After = page.Next
	}
}

// diffLines returns the lines that are only in got ("+") or only in want
// ("-"), "" where there are none. Long differences are cut.
func diffLines(got, want string) string {
	if got == want {
		return ""
	}
	const most = 20
	count := map[string]int{}
	for line := range strings.Lines(got) {
		count[line]++
	}
	for line := range strings.Lines(want) {
		count[line]--
	}
	var lines []string
	for line, n := range count {
		for ; n > 0; n-- {
			lines = append(lines, line[:len(line)-1]+"  +\n")
		}
		for ; n < 0; n++ {
			lines = append(lines, line[:len(line)-1]+"  -\n")
		}
	}
	if len(lines) == 0 {
		return "the same lines in another order; got:\n" + got + "want:\n" + want
	}
	// Sorted by content, the two versions of a line come together.
	slices.Sort(lines)
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("… and %d lines more\n", len(lines)-most))
	}
	for i, line := range lines {
		if body, ok := strings.CutSuffix(line, "  +\n"); ok {
			lines[i] = "+ " + body + "\n"
		} else if body, ok := strings.CutSuffix(line, "  -\n"); ok {
			lines[i] = "- " + body + "\n"
		}
	}
	return strings.Join(lines, "")
}
