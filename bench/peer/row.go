// Package peer has what one would write instead of Tollbook: the same duty in
// tables of a database.
//
// The events reach it parsed and rated, without HTTP, tokens or JSON to read,
// and accounts and rates are small numbers already: that is work which it is
// spared.
package peer

import (
	"crypto/md5" // a name's short form, as MD5 in SQL; nobody chooses names to collide here
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"tollbook/bench/duty"
	"tollbook/load"
)

// Row is an event as a table holds it.
type Row struct {
	Key         [16]byte // of source and id
	Fingerprint int64    // of everything else
	Source, ID  string
	AccountID   string
	Occurred    time.Time
	Quantity    int64 // seconds
	Subtype     string
	Country     string
	Category    string
	From, To    string
	Attributes  string // JSON

	// What rating made of it.
	Account    int32 // number of the account
	Line       int32 // number of the rate
	Increments int64
	Amount     int64 // in 1/10,000 USD
}

// The enumerations that all events of the workload have one value of. They
// are stored, as everything that an event says.
const (
	typeCall         = 1
	outbound         = 1
	answered         = 1
	minutes          = 1
	subtype          = "SIPUDP"
	country          = "AT"
	category         = "mobile"
	sourceFormat     = "voice-gateway-0%d.eu-west"
	sourcesAndNodes  = 8
	trunks           = 30
	milliseconds     = 123 * time.Millisecond
	firstPrefix      = 10_000
	attributesFormat = `{"node": "n-%d", "trunk": "t-%02d"}` // as jsonb writes it
)

// maker makes rows of a workload; texts that many events share are made once.
type maker struct {
	w          *load.Workload
	start      time.Time // of the month
	sources    [sourcesAndNodes]string
	accounts   []string
	attributes [sourcesAndNodes][trunks]string
	text       []byte // of the row in hand
}

func newMaker(w *load.Workload) *maker {
	m := &maker{w: w, start: w.Month.Start(time.UTC), accounts: make([]string, w.Accounts)}
	for i := range m.accounts {
		m.accounts[i] = w.AccountID(i)
	}
	for i := range m.sources {
		m.sources[i] = fmt.Sprintf(sourceFormat, i)
		for trunk := range m.attributes[i] {
			m.attributes[i][trunk] = fmt.Sprintf(attributesFormat, i, trunk)
		}
	}
	return m
}

// row returns event n.
func (m *maker) row(n uint64) Row {
	c := m.w.Call(n)
	m.text = append(append(m.text[:0], c.ID[:]...), "+4930"...)
	m.text = appendDigits(m.text, c.Caller)
	m.text = append(m.text, '+')
	m.text = strconv.AppendInt(m.text, int64(firstPrefix+c.Rate), 10)
	m.text = appendDigits(m.text, c.Callee)
	text := string(m.text) // one allocation for all three
	r := Row{
		ID: text[:32], From: text[32:44], To: text[44:],
		Source: m.sources[c.Rate%sourcesAndNodes], AccountID: m.accounts[c.Account],
		Occurred: m.start.AddDate(0, 0, c.Day-1).Add(time.Duration(c.Second)*time.Second + milliseconds),
		Quantity: int64(c.Quantity), Subtype: subtype, Country: country, Category: category,
		Attributes: m.attributes[c.Caller%sourcesAndNodes][c.Callee%trunks],
		Account:    int32(c.Account), Line: int32(c.Rate),
		Increments: int64(c.Increments), Amount: duty.PriceOf(c.Rate) * int64(c.Increments),
	}
	m.text = append(append(append(m.text[:0], r.Source...), 0), r.ID...)
	r.Key = md5.Sum(m.text)
	m.text = append(m.text[:0], r.AccountID...)
	for _, s := range [...]string{r.From, r.To, r.Attributes} {
		m.text = append(append(m.text, 0), s...)
	}
	m.text = strconv.AppendInt(append(m.text, 0), r.Occurred.UnixMicro(), 10)
	m.text = strconv.AppendInt(append(m.text, 0), r.Quantity, 10)
	r.Fingerprint = int64(xxhash.Sum64(m.text))
	return r
}

// appendDigits appends seven digits.
func appendDigits(dst []byte, v int) []byte {
	for unit := 1_000_000; unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(v/unit%10))
	}
	return dst
}

// batch is what a transaction is given: rows in the order of their keys, so
// that two transactions meet the same rows in the same order and pages are
// written next to each other, without those that a batch repeats itself.
type batch struct {
	rows     []Row
	repeated duty.Outcome // of those left out
}

func (m *maker) batch(from, to uint64) batch {
	b := batch{rows: make([]Row, 0, to-from)}
	for n := from; n < to; n++ {
		b.rows = append(b.rows, m.row(n))
	}
	slices.SortStableFunc(b.rows, func(x, y Row) int { return slices.Compare(x.Key[:], y.Key[:]) })
	b.rows = slices.CompactFunc(b.rows, func(x, y Row) bool {
		if x.Key != y.Key {
			return false
		}
		again(&b.repeated, x.Fingerprint, y.Fingerprint)
		return true
	})
	return b
}

// again counts an event whose name was known: with the same content or not.
func again(o *duty.Outcome, first, second int64) {
	if first == second {
		o.Duplicate++
	} else {
		o.Conflict++
	}
}

// group is what a batch adds to one record.
type group struct {
	account, line         int32
	units, amount, events int64
}

// groups returns what rows add to each record, in the records' order.
func groups(rows []Row) []group {
	all := make([]group, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		all = append(all, group{r.Account, r.Line, r.Increments, r.Amount, 1})
	}
	slices.SortFunc(all, func(x, y group) int {
		if x.account != y.account {
			return int(x.account) - int(y.account)
		}
		return int(x.line) - int(y.line)
	})
	merged := all[:0]
	for _, g := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].account == g.account && merged[last].line == g.line {
			merged[last].units += g.units
			merged[last].amount += g.amount
			merged[last].events += g.events
			continue
		}
		merged = append(merged, g)
	}
	return merged
}

// usage is a row of the table of records.
type usage struct {
	account, month, line  int32
	units, amount, events int64
}

// record returns which record of the workload a row is.
func (u *usage) record(w *load.Workload) (duty.Record, error) {
	number, ok := duty.NumberOf(w, int(u.account), int(u.line))
	if !ok || u.month != int32(w.Month) {
		return duty.Record{}, fmt.Errorf("account %d, month %d, line %d is none of the workload", u.account, u.month, u.line)
	}
	return duty.Record{Record: number, Units: u.units, Amount: u.amount, Events: u.events}, nil
}
