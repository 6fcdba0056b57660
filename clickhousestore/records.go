package clickhousestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
	"tollbook/decimal"
)

// recordColumns is the columns of a record, as scanRecord wants them; more may
// follow.
const recordColumns = `id, account_id, month, product_id, aggr_product_id, type, description, currency, direction, resolution, unit,
	toString(price) AS price_text, wallet_name, toString(number_of_units) AS units_text, toString(total_amount) AS amount_text, events`

func scanRecord(rows driver.Row, more ...any) (r tollbook.Record, err error) {
	var id, typ, direction, resolution, unit, price, units, amount string
	var month int32
	err = rows.Scan(append([]any{&id, &r.AccountID, &month, &r.ProductID, &r.AggrProductID, &typ, &r.Description, &r.Currency, &direction, &resolution, &unit,
		&price, &r.WalletName, &units, &amount, &r.Events}, more...)...)
	if err != nil {
		return r, err
	}
	r.ID, r.Month = tollbook.RecordID([]byte(id)), tollbook.Month(month)
	r.Type, _ = tollbook.ParseUsageType(typ)
	r.Direction, _ = tollbook.ParseDirection(direction)
	r.Resolution, _ = tollbook.ParseResolution(resolution)
	r.Unit, _ = tollbook.ParseUnit(unit)
	for _, d := range [...]struct {
		text string
		to   *decimal.Decimal
	}{{price, &r.Price}, {units, &r.NumberOfUnits}, {amount, &r.TotalAmount}} {
		if *d.to, err = parseNumber(d.text); err != nil {
			return r, fmt.Errorf("record %s is damaged: %w", r.ID, err)
		}
	}
	return r, nil
}

// parseNumber reads a Decimal(76, 24).
func parseNumber(s string) (decimal.Decimal, error) {
	return decimal.Parse(s, decimal.MaxScale-places, places)
}

// recordTable makes records a table to be sent.
func recordTable(name string, records []*priced) *sent {
	var organization, account, product, aggr, typ, description, currency, direction, resolution, unit, price, wallet, units, amount []string
	var month []int32
	var id [][]byte
	var events []int64
	var version []uint64
	for _, r := range records {
		recordID := tollbook.RecordIDOf(r.account, r.booked, &r.Grouping)
		organization, account, month, id = append(organization, r.organization), append(account, r.account), append(month, int32(r.booked)), append(id, recordID[:])
		product, aggr, typ = append(product, r.ProductID), append(aggr, r.AggrProductID), append(typ, r.Type.String())
		description, currency = append(description, r.Description), append(currency, r.Currency)
		direction, resolution, unit = append(direction, r.Direction.String()), append(resolution, r.Resolution.String()), append(unit, r.Unit.String())
		price, wallet = append(price, r.Price.String()), append(wallet, r.WalletName)
		units, amount = append(units, r.units.String()), append(amount, r.amount.String())
		events, version = append(events, r.events), append(version, r.version)
	}
	return &sent{name, []sentColumn{
		{"organization", "String", organization}, {"account_id", "String", account}, {"month", "Int32", month}, {"id", "FixedString(16)", id},
		{"product_id", "String", product}, {"aggr_product_id", "String", aggr}, {"type", "String", typ}, {"description", "String", description},
		{"currency", "String", currency}, {"direction", "String", direction}, {"resolution", "String", resolution}, {"unit", "String", unit},
		{"price", "String", price}, {"wallet_name", "String", wallet}, {"number_of_units", "String", units}, {"total_amount", "String", amount},
		{"events", "Int64", events}, {"version", "UInt64", version},
	}}
}

var replaceNumbers = fmt.Sprintf("REPLACE (toDecimal256(price, %[1]d) AS price, toDecimal256(number_of_units, %[1]d) AS number_of_units, toDecimal256(total_amount, %[1]d) AS total_amount)", places)

// putRecords writes down records as they are now: all of them at once.
func (f *folding) putRecords(ctx context.Context, records map[group]*priced) error {
	if len(records) == 0 {
		return nil
	}
	var all []*priced
	for _, r := range records {
		r.version = f.to
		all = append(all, r)
	}
	fresh := recordTable("fresh", all)
	ctx, err := with(ctx, fresh)
	if err != nil {
		return err
	}
	// One that comes again is written again: what the first had of it, records or
	// records_by_id, nobody knows.
	return f.store.exec(ctx, fmt.Sprintf("INSERT INTO records (%s) SETTINGS insert_deduplicate = 0 SELECT * %s FROM fresh", fresh.names(), replaceNumbers))
}

// recordsBefore returns the records that what was written changes, as they were.
func (f *folding) recordsBefore(before, deltas tallies) map[group]*priced {
	if f.marked == 0 {
		return nil
	}
	touched := before
	if len(deltas) > 0 {
		touched = before.plus(deltas, f.to)
		for k := range touched {
			touched[k] = before[k] // what was not there is nothing, of no version
		}
	}
	return touched.records(&f.store.lines, deltas)
}

