package clickhousestore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// booker decides corrections behind the last seq, and writes what they accept as
// one block. Each that accepts something has a seq of its own.
type booker struct {
	store     *Store
	under     tollbook.Pos
	seq       uint64 // the last one
	next      uint64 // that of the correction in hand
	latest    map[tollbook.Claim]latest
	corrected map[cell]uint64 // the last seqs in the months that are restated
	accepted  []booked

	rooms map[cell]*room
	exact map[cell]census // of the month that looked full last, with what was accepted
}

// latest is the last word about an event.
type latest struct {
	ref  tollbook.Ref
	void bool
}

// booked is a booking that was accepted.
type booked struct {
	*tollbook.Booking
	seq uint64
}

// booker looks up what corrections are decided by. An event whose epoch has not
// been folded may turn out to have come twice, so that is done first.
func (s *Store) booker(ctx context.Context, group []*correction) (*booker, error) {
	b := &booker{store: s, under: group[0].under, corrected: map[cell]uint64{}}
	if err := b.look(ctx, group); err != nil {
		return nil, err
	}
	if !b.knowsAll(group) {
		if _, err := s.fold(ctx); err != nil {
			return nil, err
		}
		if err := b.look(ctx, group); err != nil {
			return nil, err
		}
	}
	b.next = b.seq + 1
	if err := b.lookAtMonths(ctx, group); err != nil {
		return nil, err
	}
	cells := map[cell]bool{}
	for _, r := range group {
		for i := range r.bookings {
			if k := &r.bookings[i]; len(k.Charges) > 0 {
				cells[cellOfBooking(k)] = true
			}
		}
	}
	var err error
	b.rooms, err = s.fetchRooms(ctx, slices.Collect(maps.Keys(cells)))
	return b, err
}

// look looks up the last words about the events of corrections.
func (b *booker) look(ctx context.Context, group []*correction) error {
	b.latest = map[tollbook.Claim]latest{}
	var claims claimed
	for _, r := range group {
		for i := range r.bookings {
			claims = append(claims, r.bookings[i].Event.Claim[:])
		}
	}
	asked, err := with(ctx, claims.table("asked"))
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

// knowsAll tells whether there is a word about each event of corrections.
func (b *booker) knowsAll(group []*correction) bool {
	for _, r := range group {
		for i := range r.bookings {
			if _, there := b.latest[r.bookings[i].Event.Claim]; !there {
				return false
			}
		}
	}
	return true
}

// lookAtMonths looks up the last seqs in the months that are restated.
func (b *booker) lookAtMonths(ctx context.Context, group []*correction) error {
	var months []cell
	for _, r := range group {
		if t := r.restates; t != nil {
			months = append(months, cellOfRestated(t))
		}
	}
	if len(months) == 0 {
		return nil
	}
	asked, err := with(ctx, cellTable("asked", months))
	if err != nil {
		return err
	}
	sql := fmt.Sprintf(`SELECT organization, account, arrayJoin([booked, was_booked]) AS month, max(seq) FROM bookings
		WHERE (organization, account) IN (SELECT organization, account FROM asked) AND seq <= %d GROUP BY organization, account, month`, b.seq)
	return b.store.query(asked, sql, func(rows driver.Rows) error {
		var c cell
		var month int32
		var seq uint64
		err := rows.Scan(&c.organization, &c.account, &month, &seq)
		c.booked = tollbook.Month(month)
		b.corrected[c] = seq
		return err
	})
}

func cellOfBooking(b *tollbook.Booking) cell {
	return cell{b.Event.OrganizationID, b.Event.AccountID, b.Booked}
}

func cellOfRestated(t *tollbook.Restatement) cell {
	return cell{t.OrganizationID, t.AccountID, t.Month}
}

func cellOfWord(e *tollbook.BookedEvent) cell {
	return cell{e.OrganizationID, e.AccountID, e.Booked}
}

// decide decides a correction behind those before it.
func (b *booker) decide(ctx context.Context, r *correction) (err error) {
	before := len(b.accepted)
	if r.restates != nil {
		r.err, err = b.restate(ctx, r.restates)
	} else {
		err = b.book(ctx, r)
	}
	if len(b.accepted) > before {
		b.next++
	}
	return err
}

func (b *booker) book(ctx context.Context, r *correction) error {
	for i := range r.bookings {
		k := &r.bookings[i]
		o := b.outcome(k)
		if o == tollbook.Accepted && len(k.Charges) > 0 {
			if fits, err := b.fits(ctx, k); err != nil {
				return err
			} else if !fits {
				o = tollbook.TooManyRecords
			}
		}
		if o == tollbook.Accepted {
			b.accept(k)
		}
		r.outcomes[i] = o
	}
	return nil
}

// restate accepts all bookings of a restatement, or returns why none.
func (b *booker) restate(ctx context.Context, t *tollbook.Restatement) (why, _ error) {
	if b.corrected[cellOfRestated(t)] > seqOf(t.Seen) {
		return tollbook.ErrStale, nil
	}
	for i := range t.Bookings {
		if b.outcome(&t.Bookings[i]) != tollbook.Accepted {
			return tollbook.ErrStale, nil
		}
	}
	if fits, err := b.fitsAll(ctx, t); err != nil {
		return nil, err
	} else if !fits {
		return tollbook.NewError(tollbook.CodeTooManyRecords, fmt.Sprintf("The account's month would have more than %d records.", tollbook.MaxRecordsPerMonth)), nil
	}
	for i := range t.Bookings {
		b.accept(&t.Bookings[i])
	}
	return nil, nil
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

func (b *booker) accept(k *tollbook.Booking) {
	b.latest[k.Event.Claim] = latest{bookingRef(b.next, uint32(len(b.accepted))), k.Void != nil}
	b.corrected[cellOfBooking(k)] = b.next
	b.corrected[cellOfWord(k.Event)] = b.next
	b.accepted = append(b.accepted, booked{k, b.next})
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
	var seqs []uint64
	for _, k := range b.accepted {
		words.addBooking(k.Booking)
		seqs = append(seqs, k.seq)
	}
	batch := &sent{"fresh", append(words.bookingColumns(), sentColumn{"seq", "UInt64", seqs})}
	writer, err := s.random()
	if err != nil {
		return false, err
	}
	statement := fmt.Sprintf(`INSERT INTO bookings (%s, writer, epoch) WITH %s AS ending
		SELECT * REPLACE (arrayMap(x -> toInt128(x), increments) AS increments, arrayMap(x -> toInt128(x), was_increments) AS was_increments), toUInt64(%d), ending.1
		FROM fresh WHERE %s AND throwIf((SELECT max(seq) FROM bookings) != %d, '%s') = 0 ORDER BY item`, batch.names(), theEnd, writer, fence(b.under), b.seq, overtaken)
	var n uint64
	err = s.first(ctx, &placed{
		token: strconv.FormatUint(b.seq+1, 10), fresh: batch, insert: statement, writer: writer,
		look: fmt.Sprintf("SELECT countIf(writer = %d) FROM bookings WHERE seq = %d HAVING count() > 0", writer, b.seq+1),
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
