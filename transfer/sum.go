package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"tollbook"
)

// sum stands for words, whatever their order: the sum of their SHA-256 modulo
// 2^256, the lowest 64 bits first.
type sum [4]uint64

func (s *sum) add(t sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], t[i], carry)
	}
}

// sumOf is of one thing.
func sumOf(content []byte) (s sum) {
	hash := sha256.Sum256(content)
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(hash[8*i:])
	}
	return s
}

// sumOfEntry is of all that an event said when it came.
func sumOfEntry(e *tollbook.Entry) sum {
	b := appendWord([]byte{'e'}, e.OrganizationID, e.Home, e.Booked, &e.Measured, e.Event.CloudEventType)
	b = binary.BigEndian.AppendUint64(append(b, e.Claim[:]...), e.Fingerprint)
	return sumOf(append(b, e.Normal...))
}

// sumOfBooking is of all that a correction says.
func sumOfBooking(w *tollbook.BookedEvent) sum { return sumOf(bookingBytes(w)) }

func bookingBytes(w *tollbook.BookedEvent) []byte {
	b := appendWord([]byte{'b'}, w.OrganizationID, w.Home, w.Booked, &w.Measured, w.CloudEventType)
	b = append(b, w.Claim[:]...)
	if w.Adjusts {
		b = append(b, 'a')
	}
	if v := w.Void; v != nil {
		b = append(b, 'v')
		for _, s := range [...]string{v.Reason, v.Actor, v.ReplacedBy.Source, v.ReplacedBy.ID} {
			b = appendText(b, s)
		}
		b = binary.AppendVarint(b, v.At.Unix())
		b = binary.AppendUvarint(b, uint64(v.At.Nanosecond()))
	}
	return w.AppendNormal(append(b, 'n'))
}

// appendWord appends what events and bookings have in common.
func appendWord(b []byte, organizationID string, home, booked tollbook.Month, m *tollbook.Measured, cloudEvent string) []byte {
	b = appendText(b, organizationID)
	b = binary.AppendVarint(binary.AppendVarint(b, int64(home)), int64(booked))
	b = append(b, byte(m.Unrated))
	b = appendText(appendText(b, m.Rate.CardID), m.Rate.Prefix)
	b = binary.AppendVarint(binary.AppendVarint(b, int64(m.Rate.Version)), int64(m.Rate.Row))
	b = binary.AppendUvarint(b, uint64(len(m.Charges)))
	for i := range m.Charges {
		key := m.Charges[i].Line.Key()
		b = m.Charges[i].Increments.AppendBinary(append(b, key[:]...))
	}
	return appendText(b, cloudEvent)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// differs names the first field in which definitions differ, but for their
// positions; "" where there is none.
func differs(a, b *tollbook.Definition) string {
	switch {
	case a.RequestID != b.RequestID:
		return "request id"
	case a.Kind != b.Kind:
		return "kind"
	case a.ID != b.ID:
		return "id"
	case !a.At.Equal(b.At):
		return "time"
	case a.Actor != b.Actor:
		return "actor"
	case !bytes.Equal(a.Body, b.Body):
		return "body"
	}
	return ""
}