// keepPast keeps, of records that change now, those that were there at the last
// mark.
func (f *folding) keepPast(ctx context.Context, before map[group]*priced) error {
	var kept []*priced
	for _, r := range before {
		if r.events > 0 && r.version <= f.marked {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	fresh := recordTable("fresh", kept)
	ctx, err := with(ctx, fresh)
	if err != nil {
		return err
	}
	return f.store.exec(ctx, fmt.Sprintf("INSERT INTO past (%s, until) SELECT * %s, toUInt64(%d) FROM fresh", fresh.names(), replaceNumbers, f.to))
}

// recordsAt returns where the records of an organization are, now or at a mark, to
// be followed by more conditions. A fold keeps one as it was before it replaces it:
// meanwhile it is in both places.
func recordsAt(organizationID string, mark tollbook.Pos) string {
	of := "organization = " + quote(organizationID) + " AND events > 0"
	if mark == 0 {
		return "records FINAL WHERE " + of
	}
	return fmt.Sprintf(`(SELECT * FROM records FINAL WHERE %[1]s AND version <= %[2]d
		UNION DISTINCT SELECT * EXCEPT until FROM past FINAL WHERE %[1]s AND version <= %[2]d AND until > %[2]d) WHERE 1 = 1`, of, mark)
}

// Records implements tollbook.Ledger.
func (s *Store) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	if err := checkQuery(&q); err != nil {
		return tollbook.Page{}, err
	}
	f, err := s.fresh(ctx)
	if err == nil && q.AsOf != 0 {
		err = s.reach(ctx, q.AsOf, f.cut)
	}
	if err != nil {
		return tollbook.Page{}, unavailable(err)
	}
	page, is, err := s.listed(ctx, &q, f.cut)
	if !is && err == nil {
		err = s.whileStill(ctx, &q, func() (err error) {
			page, err = s.page(ctx, &q)
			return err
		})
	}
	page.AsOf = f.at
	return page, unavailable(err)
}

// reach has everything folded that a mark covers. An *Error with CodeNotFound:
// there is no such mark.
func (s *Store) reach(ctx context.Context, mark tollbook.Pos, folded uint64) error {
	var there uint64
	if err := s.one(ctx, fmt.Sprintf("SELECT count() FROM log WHERE pos = %d AND kind = %d", mark, tollbook.KindMark), &there); err != nil {
		return err
	}
	if there == 0 {
		return tollbook.NewError(tollbook.CodeNotFound, "There is no such mark.")
	}
	if folded < uint64(mark) {
		_, err := s.fold(ctx)
		return err
	}
	return nil
}

// whileStill reads what there was at a mark, again if a fold has replaced records
// meanwhile: a shard that is asked for what was kept of one before that, and for the
// record itself afterwards, has it in neither place. One server is asked for both
// at once.
func (s *Store) whileStill(ctx context.Context, q *tollbook.Query, read func() error) error {
	if q.AsOf == 0 || len(s.shards) == 1 {
		return read()
	}
	replaced := func() (version uint64, err error) {
		err = s.one(ctx, "SELECT max(version) FROM records WHERE organization = "+quote(q.OrganizationID), &version)
		return version, err
	}
	before, err := replaced()
	for range maxReads {
		if err == nil {
			err = read()
		}
		if err != nil {
			return err
		}
		var now uint64
		if now, err = replaced(); err == nil && now == before {
			return nil
		}
		before = now
	}
	return errors.Join(errReplaced, err)
}

// maxReads is how often a page is read in whose midst records were replaced.
const maxReads = 10

var errReplaced = tollbook.NewError(tollbook.CodeUnavailable, "Records were replaced while they were read. Try again.")

func (s *Store) page(ctx context.Context, q *tollbook.Query) (page tollbook.Page, err error) {
	from, order := recordsAt(q.OrganizationID, q.AsOf), orderingOf(q.Order)
	if q.Filter != nil {
		from += " AND " + where(q.Filter)
	}
	on, earlier := "1 = 1", "0"
	switch {
	case q.After != nil:
		on = order.reversed().earlier(q.Order.Field, q.After)
		earlier = fmt.Sprintf("countIf(NOT %s)", on)
	case q.Before != nil:
		on = order.earlier(q.Order.Field, q.Before)
		earlier = fmt.Sprintf("countIf(%s)", on)
		order = order.reversed()
	}
	var total, offset uint64
	err = s.query(ctx, pageStatement(q, from, on, earlier)+fmt.Sprintf(" ORDER BY %s LIMIT %d OFFSET %d", order.by(), q.Limit, q.Offset), func(rows driver.Rows) error {
		r, err := scanRecord(rows, &total, &offset)
		page.Records = append(page.Records, r)
		return err
	})
	if err == nil && len(page.Records) == 0 {
		err = s.one(ctx, fmt.Sprintf("SELECT count(), toUInt64(%s) FROM %s", earlier, from), &total, &offset)
	}
	page.Total, page.Offset = int(total), int(offset)
	switch {
	case q.Before != nil:
		page.Offset = max(0, int(offset)-q.Limit)
		slices.Reverse(page.Records)
	case q.After == nil:
		page.Offset = min(q.Offset, page.Total)
	}
	return page, err
}

// pageStatement returns what reads the records on a page, how many there are and
// how many are earlier. Those of a few accounts are read once for both; to count
// all others needs fewer columns than to read them, and of other servers no rows.
func pageStatement(q *tollbook.Query, from, on, earlier string) string {
	if ofFewAccounts(q.Filter) {
		if earlier != "0" {
			earlier += " OVER ()"
		}
		return fmt.Sprintf("SELECT %s, count() OVER (), toUInt64(%s) FROM %s QUALIFY %s", recordColumns, earlier, from, on)
	}
	return fmt.Sprintf("WITH (SELECT (count(), toUInt64(%s)) FROM %s) AS counts SELECT %s, counts.1, counts.2 FROM %s AND %s", earlier, from, recordColumns, from, on)
}

func checkQuery(q *tollbook.Query) error {
	given := 0
	for _, is := range [...]bool{q.Offset != 0, q.After != nil, q.Before != nil} {
		if is {
			given++
		}
	}
	switch {
	case q.Limit < 1 || q.Limit > tollbook.MaxPage:
		return tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("A page has 1 to %d records, not %d.", tollbook.MaxPage, q.Limit))
	case q.Offset < 0 || given > 1 || q.Order.Field > tollbook.OrderNumberOfUnits:
		return tollbook.NewError(tollbook.CodeInvalidRequest, "A page starts at an offset, after or before a record, and in a known order.")
	}
	return nil
}

