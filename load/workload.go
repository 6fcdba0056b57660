package load

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"tollbook"
	"tollbook/decimal"
)

// Workload is an endless sequence of calls of one organization in one month,
// spread evenly over its accounts and over the rates that each account uses,
// in random order. Each account and rate is a record.
type Workload struct {
	Seed       uint64         // of ids, order and quantities
	Accounts   int            // 1 to MaxAccounts
	PerAccount int            // rates that an account uses, 1 to Rates
	Rates      int            // rows of the card that are used, 1 to MaxRates
	Month      tollbook.Month // in which all calls are
	Repeats    int            // one event in so many is an earlier one, sent again; 0: none
	Cover      bool           // the first events, as many as there are records, are one of each record
}

// Bounds of a workload: its texts have a fixed length.
const (
	MaxAccounts = 1_000_000
	MaxRates    = 90_000
)

// Million returns the workload of the project's benchmarks: a million records
// of 2,000 accounts under a card of 50,000 rows, 376 bytes an event with its
// comma, one event in 200 sent again.
func Million(seed uint64, month tollbook.Month) *Workload {
	return &Workload{Seed: seed, Accounts: 2000, PerAccount: 500, Rates: 45_000, Month: month, Repeats: 200}
}

// Validate returns what is wrong with a workload, or nil.
func (w *Workload) Validate() error {
	switch {
	case w.Accounts < 1 || w.Accounts > MaxAccounts:
		return fmt.Errorf("load: %d accounts, but there must be 1 to %d", w.Accounts, MaxAccounts)
	case w.Rates < 1 || w.Rates > MaxRates:
		return fmt.Errorf("load: %d rates, but there must be 1 to %d", w.Rates, MaxRates)
	case w.PerAccount < 1 || w.PerAccount > w.Rates:
		return fmt.Errorf("load: %d records of each account, but there must be 1 to %d", w.PerAccount, w.Rates)
	case w.Repeats < 0:
		return fmt.Errorf("load: one event in %d is a repeat", w.Repeats)
	}
	return nil
}

// Records returns how many records all events together make.
func (w *Workload) Records() int { return w.Accounts * w.PerAccount }

// Call is one event of a workload.
type Call struct {
	N          uint64 // of the event; where it is a repeat, of the earlier one
	ID         [32]byte
	Account    int
	Rate       int
	Record     int // Account × PerAccount + which of the account's rates
	Day        int // of the month, 1 to 28
	Second     int // of the day
	Quantity   int // seconds
	Increments int // minutes begun
	Caller     int // seven digits
	Callee     int // seven digits
}

// mix is the finalizer of SplitMix64: a permutation of 64-bit numbers whose
// results look random.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const golden = 0x9e3779b97f4a7c15

// random returns the i-th random number of event n.
func (w *Workload) random(n, i uint64) uint64 { return mix(mix(w.Seed+n*golden) + i*golden) }

// First returns n, or where event n is a repeat, the number of the event that
// it repeats, which is any of the earlier ones.
func (w *Workload) First(n uint64) uint64 {
	for w.Repeats > 0 && n > 0 && !w.covers(n) {
		r := w.random(n, 0)
		if r%uint64(w.Repeats) != 0 {
			break
		}
		n = r / uint64(w.Repeats) % n
	}
	return n
}

// covers tells whether event n brings a record into being, each in its turn.
func (w *Workload) covers(n uint64) bool { return w.Cover && n < uint64(w.Records()) }

// coverStep is a prime, so that its multiples meet every record once before
// they meet one again, in no order.
const coverStep = 2_654_435_761

// Call returns event n, counted from 0.
func (w *Workload) Call(n uint64) Call {
	n = w.First(n)
	c := Call{N: n}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], w.random(n, 1))
	binary.BigEndian.PutUint64(id[8:], mix(n^w.Seed)) // a permutation of n: no two ids meet
	hex.Encode(c.ID[:], id[:])
	a, b := w.random(n, 2), w.random(n, 3)
	c.Record = w.record(n, a)
	c.Account = c.Record / w.PerAccount
	c.Rate = w.rate(c.Account, c.Record%w.PerAccount)
	c.Day, c.Second = 1+int(a>>32%28), int(b%86_400)
	c.Quantity = quantity(b)
	c.Increments = increments(c.Quantity)
	c.Caller, c.Callee = int(b>>32%10_000_000), int(a>>40%10_000_000)
	return c
}

// record, quantity and increments say what an event counts, from its random
// numbers 2 and 3.
// record returns which record event n is in, where a is its second random
// number.
func (w *Workload) record(n, a uint64) int {
	if w.covers(n) {
		return int(n * coverStep % uint64(w.Records()))
	}
	return int(a % uint64(w.Records()))
}

func quantity(b uint64) int       { return 1 + int(b>>20%600) }
func increments(quantity int) int { return (quantity + 59) / 60 }

