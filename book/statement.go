package book

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// Statement says what the records of a closed month come to.
type Statement struct {
	Position      tollbook.Pos `json:"position"` // of the closing, in the order of definitions and events
	StatedAt      time.Time    `json:"stated_at"`
	Records       int          `json:"records"`
	Totals        []MonthTotal `json:"totals"`         // by currency
	UnratedEvents int          `json:"unrated_events"` // that would have counted, had a rate covered them
	SHA256        string       `json:"sha256"`         // over the canonical lines of the records, by id
}

// MonthTotal is what a month's records in one currency come to. Recharges and
// credit commits are put in; everything else is usage.
type MonthTotal struct {
	Currency string          `json:"currency"`
	Usage    decimal.Decimal `json:"usage"`
	PutIn    decimal.Decimal `json:"put_in"`
}

// makeStatement works out the statement of a month in which nothing is booked
// any more, but for its position and time.
func makeStatement(ctx context.Context, ledger tollbook.Ledger, organizationID string, m tollbook.Month) (Statement, error) {
	if err := ledger.Settle(ctx); err != nil {
		return Statement{}, fmt.Errorf("state %s of %s: %w", m, organizationID, err)
	}
	st, err := sumRecords(ctx, ledger, organizationID, m)
	if err != nil {
		return st, fmt.Errorf("state %s of %s: %w", m, organizationID, err)
	}
	if st.UnratedEvents, err = countUnrated(ctx, ledger, organizationID, m); err != nil {
		return st, fmt.Errorf("count what is unrated until %s of %s: %w", m, organizationID, err)
	}
	return st, nil
}

func sumRecords(ctx context.Context, ledger tollbook.Ledger, organizationID string, m tollbook.Month) (st Statement, err error) {
	q := tollbook.Query{OrganizationID: organizationID, Order: tollbook.Order{Field: tollbook.OrderID}, Limit: tollbook.MaxPage}
	if q.Filter, err = filter.Parse("month eq '"+m.String()+"'", tollbook.RecordSchema()); err != nil {
		return st, err
	}
	sum := sha256.New()
	totals := map[string]MonthTotal{}
	var line []byte
	for {
		page, err := ledger.Records(ctx, q)
		if err != nil {
			return st, err
		}
		for i := range page.Records {
			r := &page.Records[i]
			line = appendCanonical(line[:0], r)
			sum.Write(line)
			t := totals[r.Currency]
			if t.Currency = r.Currency; r.Type.PutIn() {
				t.PutIn = t.PutIn.Add(r.TotalAmount)
			} else {
				t.Usage = t.Usage.Add(r.TotalAmount)
			}
			totals[r.Currency] = t
		}
		st.Records += len(page.Records)
		if len(page.Records) < q.Limit {
			break
		}
		q.After = &page.Records[len(page.Records)-1]
	}
	st.Totals = make([]MonthTotal, 0, len(totals))
	for _, t := range totals {
		st.Totals = append(st.Totals, t)
	}
	slices.SortFunc(st.Totals, func(a, b MonthTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	st.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return st, nil
}

// countUnrated returns how many events that would count in a month or in one
// before it have no rate.
func countUnrated(ctx context.Context, ledger tollbook.Ledger, organizationID string, m tollbook.Month) (n int, err error) {
	q := tollbook.EventQuery{OrganizationID: organizationID, Unrated: true, Limit: takeUpBatch}
	for {
		page, err := ledger.Events(ctx, q)
		if err != nil {
			return 0, err
		}
		for i := range page.Events {
			if page.Events[i].Booked <= m {
				n++
			}
		}
		if q.After = page.Next; q.After == "" {
			return n, nil
		}
	}
}

// appendCanonical appends the canonical line of a record: its fields in the
// order in which the API shows them, with a tab between any two and a line
// feed at the end. Null is nothing; numbers have all their digits, no exponent
// and no zero that says nothing; in texts a backslash, tab, line feed and
// carriage return are \\, \t, \n and \r.
func appendCanonical(dst []byte, r *tollbook.Record) []byte {
	dst = append(dst, r.ID.String()...)
	for _, s := range [...]string{r.AccountID, r.ProductID, r.AggrProductID, r.Month.String(), r.Type.String(), r.Description, r.Currency,
		r.Direction.String(), r.Resolution.String(), r.Unit.String()} {
		dst = appendCell(append(dst, '\t'), s)
	}
	dst = r.Price.Append(append(dst, '\t'))
	dst = appendCell(append(dst, '\t'), r.WalletName)
	dst = r.NumberOfUnits.Append(append(dst, '\t'))
	dst = r.TotalAmount.Append(append(dst, '\t'))
	return append(dst, '\n')
}

func appendCell(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\\':
			dst = append(dst, `\\`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// StatementCheck is a statement held against the records as they are.
type StatementCheck struct {
	OrganizationID string
	Month          tollbook.Month
	Difference     string // "": there is none
}

// CheckStatements works out every statement in a ledger again from the records
// and tells of each, in the order in which they were made, in what it differs.
func CheckStatements(ctx context.Context, ledger tollbook.Ledger) (checked []StatementCheck, err error) {
	for def, err := range ledger.Definitions(ctx, 0) {
		if err != nil {
			return checked, err
		}
		if def.Kind != tollbook.KindMonth {
			continue
		}
		var c closing
		if err := json.Unmarshal(def.Body, &c); err != nil {
			return checked, fmt.Errorf("definition %d: %w", def.Pos, err)
		}
		if c.Statement == nil {
			continue
		}
		now, err := sumRecords(ctx, ledger, c.OrganizationID, c.Month)
		if err != nil {
			return checked, err
		}
		checked = append(checked, StatementCheck{c.OrganizationID, c.Month, c.Statement.difference(&now)})
	}
	return checked, nil
}

// difference says in what the records as they are differ from the statement.
func (st *Statement) difference(now *Statement) string {
	switch {
	case st.Records != now.Records:
		return fmt.Sprintf("the statement says %d records, there are %d", st.Records, now.Records)
	case st.SHA256 != now.SHA256:
		return fmt.Sprintf("the statement says SHA-256 %s, that of the records is %s", st.SHA256, now.SHA256)
	case !sameJSON(st.Totals, now.Totals):
		return "the statement's totals are not those of the records"
	}
	return ""
}
