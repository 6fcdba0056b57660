package clickhousestore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// Book implements tollbook.Ledger. Bookings have one order: who is not the
// first behind the last one looks again.
func (s *Store) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(bookings)); err != nil {
		return nil, err
	}
	for i := range bookings {
		if err := bookings[i].Check(); err != nil {
			return nil, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("Booking %d %v.", i, err))
		}
	}
	for {
		b, err := s.booker(ctx, under, bookings)
		if err != nil {
			return nil, unavailable(err)
		}
		outcomes := make([]tollbook.Outcome, len(bookings))
		for i := range bookings {
			if outcomes[i], err = b.decide(ctx, &bookings[i]); err != nil {
				return nil, unavailable(err)
			}
			if outcomes[i] == tollbook.Accepted {
				b.accept(&bookings[i])
			}
		}
		if ok, err := b.write(ctx); err != nil {
			return nil, unavailable(err)
		} else if ok {
			s.metrics.decided(outcomes)
			return outcomes, nil
		}
	}
}

// Restate implements tollbook.Ledger. All of it is one block of rows.
func (s *Store) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	if len(r.Bookings) == 0 {
		return nil
	}
	if err := tollbook.CheckRestated(len(r.Bookings)); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The restatement's "+err.Error()+".")
	}
	for {
		b, err := s.booker(ctx, under, r.Bookings)
		if err != nil {
			return unavailable(err)
		}
		var corrected uint64
		err = s.one(ctx, fmt.Sprintf("SELECT max(seq) FROM bookings WHERE organization = %s AND account = %s AND (booked = %[3]d OR was_booked = %[3]d) AND seq <= %[4]d",
			quote(r.OrganizationID), quote(r.AccountID), int32(r.Month), b.seq), &corrected)
		if err != nil {
			return unavailable(err)
		}
		if corrected > seqOf(r.Seen) {
			return tollbook.ErrStale
		}
		for i := range r.Bookings {
			if b.outcome(&r.Bookings[i]) != tollbook.Accepted {
				return tollbook.ErrStale
			}
		}
		if fits, err := b.fitsAll(ctx, &r); err != nil {
			return unavailable(err)
		} else if !fits {
			return tollbook.NewError(tollbook.CodeTooManyRecords, fmt.Sprintf("The account's month would have more than %d records.", tollbook.MaxRecordsPerMonth))
		}
		for i := range r.Bookings {
			b.accept(&r.Bookings[i])
		}
		if ok, err := b.write(ctx); ok || err != nil {
			return unavailable(err)
		}
	}
}

// booker decides bookings behind the last seq, and writes them.
type booker struct {
	store    *Store
	under    tollbook.Pos
	seq      uint64 // the last one
	latest   map[tollbook.Claim]latest
	accepted []*tollbook.Booking

	writer uint64 // tells its rows from others'

	rooms map[cell]*room
	exact map[cell]census // of the month that looked full last, with what was accepted
}

// latest is the last word about an event.
type latest struct {
	ref  tollbook.Ref
	void bool
}

// booker looks up the last words about the events of bookings. An event whose
// epoch has not been folded may turn out to have come twice, so that is done
// first.
func (s *Store) booker(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) (*booker, error) {
	b := &booker{store: s, under: under, rooms: map[cell]*room{}}
	if err := b.look(ctx, bookings); err != nil {
		return nil, err
	}
	for i := range bookings {
		if _, there := b.latest[bookings[i].Event.Claim]; there {
			continue
		}
		if _, err := s.fold(ctx); err != nil {
			return nil, err
		}
		return b, b.look(ctx, bookings)
	}
	return b, nil
}