// rate returns which rate is an account's i-th.
func (w *Workload) rate(account, i int) int { return (account*rateStep + i) % w.Rates }

// rateStep is how far the rates of two neighbouring accounts are apart.
const rateStep = 97

// RecordOf returns account and rate of a record.
func (w *Workload) RecordOf(record int) (account, rate int) {
	account = record / w.PerAccount
	return account, w.rate(account, record%w.PerAccount)
}

// Description returns what the records of a rate show as their description.
func Description(rate int) string { return fmt.Sprintf("Route %05d", rate) }

// rateOf returns which rate has a description.
func rateOf(description string) (int, bool) {
	digits, ok := strings.CutPrefix(description, "Route ")
	rate, err := strconv.Atoi(digits)
	return rate, ok && err == nil && rate >= 0 && Description(rate) == description
}

// productID returns the product of a rate; aggrProductID is that of all.
func productID(rate int) string { return fmt.Sprintf("TD-USG-CAL-%02d", rate%40) }

const aggrProductID = "TD-USG-TEL-UG"

// Price returns the price of a minute, in USD.
func Price(rate int) decimal.Decimal {
	return decimal.New(decimal.NewUint(uint64(1+rate*7%4999)), 4)
}

// firstPrefix is the prefix of rate 0; all have five digits.
const firstPrefix = 10_000

// Card returns the rate card: a row for each rate, and for every ten of them
// one of a shorter prefix, which no call should fall back to.
func (w *Workload) Card() string {
	var b strings.Builder
	b.WriteString("resource,direction,description,prefixes,price_per_increment,increment,unit_of_measure,currency,product_id,aggr_product_id,wallet_name\n")
	for rate := range w.Rates {
		row := func(prefix int, description, price string) {
			fmt.Fprintf(&b, "call,outbound,%s,%d,%s,1,minutes,USD,%s,%s,contact center\n", description, prefix, price, productID(rate), aggrProductID)
		}
		if rate%10 == 0 {
			row((firstPrefix+rate)/10, "Fallback "+strconv.Itoa(rate/10), "9.9")
		}
		row(firstPrefix+rate, Description(rate), Price(rate).String())
	}
	return b.String()
}

// AppendJSON appends event n as a JSON object: 375 bytes, whatever n is.
func (w *Workload) AppendJSON(dst []byte, n uint64) []byte {
	c := w.Call(n)
	dst = append(dst, `{"id":"`...)
	dst = append(dst, c.ID[:]...)
	dst = append(dst, `","source":"voice-gateway-0`...)
	dst = append(dst, '0'+byte(c.Rate%8))
	dst = append(dst, `.eu-west","account_id":"`...)
	dst = w.appendAccount(dst, c.Account)
	dst = append(dst, `","occurred_at":"`...)
	dst = w.Month.Append(dst)
	dst = append(dst, '-')
	dst = appendDigits(dst, c.Day, 2)
	dst = append(dst, 'T')
	dst = appendDigits(dst, c.Second/3600, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, c.Second/60%60, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, c.Second%60, 2)
	dst = append(dst, `.123Z","type":"CALL","direction":"OUTBOUND","resolution":"ANSWERED","quantity":`...)
	dst = appendDigits(dst, 1000+c.Quantity, 4)
	dst[len(dst)-4] = ' '
	for i := len(dst) - 3; dst[i] == '0'; i++ {
		dst[i] = ' ' // JSON has no leading zeros
	}
	dst = append(dst, `,"subtype":"SIPUDP","country":"AT","category":"mobile","from":"+4930`...)
	dst = appendDigits(dst, c.Caller, 7)
	dst = append(dst, `","to":"+`...)
	dst = appendDigits(dst, firstPrefix+c.Rate, 5)
	dst = appendDigits(dst, c.Callee, 7)
	dst = append(dst, `","attributes":{"trunk":"t-`...)
	dst = appendDigits(dst, c.Callee%30, 2)
	dst = append(dst, `","node":"n-`...)
	dst = append(dst, '0'+byte(c.Caller%8))
	return append(dst, `"}}`...)
}

func appendDigits(dst []byte, v, width int) []byte {
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; v > 0; i-- {
		dst[i] = '0' + byte(v%10)
		v /= 10
	}
	return dst
}

// AppendArray appends the events from from to to, the latter not included, as
// a JSON array.
func (w *Workload) AppendArray(dst []byte, from, to uint64) []byte {
	dst = append(dst, '[')
	for n := from; n < to; n++ {
		if n > from {
			dst = append(dst, ',')
		}
		dst = w.AppendJSON(dst, n)
	}
	return append(dst, ']')
}

// AppendLines appends the events from from to to, the latter not included, as
// JSON lines.
func (w *Workload) AppendLines(dst []byte, from, to uint64) []byte {
	for n := from; n < to; n++ {
		dst = append(w.AppendJSON(dst, n), '\n')
	}
	return dst
}