var errNoRecord = tollbook.NewError(tollbook.CodeNotFound, "There is no such record.")

// Record implements tollbook.Ledger.
func (s *Store) Record(ctx context.Context, organizationID string, id tollbook.RecordID) (tollbook.Record, error) {
	if _, err := s.fresh(ctx); err != nil {
		return tollbook.Record{}, unavailable(err)
	}
	r, err := s.record(ctx, organizationID, id)
	return r, unavailable(err)
}

func (s *Store) record(ctx context.Context, organizationID string, id tollbook.RecordID) (r tollbook.Record, err error) {
	statement := fmt.Sprintf("SELECT %s FROM %s AND id = %s", recordColumns, inOrderOfIDs(organizationID), key16(id))
	err = again(ctx, func() error {
		var err error
		r, err = scanRecord(s.conn.QueryRow(ctx, statement))
		return err
	}, nil)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errNoRecord
	}
	return r, err
}

// Products implements tollbook.Ledger.
func (s *Store) Products(ctx context.Context, organizationID string) (ids []string, err error) {
	if _, err := s.fresh(ctx); err != nil {
		return nil, unavailable(err)
	}
	sql := fmt.Sprintf("SELECT DISTINCT arrayJoin([toString(product_id), toString(aggr_product_id)]) AS product FROM %s AND product != '' ORDER BY product", recordsAt(organizationID, 0))
	err = s.query(ctx, sql, func(rows driver.Rows) error {
		ids = append(ids, "")
		return rows.Scan(&ids[len(ids)-1])
	})
	return ids, unavailable(err)
}

// Totals implements tollbook.Ledger.
func (s *Store) Totals(ctx context.Context, organizationID string) (totals []tollbook.Total, err error) {
	if _, err := s.fresh(ctx); err != nil {
		return nil, unavailable(err)
	}
	sql := fmt.Sprintf(`SELECT account_id, month, toString(wallet_name) AS wallet, toString(currency) AS money, toString(sumIf(total_amount, put_in)), toString(sumIf(total_amount, NOT put_in))
		FROM (SELECT *, type IN (%s) AS put_in FROM %s) GROUP BY account_id, month, wallet, money ORDER BY account_id, month, wallet, money`, putIn(), recordsAt(organizationID, 0))
	err = s.query(ctx, sql, func(rows driver.Rows) error {
		var t tollbook.Total
		var month int32
		var put, used string
		if err := rows.Scan(&t.AccountID, &month, &t.WalletName, &t.Currency, &put, &used); err != nil {
			return err
		}
		t.Month = tollbook.Month(month)
		var err error
		if t.PutIn, err = parseNumber(put); err != nil {
			return err
		}
		t.Used, err = parseNumber(used)
		totals = append(totals, t)
		return err
	})
	return totals, unavailable(err)
}

// putIn is the types of amounts that are put in.
func putIn() string {
	names := ""
	for t := tollbook.AMD; t <= tollbook.OtherType; t++ {
		if t.PutIn() {
			names += ", " + quote(t.String())
		}
	}
	return names[2:]
}

// CountUnrated implements tollbook.Ledger.
func (s *Store) CountUnrated(ctx context.Context, organizationID string) (int, error) {
	if _, err := s.fresh(ctx); err != nil {
		return 0, unavailable(err)
	}
	of := ""
	if organizationID != "" {
		of = " AND organization = " + quote(organizationID)
	}
	n, err := s.countUnrated(ctx, of)
	return int(n), unavailable(err)
}

// countUnrated counts unrated events as the last fold has them, where a further
// condition is met.
func (s *Store) countUnrated(ctx context.Context, and string) (n int64, err error) {
	err = s.one(ctx, "SELECT sum(events) FROM tallies FINAL WHERE line = "+key16(lineKey{})+and, &n)
	return n, err
}
