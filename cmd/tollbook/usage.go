package main

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

// usageQuery is what the usage command asks for.
type usageQuery struct {
	months, accounts []string
	filter, orderBy  string
	asOf             string
	page, perPage    int
	all              bool
}

func (a *app) usageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "usage", Short: "Show what accounts used, by month and product", Args: args(),
		Example: examples(`
  tollbook usage --month 2026-08
  tollbook usage --month 2026-08 --account 5ea75fe7aa224700012eae40 --all
  tollbook usage --filter "type eq 'CALL' and total_amount gt '100'" --order-by total_amount:desc
  tollbook usage --month 2026-07,2026-08 --all --output csv > usage.csv
  tollbook usage --month 2026-08 --as-of 2026-09-05
  tollbook usage --month 2026-08 --all --order-by id:asc --output tsv | sha256sum`),
		Long: `Shows usage records of the client's organization, and under the table what they
add up to by currency; amounts put in (RECHARGE and CREDIT_COMMIT) are added up
apart from usage. --month, --account and --filter must all hold. Without --all
one page is shown.

With --as-of it is usage as it was at the last mark at or before an instant, or
the start of a day in UTC: a month's close, a re-rating, or one a day. With
--output tsv a record is a line with tabs; of a closed month, by id, these are
the lines over which its statement's SHA-256 is.`,
	}
	var q usageQuery
	f := cmd.Flags()
	f.StringSliceVar(&q.months, "month", nil, "months, as YYYY-MM")
	f.StringSliceVar(&q.accounts, "account", nil, "ids of accounts")
	f.StringVar(&q.filter, "filter", "", "filter in the grammar of the API")
	f.StringVar(&q.orderBy, "order-by", "", "order, as field:asc or field:desc (default id:desc)")
	f.StringVar(&q.asOf, "as-of", "", "instant as in RFC 3339, or day, of which usage is shown")
	f.IntVar(&q.page, "page", 1, "which page, from 1")
	f.IntVar(&q.perPage, "per-page", 50, "records on a page, at most 250")
	f.BoolVar(&q.all, "all", false, "all pages from --page on")
	output := outputFlag(cmd, asTable, asJSON, asCSV, asTSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV, asTSV); err != nil {
			return err
		}
		if q.page < 1 {
			return usageError("--page is %d, but must be at least 1", q.page)
		}
		if q.perPage < 1 || q.perPage > largestPage {
			return usageError("--per-page is %d, but must be 1 to %d", q.perPage, largestPage)
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		return a.usage(cmd.Context(), c, q, *output)
	}
	return cmd
}

// where joins the conditions of a query into one filter.
func (q *usageQuery) where() (string, error) {
	var all []string
	for _, m := range q.months {
		if _, err := tollbook.ParseMonth(m); err != nil {
			return "", usageError("--month: %w", err)
		}
	}
	for _, c := range []struct {
		field  string
		values []string
	}{{"month", q.months}, {"account_id", q.accounts}} {
		if len(c.values) > 0 {
			all = append(all, anyOf(c.field, c.values))
		}
	}
	if q.filter != "" {
		if len(all) > 0 {
			all = append(all, "("+q.filter+")")
		} else {
			all = append(all, q.filter)
		}
	}
	return strings.Join(all, " and "), nil
}

// anyOf returns the condition that a field has one of some values.
func anyOf(field string, values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	if len(quoted) == 1 {
		return field + " eq " + quoted[0]
	}
	return field + " in (" + strings.Join(quoted, ",") + ")"
}

// inAll says of totals that they are of all records that match.
const inAll = "in all"

// largestPage is what --all asks for at once, the most that the API gives.
const largestPage = tollbook.MaxPage

