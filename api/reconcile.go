package api

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/reconcile"
	"tollbook/wire"
)

const typeNDJSON = "application/x-ndjson"

// Bounds on what may be said of a comparison.
const (
	maxColumnsChars = 4096
	maxListChars    = 4096
	maxListed       = 1000 // differences of a class, where not all are asked for
	defaultListed   = 100
	maxWithin       = int(reconcile.MaxWithin / time.Second)
	defaultWithin   = 60
	maxDigits       = 15 // ITU-T E.164
)

// attributesPrefix begins the name of an event's attribute.
const attributesPrefix = "attributes."

// reconcile serves POST /v1/reconcile: what became of each row of somebody
// else's CSV and of each of our events; the whole of it as JSON, or every
// difference as CSV or JSON lines.
func (s *server) reconcile(w http.ResponseWriter, r *http.Request) error {
	op, err := s.operator(r)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeJSON, typeCSV, typeNDJSON)
	if err != nil {
		return err
	}
	q, err := reconciliation(r)
	if err != nil {
		return err
	}
	if contentType != typeJSON {
		q.Rules.Keep = reconcile.MaxDifferences
	}
	if err := isCSV(r); err != nil {
		return err
	}
	body, err := wire.ReadBody(r.Body, r.ContentLength, r.Header.Get("Content-Encoding"), reconcile.MaxBytes)
	if err != nil {
		return err
	}
	done, err := op.Reconcile(r.Context(), q, body)
	if err != nil {
		return err
	}
	if contentType == typeJSON {
		writeJSON(w, http.StatusOK, typeJSON, done)
		return nil
	}
	if !done.Complete() {
		return tollbook.NewError(tollbook.CodeTooLarge, "There are too many differences to list them all; compare an account, a type or a source, or the file in parts.")
	}
	writeDifferences(w, contentType, done.Report)
	return nil
}

// writeDifferences answers with all differences, as they are written.
func writeDifferences(w http.ResponseWriter, contentType string, report *reconcile.Report) {
	out := bufio.NewWriter(w) // a failure to write is the client's going away
	defer out.Flush()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Tollbook-All-Matched", strconv.FormatBool(report.AllMatched))
	if contentType == typeCSV {
		h.Set("Content-Type", typeCSV+"; charset=utf-8")
		rows := csv.NewWriter(out)
		defer rows.Flush()
		_ = rows.Write(reconcile.DifferenceColumns())
		for d := range report.Differences() {
			_ = rows.Write(d.Cells())
		}
		return
	}
	h.Set("Content-Type", contentType)
	lines := json.NewEncoder(out)
	for d := range report.Differences() {
		_ = lines.Encode(d)
	}
}

// reconciliation reads what a file is compared with, and how.
func reconciliation(r *http.Request) (book.Reconciliation, error) {
	p := readParams(r, "organization_id", "account_id", "month", "from", "to", "events", "types", "sources", "event_id",
		"columns", "time_format", "time_zone", "decimal_comma", "unit", "currency", "amount_factor",
		"match", "within", "digits", "compare", "quantity_within", "amount_within", "limit")
	q := book.Reconciliation{
		OrganizationID: p.filled("organization_id", maxIDChars), AccountID: p.filled("account_id", maxIDChars),
		From: p.instant("from"), To: p.instant("to"),
		Booked:  p.oneOf("events", "occurred", "booked") == "booked",
		Sources: p.list("sources", maxListChars), Attribute: p.attribute("event_id"),
	}
	if q.OrganizationID == "" && q.AccountID == "" {
		p.fault("organization_id", "is required, or account_id")
	}
	p.month(&q)
	for _, name := range p.list("types", maxListChars) {
		t, ok := tollbook.ParseUsageType(name)
		if !ok {
			p.fault("types", "must be of "+strings.Join(tollbook.UsageTypes(), ", "))
			break
		}
		q.Types = append(q.Types, t)
	}
	q.Layout, q.Rules = p.layout(), p.rules()
	return q, p.err()
}

