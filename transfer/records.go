package transfer

import (
	"bytes"
	"context"
	"iter"

	"tollbook"
)

// records compares an organization's records as they were at a mark, or are.
func (c *comparison) records(ctx context.Context, org string, at markPair) error {
	next, stop := iter.Pull2(recordsOf(ctx, c.b, org, at.b))
	defer stop()
	other, err, more := next()
	for r, failed := range recordsOf(ctx, c.a, org, at.a) {
		if failed != nil {
			return failed
		}
		c.report.Records++
		for more && err == nil && bytes.Compare(other.ID[:], r.ID[:]) < 0 {
			c.differRecord(org, at, &other, "is not in the source")
			other, err, more = next()
		}
		switch {
		case err != nil:
			return err
		case !more || other.ID != r.ID:
			c.differRecord(org, at, &r, "is missing in the destination")
		default:
			c.compareRecord(org, at, &r, &other)
			other, err, more = next()
		}
	}
	for more && err == nil {
		c.differRecord(org, at, &other, "is not in the source")
		other, err, more = next()
	}
	return err
}

func (c *comparison) differRecord(org string, at markPair, r *tollbook.Record, what string) {
	when := ""
	if at.a != 0 {
		when = ", as it was at mark " + decimalOf(uint64(at.a))
	}
	c.report.differ("organization %s, account %s, record %s%s: %s", org, r.AccountID, r.ID, when, what)
}

// compareRecord names each field in which two records differ.
func (c *comparison) compareRecord(org string, at markPair, a, b *tollbook.Record) {
	if *a == *b {
		return
	}
	for i, f := range tollbook.RecordSchema() {
		if x, y := a.Value(i), b.Value(i); x != y {
			was, is := x.Text, y.Text
			if was == "" && is == "" {
				was, is = x.Number.String(), y.Number.String()
			}
			c.differRecord(org, at, a, f.Name+" is "+was+" in the source and "+is+" in the destination")
		}
	}
	if a.Events != b.Events {
		c.differRecord(org, at, a, decimalOf(uint64(a.Events))+" events in the source and "+decimalOf(uint64(b.Events))+" in the destination")
	}
}

// recordsOf yields an organization's records in the order of their ids, page by
// page.
func recordsOf(ctx context.Context, l tollbook.Ledger, org string, at tollbook.Pos) iter.Seq2[tollbook.Record, error] {
	return func(yield func(tollbook.Record, error) bool) {
		q := tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage, AsOf: at}
		for {
			page, err := l.Records(ctx, q)
			if err != nil {
				yield(tollbook.Record{}, err)
				return
			}
			for i := range page.Records {
				if !yield(page.Records[i], nil) {
					return
				}
			}
			if len(page.Records) < q.Limit {
				return
			}
			q.After = &page.Records[len(page.Records)-1]
		}
	}
}