func (a *app) usage(ctx context.Context, c *client.Client, q usageQuery, output string) error {
	where, err := q.where()
	if err != nil {
		return err
	}
	query := client.UsageQuery{Filter: where, OrderBy: q.orderBy, Page: q.page, PerPage: q.perPage}
	if query.AsOf, err = parseAsOf(q.asOf); err != nil {
		return err
	}
	var records iter.Seq2[client.Record, error]
	var mark *client.Mark
	note, scope := "", inAll
	if q.all {
		if !query.AsOf.IsZero() {
			first, err := c.UsagePage(ctx, client.UsageQuery{Filter: where, PerPage: 1, AsOf: query.AsOf})
			if err != nil {
				return err
			}
			mark = first.Mark
		}
		if q.page == 1 {
			query.PerPage = largestPage
		} else {
			scope = "from page " + grouped(q.page) + " on"
		}
		records = c.Usage(ctx, query)
	} else {
		page, err := c.UsagePage(ctx, query)
		if err != nil {
			return err
		}
		records, mark = each(page.Records), page.Mark
		if page.TotalPages > 1 || q.page > 1 {
			note, scope = pageNote(page.PageInfo), "on this page"
		}
	}
	switch output {
	case asJSON:
		err = printJSONArray(a.stdout, records)
	case asCSV:
		err = printCSV(a.stdout, recordColumns(), records, recordCells)
	case asTSV:
		err = printTSV(a.stdout, records, recordCells)
	default:
		err = a.usageTable(records, scope)
	}
	if err == nil && mark != nil {
		a.say("As of %s, the mark of %s.", mark.At.Format(time.RFC3339), markText(mark))
	}
	if err == nil && note != "" {
		a.say("%s", note)
	}
	return err
}

// parseAsOf reads an instant, or a day: its start in UTC.
func parseAsOf(text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return at, usageError("--as-of is %q, but must be an instant such as 2026-09-01T00:00:00Z, or a day", text)
}

// markText says what a mark was set for.
func markText(m *client.Mark) string {
	switch m.Reason {
	case tollbook.MarkClose:
		return "the close of " + m.Of
	case tollbook.MarkRestatement:
		return "the re-rating " + m.Of
	}
	return m.Reason + " " + m.Of
}

func each[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// recordColumns are all fields of a record.
func recordColumns() []column {
	return left("id", "account_id", "product_id", "aggr_product_id", "month", "type", "description", "currency", "direction", "resolution",
		"unit", "price", "wallet_name", "number_of_units", "total_amount")
}

func recordCells(r *client.Record) []string {
	return []string{r.ID, r.AccountID, r.ProductID, r.AggrProductID, r.Month.String(), r.Type, r.Description, r.Currency, orEmpty(r.Direction), orEmpty(r.Resolution),
		r.Unit, r.Price.String(), orEmpty(r.WalletName), r.NumberOfUnits.String(), r.TotalAmount.String()}
}

// usageTable prints the fields that fit a screen, and the totals; scope says
// what they are the totals of.
func (a *app) usageTable(records iter.Seq2[client.Record, error], scope string) error {
	columns := append(left("id", "month", "account_id", "product_id", "type", "description", "direction", "resolution"),
		column{"units", true}, column{"unit", false}, column{"price", true}, column{"amount", true}, column{"currency", false})
	var rows [][]string
	sums := totals{}
	for r, err := range records {
		if err != nil {
			return err
		}
		rows = append(rows, []string{r.ID, r.Month.String(), r.AccountID, r.ProductID, r.Type, r.Description, orEmpty(r.Direction), orEmpty(r.Resolution),
			r.NumberOfUnits.String(), r.Unit, r.Price.String(), r.TotalAmount.String(), r.Currency})
		sums.add(&r)
	}
	switch {
	case len(rows) > 0:
	case scope == inAll:
		a.say("No usage matches.")
		return nil
	default:
		a.say("There is nothing %s.", scope)
		return nil
	}
	a.printTable("", columns, rows)
	a.printTotals(plural(len(rows), "record")+" "+scope, sums)
	return nil
}

// totals adds records up by currency and, within it, by what may be added:
// usage, and each type that is put in.
type totals map[[2]string]decimal.Decimal

func (t totals) add(r *client.Record) {
	kind := "USAGE"
	if r.PutIn() {
		kind = r.Type
	}
	key := [2]string{r.Currency, kind}
	t[key] = t[key].Add(r.TotalAmount)
}

func (a *app) printTotals(title string, t totals) {
	keys := slices.SortedFunc(maps.Keys(t), func(x, y [2]string) int {
		// Usage comes first in each currency, though its name does not.
		order := func(k [2]string) string { return k[0] + strings.Replace(k[1], "USAGE", "", 1) }
		return strings.Compare(order(x), order(y))
	})
	var rows [][]string
	for _, k := range keys {
		rows = append(rows, []string{k[0], k[1], t[k].String()})
	}
	_, _ = a.stdout.Write([]byte("\n"))
	a.printTable(title, []column{{"currency", false}, {"what", false}, {"amount", true}}, rows)
}
