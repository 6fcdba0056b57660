package tollbook

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"tollbook/decimal"
)

// Bounds on what may be counted.
const (
	// MaxIncrements is the most increments that one event may have.
	MaxIncrements = 1_000_000_000_000_000
	// MaxRecordsPerMonth is the most records that one account's month may hold.
	MaxRecordsPerMonth = 100_000
	// PricePlaces is the number of digits after the point to which the price
	// of a unit is rounded for display where it does not end.
	PricePlaces = 12
)

// Grouping is everything that the events of one record of an account's month
// agree in. Text that is unknown is ""; a WalletName of "" is null.
type Grouping struct {
	ProductID     string
	AggrProductID string
	Type          UsageType
	Description   string
	Currency      string
	Direction     Direction
	Resolution    Resolution
	Unit          Unit
	Price         decimal.Decimal // of one Unit, half-even at PricePlaces
	WalletName    string
}

// Line is what a rate makes of an event, as far as money is concerned. Lines
// are values: two of one key are the same line, wherever they come from. Make
// one with NewLine or NewTieredLine.
type Line struct {
	Grouping                          // Price is that of the first tier
	PricePerIncrement decimal.Decimal // in Currency; of the first tier
	Increment         decimal.Decimal // in Unit, > 0
	Tiers             []Tier          // none: one price for all

	key   [16]byte
	tiers []*Line // what each of Tiers makes a line of its own
}

// Tier is a stretch of an account's month of one rate, and what an increment
// in it costs. Units that are free are a first tier of price 0.
type Tier struct {
	UpTo              decimal.Int     // increments of the month at which it ends; of the last one 0: it does not
	PricePerIncrement decimal.Decimal // in the line's currency
}

// MaxTiers is the most tiers that a line may have.
const MaxTiers = 32

// NewLine returns the line of g with the given increment (> 0), setting
// g.Price to what one unit costs.
func NewLine(g Grouping, pricePerIncrement, increment decimal.Decimal) *Line {
	g.Price = pricePerIncrement.QuoHalfEven(increment, PricePlaces)
	l := &Line{Grouping: g, PricePerIncrement: pricePerIncrement, Increment: increment}
	l.setKey()
	return l
}

// NewTieredLine returns the line of g whose price depends on how many
// increments of it an account's month has. It panics unless there are 2 to
// MaxTiers tiers whose ends ascend.
func NewTieredLine(g Grouping, increment decimal.Decimal, tiers []Tier) *Line {
	if err := checkTiers(tiers); err != nil {
		panic(err.Error())
	}
	l := NewLine(g, tiers[0].PricePerIncrement, increment)
	l.Tiers = slices.Clone(tiers)
	for _, t := range tiers {
		l.tiers = append(l.tiers, NewLine(g, t.PricePerIncrement, increment))
	}
	l.setKey()
	return l
}

// maxTierEnd bounds what is read as the end of a tier: 10^18 units in steps of
// 10^-12.
var maxTierEnd = decimal.NewUint(1_000_000_000_000_000_000).Mul(decimal.NewUint(1_000_000_000_000))

func checkTiers(tiers []Tier) error {
	if len(tiers) < 2 || len(tiers) > MaxTiers {
		return fmt.Errorf("tollbook: a line has 2 to %d tiers, not %d", MaxTiers, len(tiers))
	}
	end := decimal.Int{}
	for i, t := range tiers {
		if last := i == len(tiers)-1; last && t.UpTo.Sign() != 0 || !last && t.UpTo.Cmp(end) <= 0 {
			return fmt.Errorf("tollbook: tier %d ends at %s", i+1, t.UpTo)
		}
		end = t.UpTo
	}
	return nil
}

func (l *Line) setKey() {
	sum := sha256.Sum256(l.AppendBinary(nil))
	copy(l.key[:], sum[:])
}

// Parts returns in how many records the line shows: one for each tier.
func (l *Line) Parts() int { return max(1, len(l.tiers)) }

// Part returns the i-th part as a line without tiers, from 0.
func (l *Line) Part(i int) *Line {
	if len(l.tiers) == 0 {
		return l
	}
	return l.tiers[i]
}

// Share returns how many of n increments that follow on before others in an
// account's month are in the i-th part. The shares of all parts add up to n,
// which may be negative: increments that are taken back come from the end.
func (l *Line) Share(i int, before, n decimal.Int) decimal.Int {
	if len(l.tiers) == 0 {
		return n
	}
	return l.within(i, before.Add(n)).Sub(l.within(i, before))
}

// within returns how many of a month's first n increments are in a tier.
func (l *Line) within(i int, n decimal.Int) decimal.Int {
	from := decimal.Int{}
	if i > 0 {
		from = l.Tiers[i-1].UpTo
		if n.Cmp(from) <= 0 {
			return decimal.Int{}
		}
	}
	if to := l.Tiers[i].UpTo; to.Sign() > 0 && n.Cmp(to) > 0 {
		n = to
	}
	return n.Sub(from)
}

// PricedLine returns the line of an event that carries its own price of a
// unit. Its increment is 10^-MaxFracDigits of a unit, so that every quantity
// is a whole number of increments and nothing is rounded.
func PricedLine(g Grouping, price decimal.Decimal) *Line {
	tick := decimal.New(decimal.NewUint(1), MaxFracDigits)
	return NewLine(g, price.Mul(tick), tick)
}

