package load

import (
	"context"
	"fmt"
	"time"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

// maxDifferences is how many differences are told.
const maxDifferences = 10

// Verdict is how the records of an organization compare with what they must
// come to.
type Verdict struct {
	Records     int      // there are
	Wrong       int      // of them: with other numbers, or that should not be
	Missing     int      // should be there and are not
	Above       int      // of those that are wrong: with more units than they should have
	Differences []string // the first few
}

// Exact tells whether every record is what it must be, and no other is there.
func (v *Verdict) Exact() bool { return v.Wrong == 0 && v.Missing == 0 }

func (v *Verdict) differ(format string, args ...any) {
	if len(v.Differences) < maxDifferences {
		v.Differences = append(v.Differences, fmt.Sprintf(format, args...))
	}
}

// Check reads all usage records through c, a client of the workload's
// organization, and compares each with the totals, digit by digit. told hears
// of each how many have been read; it may be nil.
//
// Where pages lag behind what is taken, it waits until they are of a time at
// which everything had been; ended is that time.
func (t *Totals) Check(ctx context.Context, c *client.Client, ended time.Time, told func(records int)) (*Verdict, error) {
	if err := await(ctx, c, ended); err != nil {
		return nil, fmt.Errorf("load: check: %w", err)
	}
	v, seen := &Verdict{}, make([]bool, len(t.Events))
	for r, err := range c.Usage(ctx, client.UsageQuery{PerPage: tollbook.MaxPage, OrderBy: "id:asc"}) {
		if err != nil {
			return nil, fmt.Errorf("load: check: %w", err)
		}
		v.Records++
		if told != nil {
			told(v.Records)
		}
		t.compare(v, seen, &r)
	}
	for record, events := range t.Events {
		if events > 0 && !seen[record] {
			v.Missing++
			v.differ("%s is missing", t.label(record))
		}
	}
	return v, nil
}

// awaitEvery is between two looks at how old a page is.
const awaitEvery = 100 * time.Millisecond

// await returns once a page has everything in it that was taken before a time.
func await(ctx context.Context, c *client.Client, taken time.Time) error {
	for {
		page, err := c.UsagePage(ctx, client.UsageQuery{PerPage: 1})
		if err != nil || !page.AsOf.Before(taken) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(awaitEvery):
		}
	}
}

// compare notes what is wrong with a record.
func (t *Totals) compare(v *Verdict, seen []bool, r *client.Record) {
	record, ok := t.Workload.recordOf(r)
	if !ok {
		v.Wrong++
		v.differ("record %s of account %s, %q, is none of this workload's", r.ID, r.AccountID, r.Description)
		return
	}
	if seen[record] {
		v.Wrong++
		v.differ("%s is there twice, as %s too", t.label(record), r.ID)
		return
	}
	seen[record] = true
	units, amount := decimal.New(decimal.NewUint(t.Minutes[record]), 0), t.Amount(record)
	if r.NumberOfUnits == units && r.TotalAmount == amount && t.Events[record] > 0 {
		return
	}
	v.Wrong++
	if r.NumberOfUnits.Cmp(units) > 0 {
		v.Above++
	}
	v.differ("%s, %s, is %s MINUTES for %s USD, but must be %s for %s", t.label(record), r.ID, r.NumberOfUnits, r.TotalAmount, units, amount)
}

// label names a record for people.
func (t *Totals) label(record int) string {
	account, rate := t.Workload.RecordOf(record)
	return fmt.Sprintf("the record of account %s, %s", t.Workload.AccountID(account), Description(rate))
}

// recordOf returns which record of the workload r is, and false where it is
// none.
func (w *Workload) recordOf(r *client.Record) (int, bool) {
	account, ok := w.accountOf(r.AccountID)
	if !ok {
		return 0, false
	}
	rate, ok := rateOf(r.Description)
	if !ok {
		return 0, false
	}
	i := ((rate-account*rateStep)%w.Rates + w.Rates) % w.Rates
	same := rate < w.Rates && i < w.PerAccount &&
		r.Month == w.Month && r.Type == "CALL" && r.Currency == "USD" && r.Unit == "MINUTES" && r.Price == Price(rate) &&
		r.Direction != nil && *r.Direction == "OUTBOUND" && r.Resolution != nil && *r.Resolution == "ANSWERED" &&
		r.WalletName != nil && *r.WalletName == "contact center" && r.ProductID == productID(rate) && r.AggrProductID == aggrProductID
	return account*w.PerAccount + i, same
}