// month reads which month is compared, unless it is a period.
func (p *params) month(q *book.Reconciliation) {
	var err error
	text := p.filled("month", len("2026-08"))
	switch {
	case text != "" && (p.values.Has("from") || p.values.Has("to")):
		p.fault("month", "cannot be given together with from and to")
	case p.values.Has("from") != p.values.Has("to"):
		p.fault("from", "needs to, and to needs from")
	case text != "":
		if q.Month, err = tollbook.ParseMonth(text); err != nil {
			p.fault("month", err.Error())
		}
	case !p.values.Has("month") && !p.values.Has("from"):
		p.fault("month", "is required, or from and to")
	}
	if q.Booked && p.values.Has("from") {
		p.fault("events", "needs a month")
	}
}

// attribute reads which attribute of an event is meant, as attributes.KEY; ""
// is its id.
func (p *params) attribute(name string) string {
	s := p.filled(name, len(attributesPrefix)+tollbook.MaxAttributeKeyBytes)
	if s == "" || s == "id" {
		return ""
	}
	key, ok := strings.CutPrefix(s, attributesPrefix)
	if !ok || key == "" {
		p.fault(name, "must be id or "+attributesPrefix+"KEY")
	}
	return key
}

// margin reads by how much two numbers may differ.
func (p *params) margin(name string) decimal.Decimal {
	d := p.decimal(name, decimal.Decimal{})
	if d.Sign() < 0 {
		p.fault(name, "must not be negative")
	}
	return d
}

// layout reads how the file is to be read.
func (p *params) layout() reconcile.Layout {
	l := reconcile.Layout{
		TimeFormat:   p.filled("time_format", maxListChars),
		DecimalComma: p.oneOf("decimal_comma", "false", "true") == "true",
		Currency:     p.filled("currency", len("USD")),
		AmountFactor: p.decimal("amount_factor", decimal.FromInt(1)),
	}
	var err error
	if l.Columns, err = reconcile.ParseColumns(p.filled("columns", maxColumnsChars)); err != nil {
		p.fault("columns", err.Error())
	}
	if l.TimeFormat != "" {
		if _, err := reconcile.ParseTimeFormat(l.TimeFormat); err != nil {
			p.fault("time_format", err.Error())
		}
	}
	if p.values.Has("time_zone") {
		if l.Zone, err = tollbook.LoadZone(p.values.Get("time_zone")); err != nil {
			p.fault("time_zone", err.Error())
		}
	}
	if p.values.Has("unit") {
		if l.Unit, _ = tollbook.ParseUnit(p.values.Get("unit")); l.Unit == 0 {
			p.fault("unit", "must be one of "+strings.Join(tollbook.Units(), ", "))
		}
	}
	if l.Currency != "" && !tollbook.ValidCurrency(l.Currency) {
		p.fault("currency", "must be a code of ISO 4217, such as USD")
	}
	if l.AmountFactor.IsZero() {
		p.fault("amount_factor", "must not be 0")
	}
	return l
}

// rules reads what is compared, and how closely.
func (p *params) rules() reconcile.Rules {
	rules := reconcile.Rules{
		By:     reconcile.By(strings.Replace(p.oneOf("match", "auto", string(reconcile.ByID), string(reconcile.ByCall)), "auto", "", 1)),
		Within: time.Duration(p.whole("within", maxWithin, defaultWithin)) * time.Second,
		Digits: p.whole("digits", maxDigits, 0),
		Keep:   p.whole("limit", maxListed, defaultListed),

		QuantityWithin: p.margin("quantity_within"),
		AmountWithin:   p.margin("amount_within"),
	}
	compare := p.list("compare", maxListChars)
	if compare == nil {
		compare = []string{"quantity", "amount"}
	}
	for _, what := range compare {
		if !slices.Contains([]string{"quantity", "billed", "amount"}, what) {
			p.fault("compare", "must be of quantity, billed, amount")
			break
		}
	}
	rules.Billed = slices.Contains(compare, "billed")
	rules.IgnoreQuantity = !rules.Billed && !slices.Contains(compare, "quantity")
	rules.IgnoreAmount = !slices.Contains(compare, "amount")
	return rules
}