// Key names the line on every node: the first 128 bits of SHA-256 over its
// binary form.
func (l *Line) Key() [16]byte { return l.key }

// Units returns how many units n increments are.
func (l *Line) Units(n decimal.Int) decimal.Decimal { return l.Increment.MulInt(n) }

// Amount returns what n increments cost, exactly.
func (l *Line) Amount(n decimal.Int) decimal.Decimal { return l.PricePerIncrement.MulInt(n) }

// AppendBinary appends the line's content: product, aggregated product,
// description, currency, wallet name as texts; one byte each for type,
// direction, resolution, unit; price per increment and increment; the number
// of tiers, and of each its end and its price per increment.
func (l *Line) AppendBinary(dst []byte) []byte {
	for _, s := range [...]string{l.ProductID, l.AggrProductID, l.Description, l.Currency, l.WalletName} {
		dst = appendText(dst, s)
	}
	dst = append(dst, byte(l.Type), byte(l.Direction), byte(l.Resolution), byte(l.Unit))
	dst = l.PricePerIncrement.AppendBinary(dst)
	dst = l.Increment.AppendBinary(dst)
	dst = binary.AppendUvarint(dst, uint64(len(l.Tiers)))
	for _, t := range l.Tiers {
		dst = t.UpTo.AppendBinary(dst)
		dst = t.PricePerIncrement.AppendBinary(dst)
	}
	return dst
}

// DecodeLine reads what AppendBinary wrote and returns the rest of b.
func DecodeLine(b []byte) (*Line, []byte, error) {
	r := reader{b: b}
	var g Grouping
	g.ProductID, g.AggrProductID, g.Description, g.Currency, g.WalletName = r.text(), r.text(), r.text(), r.text(), r.text()
	g.Type, g.Direction, g.Resolution, g.Unit = UsageType(r.byte()), Direction(r.byte()), Resolution(r.byte()), Unit(r.byte())
	ppi, inc := r.decimal(), r.decimal()
	if r.bad || inc.Sign() <= 0 || !fitsLine(ppi) || !fitsLine(inc) {
		return nil, nil, errNormal
	}
	n := r.uvarint()
	if n == 0 && !r.bad {
		return NewLine(g, ppi, inc), r.b, nil
	}
	var tiers []Tier
	for ; n > 0 && !r.bad; n-- {
		t := Tier{r.increments(), r.decimal()}
		if len(tiers) == MaxTiers || !fitsLine(t.PricePerIncrement) {
			return nil, nil, errNormal
		}
		tiers = append(tiers, t)
	}
	if r.bad || checkTiers(tiers) != nil || tiers[0].PricePerIncrement != ppi {
		return nil, nil, errNormal
	}
	return NewTieredLine(g, inc, tiers), r.b, nil
}

// fitsLine tells whether a decimal is one that a line can hold: the product
// of a price and a tick has the most digits. Others would overflow NewLine.
func fitsLine(d decimal.Decimal) bool {
	const digits, places = MaxIntDigits + MaxFracDigits, 2 * MaxFracDigits
	limit := decimal.New(decimal.NewUint(1), digits)
	return d.Scale() <= places && decimal.New(d.Coef().Abs(), 0).Mul(limit).Cmp(decimal.FromInt(1)) < 0
}

// Charge is a number of increments of a line.
type Charge struct {
	Line       *Line
	Increments decimal.Int
}

// Rate says which row of which card priced an event. The zero Rate is that of
// an event that carried its own price.
type Rate struct {
	CardID  string
	Version int    // of the card, from 1
	Row     int    // its line in the card's CSV
	Prefix  string // the digits of Event.To that the row matched
}

// RecordID names a record: the same usage has the same id on every node and
// after every rebuild.
type RecordID [16]byte

// String returns 32 lower-case hex digits.
func (id RecordID) String() string {
	const hexDigits = "0123456789abcdef"
	var b [32]byte
	for i, c := range id {
		b[2*i], b[2*i+1] = hexDigits[c>>4], hexDigits[c&15]
	}
	return string(b[:])
}

// ParseRecordID reads 32 lower-case hex digits.
func ParseRecordID(s string) (id RecordID, ok bool) {
	if len(s) != 32 {
		return id, false
	}
	for i := range len(s) {
		var v byte
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c >= 'a' && c <= 'f':
			v = c - 'a' + 10
		default:
			return RecordID{}, false
		}
		id[i/2] |= v << (4 * (1 - i%2))
	}
	return id, true
}

// RecordIDOf returns the first 128 bits of SHA-256 over the account, the
// month and everything in g, as the texts that the record shows: account,
// month, product, aggregated product, type, description, currency, direction,
// resolution, unit, price, wallet name. Each text is preceded by its length in
// four big-endian bytes; null is the length 2^32-1 and nothing else.
func RecordIDOf(accountID string, m Month, g *Grouping) RecordID {
	var buf [512]byte
	b := buf[:0]
	text := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	nullable := func(s string) {
		if s == "" {
			b = binary.BigEndian.AppendUint32(b, 1<<32-1)
			return
		}
		text(s)
	}
	text(accountID)
	text(m.String())
	text(g.ProductID)
	text(g.AggrProductID)
	text(g.Type.String())
	text(g.Description)
	text(g.Currency)
	nullable(g.Direction.String())
	nullable(g.Resolution.String())
	text(g.Unit.String())
	text(g.Price.String())
	nullable(g.WalletName)
	sum := sha256.Sum256(b)
	return RecordID(sum[:16])
}
