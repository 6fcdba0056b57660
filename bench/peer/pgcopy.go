package peer

import (
	"encoding/binary"
	"time"
)

// copyHead and copyTail enclose what COPY … (FORMAT binary) reads.
const (
	copyHead = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTail = "\xff\xff"
)

// copyBytes returns rows as COPY reads them, made before the clock starts: so
// all of the client's work is to write them.
func copyBytes(rows []Row) []byte {
	const enough = 400 // bytes of a row
	e := copyEncoder{make([]byte, 0, len(rows)*enough)}
	e.dst = append(e.dst, copyHead...)
	for i := range rows {
		e.row(&rows[i])
	}
	e.dst = append(e.dst, copyTail...)
	return e.dst
}

type copyEncoder struct{ dst []byte }

func (e *copyEncoder) row(r *Row) {
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(len(eventColumns)))
	e.text(string(r.Key[:]))
	e.int8(r.Fingerprint)
	e.int8(microseconds(r.Occurred))
	e.int8(r.Increments)
	e.int8(r.Amount)
	e.int8(r.Quantity)
	e.int4(r.Account)
	e.int4(r.Line)
	for _, v := range [...]int16{typeCall, outbound, answered, minutes} {
		e.int2(v)
	}
	for _, s := range [...]string{r.Source, r.ID, r.Subtype, r.Country, r.Category, r.From, r.To} {
		e.text(s)
	}
	e.text("\x01" + r.Attributes) // jsonb, first version
}

func (e *copyEncoder) text(s string) {
	e.dst = binary.BigEndian.AppendUint32(e.dst, uint32(len(s)))
	e.dst = append(e.dst, s...)
}

func (e *copyEncoder) int8(v int64) {
	e.dst = binary.BigEndian.AppendUint32(e.dst, 8)
	e.dst = binary.BigEndian.AppendUint64(e.dst, uint64(v))
}

func (e *copyEncoder) int4(v int32) {
	e.dst = binary.BigEndian.AppendUint32(e.dst, 4)
	e.dst = binary.BigEndian.AppendUint32(e.dst, uint32(v))
}

func (e *copyEncoder) int2(v int16) {
	e.dst = binary.BigEndian.AppendUint32(e.dst, 2)
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(v))
}

// microseconds returns an instant as PostgreSQL counts it: from the year 2000.
func microseconds(t time.Time) int64 {
	return t.UnixMicro() - time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}
