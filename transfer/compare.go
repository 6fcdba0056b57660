package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"tollbook"
)

// Report is what Compare found.
type Report struct {
	Definitions, Events, Bookings int64 // of the source
	Organizations, Marks          int64
	Records                       int64 // of the source, now and at all marks

	Differences []string // the first maxDifferences
	Found       int      // all of them
}

const maxDifferences = 100

func (r *Report) differ(format string, args ...any) {
	if r.Found++; len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// Compare tells whether two ledgers were told the same and answer the same:
// definitions one by one; all that was ever said of events; every organization's
// records, totals and unrated events as they are now; and its records at every
// mark. Told hears what is looked at and how far that is. An *Error with
// CodeConflict: one of them was written to meanwhile.
func Compare(ctx context.Context, source, copied tollbook.Ledger, told func(what string, done, total int64)) (*Report, error) {
	if told == nil {
		told = func(string, int64, int64) {}
	}
	c := &comparison{a: source, b: copied, told: told, organizations: map[string]bool{}}
	for _, step := range []func(context.Context) error{c.settle, c.definitions, c.words, c.answers, c.still} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &c.report, nil
}

type comparison struct {
	a, b          tollbook.Ledger
	told          func(what string, done, total int64)
	report        Report
	organizations map[string]bool
	marks         []markPair
	ends          [2]string // of the journals
}

// markPair is a mark in the source and in the copy.
type markPair struct{ a, b tollbook.Pos }

func (c *comparison) settle(ctx context.Context) error {
	if err := c.a.Settle(ctx); err != nil {
		return err
	}
	return c.b.Settle(ctx)
}

// definitions compares the definitions in their order.
func (c *comparison) definitions(ctx context.Context) error {
	next, stop := iter.Pull2(c.b.Definitions(ctx, 0))
	defer stop()
	n := 0
	for d, err := range c.a.Definitions(ctx, 0) {
		if err != nil {
			return err
		}
		n++
		c.report.Definitions++
		other, err, more := next()
		switch {
		case err != nil:
			return err
		case !more:
			c.report.differ("definition %d, of %s %s, is missing in the destination", n, d.Kind, d.ID)
			continue
		}
		if field := differs(&d, &other); field != "" {
			c.report.differ("definition %d, of %s %s: its %s differs in the destination, which has %s %s there", n, d.Kind, d.ID, field, other.Kind, other.ID)
		}
		c.note(&d, &other)
	}
	for {
		d, err, more := next()
		if err != nil || !more {
			return err
		}
		n++
		c.report.differ("definition %d, of %s %s, is not in the source", n, d.Kind, d.ID)
	}
}

// note remembers organizations and marks.
func (c *comparison) note(d, other *tollbook.Definition) {
	switch d.Kind {
	case tollbook.KindOrganization:
		c.organizations[d.ID] = true
	case tollbook.KindMark:
		var mark tollbook.Mark
		if json.Unmarshal(d.Body, &mark) == nil && mark.OrganizationID != "" {
			c.organizations[mark.OrganizationID] = true
		}
		if other.Kind == tollbook.KindMark {
			c.marks = append(c.marks, markPair{d.Pos, other.Pos})
		}
	}
}

// answers compares what the organizations' records are, now and at every mark.
func (c *comparison) answers(ctx context.Context) error {
	all := slices.Sorted(maps.Keys(c.organizations))
	c.report.Organizations, c.report.Marks = int64(len(all)), int64(len(c.marks))
	done, total := int64(0), int64(len(all)*(1+len(c.marks)))
	for _, at := range append([]markPair{{}}, c.marks...) {
		for _, org := range all {
			c.told("Comparing records", done, total)
			done++
			if err := c.records(ctx, org, at); err != nil {
				return err
			}
		}
	}
	for _, org := range append(all, "") {
		if err := c.sums(ctx, org); err != nil {
			return err
		}
	}
	return nil
}

// sums compares what is summed up over an organization.
func (c *comparison) sums(ctx context.Context, org string) error {
	unrated, err := both(c, func(l tollbook.Ledger) (int, error) { return l.CountUnrated(ctx, org) })
	if err != nil {
		return err
	}
	if unrated[0] != unrated[1] {
		c.report.differ("organization %q: %d unrated events in the source, %d in the destination", org, unrated[0], unrated[1])
	}
	if org == "" {
		return nil
	}
	totals, err := both(c, func(l tollbook.Ledger) ([]tollbook.Total, error) { return l.Totals(ctx, org) })
	if err != nil {
		return err
	}
	if !slices.Equal(totals[0], totals[1]) {
		for i := range max(len(totals[0]), len(totals[1])) {
			if i >= len(totals[0]) || i >= len(totals[1]) || totals[0][i] != totals[1][i] {
				t := append(totals[0][min(i, len(totals[0])):], totals[1][min(i, len(totals[1])):]...)[0]
				c.report.differ("organization %s, account %s, month %s: the totals differ", org, t.AccountID, t.Month)
				break
			}
		}
	}
	products, err := both(c, func(l tollbook.Ledger) ([]string, error) { return l.Products(ctx, org) })
	if err == nil && !slices.Equal(products[0], products[1]) {
		c.report.differ("organization %s: the products of its records differ", org)
	}
	return err
}

// both asks the source and the copy.
func both[T any](c *comparison, ask func(l tollbook.Ledger) (T, error)) (answers [2]T, err error) {
	for i, l := range [...]tollbook.Ledger{c.a, c.b} {
		if answers[i], err = ask(l); err != nil {
			return answers, err
		}
	}
	return answers, nil
}

// still makes sure that nothing was written meanwhile.
func (c *comparison) still(ctx context.Context) error {
	for i, l := range [...]tollbook.Ledger{c.a, c.b} {
		for ch, err := range l.Journal(ctx, c.ends[i]) {
			if err != nil {
				return err
			}
			return conflict("The %s was written to while it was compared, for one thing %s: stop whatever writes to it, and go on.", [...]string{"source", "destination"}[i], describe(&ch))
		}
	}
	return nil
}