func (b *booker) look(ctx context.Context, bookings []tollbook.Booking) error {
	b.latest = make(map[tollbook.Claim]latest, len(bookings))
	var claims [][]byte
	for i := range bookings {
		claims = append(claims, bookings[i].Event.Claim[:])
	}
	asked, err := with(ctx, &sent{"asked", []sentColumn{{"claim", "FixedString(16)", claims}}})
	if err != nil {
		return err
	}
	// The first row, of no claim, says where the log and the bookings end.
	const statement = `WITH (SELECT max(seq) FROM bookings) AS last
		SELECT claim, max(seq), argMax(batch, seq), argMax(item, seq), max(voided), last, ` + theEnd + `.2 FROM (
			SELECT claim, seq, toUInt64(0) AS batch, item, voided FROM bookings WHERE claim IN (SELECT claim FROM asked) AND seq <= last
			UNION ALL SELECT claim, 0, batch, item, 0 FROM claims WHERE claim IN (SELECT claim FROM asked)
			UNION ALL SELECT toFixedString('', 16), 0, 0, 0, 0
		) GROUP BY claim`
	var at uint64
	err = b.store.query(asked, statement, func(rows driver.Rows) error {
		var claim string
		var seq, batch uint64
		var item uint32
		var voided uint8
		if err := rows.Scan(&claim, &seq, &batch, &item, &voided, &b.seq, &at); err != nil {
			return err
		}
		c := tollbook.Claim([]byte(claim))
		if b.latest[c] = (latest{cameRef(c, batch, item), voided != 0}); seq > 0 {
			b.latest[c] = latest{bookingRef(seq, item), voided != 0}
		}
		return nil
	})
	if err == nil && tollbook.Pos(at) != b.under {
		err = tollbook.ErrMoved
	}
	return err
}

func cellOfBooking(b *tollbook.Booking) cell {
	return cell{b.Event.OrganizationID, b.Event.AccountID, b.Booked}
}

// outcome decides a booking but for how many records there may be.
func (b *booker) outcome(k *tollbook.Booking) tollbook.Outcome {
	last, there := b.latest[k.Event.Claim]
	switch {
	case !there:
		return tollbook.NotFound
	case last.ref != k.Event.Ref || last.void:
		return tollbook.Stale
	}
	return tollbook.Accepted
}

func (b *booker) decide(ctx context.Context, k *tollbook.Booking) (tollbook.Outcome, error) {
	o := b.outcome(k)
	if o != tollbook.Accepted || len(k.Charges) == 0 {
		return o, nil
	}
	fits, err := b.fits(ctx, k)
	if err == nil && !fits {
		o = tollbook.TooManyRecords
	}
	return o, err
}

func (b *booker) accept(k *tollbook.Booking) {
	b.latest[k.Event.Claim] = latest{bookingRef(b.seq+1, uint32(len(b.accepted))), k.Void != nil}
	b.accepted = append(b.accepted, k)
	b.count(k)
}

// write writes what was accepted behind the last seq, all of it or nothing, and
// tells whether that was still the last one.
func (b *booker) write(ctx context.Context) (bool, error) {
	if len(b.accepted) == 0 {
		return true, nil
	}
	s := b.store
	err := s.storeLines(ctx, func(yield func(*tollbook.Line) bool) {
		for _, k := range b.accepted {
			for i := range k.Charges {
				if !yield(k.Charges[i].Line) {
					return
				}
			}
		}
	})
	if err != nil {
		return false, err
	}
	var words wordColumns
	for _, k := range b.accepted {
		words.addBooking(k)
	}
	batch := &sent{"fresh", words.bookingColumns()}
	b.writer, err = s.random()
	if err != nil {
		return false, err
	}
	statement := fmt.Sprintf(`INSERT INTO bookings (%s, seq, writer, epoch) WITH %s AS ending
		SELECT * REPLACE (arrayMap(x -> toInt128(x), increments) AS increments, arrayMap(x -> toInt128(x), was_increments) AS was_increments), toUInt64(%d), toUInt64(%d), ending.1
		FROM fresh WHERE %s AND throwIf((SELECT max(seq) FROM bookings) != %d, '%s') = 0 ORDER BY item`, batch.names(), theEnd, b.seq+1, b.writer, fence(b.under), b.seq, overtaken)
	var n uint64
	err = s.first(ctx, &placed{
		token: strconv.FormatUint(b.seq+1, 10), fresh: batch, insert: statement, writer: b.writer,
		look: fmt.Sprintf("SELECT countIf(writer = %d) FROM bookings WHERE seq = %d HAVING count() > 0", b.writer, b.seq+1),
	}, &n)
	switch {
	case isMoved(err):
		return false, tollbook.ErrMoved
	case isOvertaken(err):
		return false, nil
	case err != nil:
		return false, err
	}
	return n > 0, nil
}
