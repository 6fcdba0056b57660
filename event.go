package tollbook

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/cespare/xxhash/v2"

	"tollbook/decimal"
)

// Bounds on what an event may carry. Lengths are in bytes.
const (
	MaxNameBytes           = 256 // of id and source
	MaxTextBytes           = 256 // of every other text field
	MaxAttributes          = 64
	MaxAttributeKeyBytes   = 128
	MaxAttributeValueBytes = 1024
	MaxIntDigits           = 18 // before the point, of quantity and price
	MaxFracDigits          = 12 // after the point, of quantity and price
	MaxFutureSkew          = 24 * time.Hour
)

// Event is one use of the platform in its normal form: defaults filled in,
// the instant in UTC, decimals canonical, attributes sorted by key. Two events
// that say the same are the same Event, whatever they were sent as.
//
// Text that is absent is "". The struct is large: pass it by pointer.
type Event struct {
	ID        string // 1 to MaxNameBytes bytes
	Source    string // 1 to MaxNameBytes bytes
	AccountID string

	OccurredAt time.Time // UTC, to the nanosecond
	Type       UsageType
	Quantity   decimal.Decimal // ≥ 0, in Unit
	Unit       Unit
	Direction  Direction
	Resolution Resolution

	Subtype       string
	Description   string
	ProductID     string
	AggrProductID string
	From          string
	To            string
	Country       string
	Category      string

	// Priced tells that the event carries Price, the price of one unit in
	// Currency: it is rated already and no card is asked.
	Priced     bool
	Price      decimal.Decimal // ≥ 0
	Currency   string          // ISO 4217
	WalletName string

	Attributes []Attribute // sorted by Key, no Key twice

	// CloudEventType is the type attribute of the CloudEvent that the event
	// came in, kept as it was sent. It is no part of what the event says: the
	// normal form leaves it out.
	CloudEventType string
}

// Attribute is one of an event's free attributes, which rating ignores.
type Attribute struct{ Key, Value string }

// Claim is an event's name, hashed: the first 128 bits of SHA-256 over
// organization, source and id, each behind its length. An event is counted
// under its claim once for ever. The hash is cryptographic because a sender
// who could make two names meet could block another organization's events.
type Claim [16]byte

// ClaimOf returns the claim of the event that an organization's source named
// id.
func ClaimOf(organizationID, source, id string) Claim {
	var buf [256]byte
	b := buf[:0]
	b = appendText(b, organizationID)
	b = appendText(b, source)
	b = appendText(b, id)
	sum := sha256.Sum256(b)
	return Claim(sum[:16])
}

// String returns the claim in hex.
func (c Claim) String() string { return hex.EncodeToString(c[:]) }

// appendText appends s behind its length.
func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

const normalFormVersion = 1

// AppendNormal appends the event's normal form, which two events share
// exactly when they say the same. In order: a version byte (1); id, source,
// account; seconds since 1970 (signed varint) and nanoseconds (uvarint); one
// byte each for type, unit, direction, resolution; quantity
// (decimal.AppendBinary); subtype, description, product, aggregated product,
// from, to, country, category, currency, wallet name; 0, or 1 and the price;
// the number of attributes (uvarint), then key and value of each. A text is
// its length (uvarint) and its bytes.
func (e *Event) AppendNormal(dst []byte) []byte {
	dst = append(dst, normalFormVersion)
	dst = appendText(dst, e.ID)
	dst = appendText(dst, e.Source)
	dst = appendText(dst, e.AccountID)
	dst = binary.AppendVarint(dst, e.OccurredAt.Unix())
	dst = binary.AppendUvarint(dst, uint64(e.OccurredAt.Nanosecond()))
	dst = append(dst, byte(e.Type), byte(e.Unit), byte(e.Direction), byte(e.Resolution))
	dst = e.Quantity.AppendBinary(dst)
	for _, s := range [...]string{e.Subtype, e.Description, e.ProductID, e.AggrProductID, e.From, e.To, e.Country, e.Category, e.Currency, e.WalletName} {
		dst = appendText(dst, s)
	}
	if e.Priced {
		dst = e.Price.AppendBinary(append(dst, 1))
	} else {
		dst = append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Attributes)))
	for _, a := range e.Attributes {
		dst = appendText(appendText(dst, a.Key), a.Value)
	}
	return dst
}

// Fingerprint is the 64-bit hash of a normal form by which a repeat is told
// from a conflict. It guards a sender against his own mistakes only, so it
// need not be cryptographic.
func Fingerprint(normal []byte) uint64 { return xxhash.Sum64(normal) }

var errNormal = errors.New("malformed normal form of an event")

// DecodeNormal reads what AppendNormal wrote and returns the rest of b. The
// event's texts are copies.
func DecodeNormal(b []byte) (e Event, rest []byte, err error) {
	r := reader{b: b}
	if r.byte() != normalFormVersion {
		return e, nil, errNormal
	}
	e.ID, e.Source, e.AccountID = r.text(), r.text(), r.text()
	sec := r.varint()
	e.OccurredAt = time.Unix(sec, int64(r.uvarint())).UTC()
	e.Type, e.Unit = UsageType(r.byte()), Unit(r.byte())
	e.Direction, e.Resolution = Direction(r.byte()), Resolution(r.byte())
	e.Quantity = r.decimal()
	for _, s := range [...]*string{&e.Subtype, &e.Description, &e.ProductID, &e.AggrProductID, &e.From, &e.To, &e.Country, &e.Category, &e.Currency, &e.WalletName} {
		*s = r.text()
	}
	switch r.byte() {
	case 0:
	case 1:
		e.Priced, e.Price = true, r.decimal()
	default:
		r.bad = true
	}
	n := r.uvarint()
	if n > MaxAttributes {
		r.bad = true
	}
	for i := uint64(0); i < n && !r.bad; i++ {
		e.Attributes = append(e.Attributes, Attribute{r.text(), r.text()})
	}
	if r.bad {
		return Event{}, nil, errNormal
	}
	return e, r.b, nil
}

// reader takes a binary form apart; after a fault it returns zeros and is bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// increments reads the end of a tier, which is at most what tiers can come to.
func (r *reader) increments() decimal.Int {
	n, rest, err := decimal.DecodeInt(r.b)
	if err != nil || n.Abs().Cmp(maxTierEnd) > 0 {
		r.bad = true
		return decimal.Int{}
	}
	r.b = rest
	return n
}

func (r *reader) decimal() decimal.Decimal {
	d, rest, err := decimal.Decode(r.b)
	if err != nil {
		r.bad = true
		return decimal.Decimal{}
	}
	r.b = rest
	return d
}
