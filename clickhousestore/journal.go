package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// The journal follows the log: at each position first the definition, then the
// events of that epoch, then its bookings. Those of an epoch never correct what
// came in it, for a booking looks for its event among what is folded; and a later
// booking never is of an earlier epoch, for it has looked at the one before.

// chapterPlace is behind what a chapter ends: everything in front of a
// position of the log, the definition there, so many events of its epoch, and
// all bookings up to a seq.
type chapterPlace struct {
	pos, events, seq uint64
}

const chapterPrefix = "clickhouse-"

func (p chapterPlace) String() string {
	return fmt.Sprintf("%s%d-%d-%d", chapterPrefix, p.pos, p.events, p.seq)
}

var errNoPlace = tollbook.NewError(tollbook.CodeInvalidRequest, "This is no place in the ledger's journal.")

// parseChapterPlace reads what String made, and "", which is the start.
func parseChapterPlace(after string) (p chapterPlace, err error) {
	if after == "" {
		return p, nil
	}
	numbers := strings.Split(strings.TrimPrefix(after, chapterPrefix), "-")
	if len(numbers) != 3 {
		return p, errNoPlace
	}
	for i, n := range []*uint64{&p.pos, &p.events, &p.seq} {
		if *n, err = strconv.ParseUint(numbers[i], 10, 64); err != nil {
			return p, errNoPlace
		}
	}
	if p.String() != after {
		return p, errNoPlace
	}
	return p, nil
}

// JournalEnd implements tollbook.Ledger.
func (s *Store) JournalEnd(ctx context.Context) (string, error) {
	end, err := s.finish(ctx)
	return chapterPlace{pos: end.cut, seq: end.seq}.String(), unavailable(err)
}

// finish folds everything that was written before the call, definitions too, and
// returns the instant up to which nothing can come in any more.
func (s *Store) finish(ctx context.Context) (end instant, err error) {
	f, err := s.fold(ctx)
	if err != nil {
		return end, err
	}
	e, err := s.readEnd(ctx)
	if err == nil && e.head > f.cut {
		if _, err = s.cut(ctx, e); err == nil {
			f, err = s.fold(ctx)
		}
	}
	if err != nil {
		return end, err
	}
	return f.instant, nil
}

// Journal implements tollbook.Ledger.
func (s *Store) Journal(ctx context.Context, after string) iter.Seq2[tollbook.Chapter, error] {
	return func(yield func(tollbook.Chapter, error) bool) {
		at, err := parseChapterPlace(after)
		if err == nil {
			err = s.chapters(ctx, at, yield)
		}
		if err != nil && err != errStopped {
			yield(tollbook.Chapter{}, unavailable(err))
		}
	}
}

func (s *Store) chapters(ctx context.Context, at chapterPlace, yield func(tollbook.Chapter, error) bool) error {
	end, err := s.finish(ctx)
	if err != nil {
		return err
	}
	if at.pos > end.cut || at.seq > end.seq {
		return errNoPlace
	}
	r := &chapterReader{store: s, end: end, at: at, yield: yield}
	windows, err := r.windows(ctx)
	for i := 1; err == nil && i < len(windows); i++ {
		err = r.window(ctx, windows[i-1], windows[i])
	}
	if err != nil {
		return err
	}
	return r.give(r.parts.End())
}

// chapterReader puts what is written down into chapters.
type chapterReader struct {
	store *Store
	end   instant
	at    chapterPlace // behind what has been added
	skip  uint64       // events of the epoch of at that had been added before
	yield func(tollbook.Chapter, error) bool
	parts tollbook.Chapters

	done, total int64 // definitions, events and bookings
}

// rowsOfWindow is how many rows are put into order at once, where an epoch has
// no more.
const rowsOfWindow = 200_000

// windows returns positions of the log between which there are not many more
// rows than rowsOfWindow, the last one behind the end.
func (r *chapterReader) windows(ctx context.Context) ([]uint64, error) {
	bounds, rows := []uint64{r.at.pos}, uint64(0)
	sql := fmt.Sprintf(`SELECT at, sum(n) FROM (
		SELECT epoch AS at, count() AS n FROM events WHERE epoch < %[1]d GROUP BY epoch
		UNION ALL SELECT epoch AS at, count() AS n FROM bookings WHERE epoch < %[1]d GROUP BY epoch
		UNION ALL SELECT pos AS at, 1 AS n FROM log WHERE kind > 0 AND pos <= %[1]d
	) GROUP BY at ORDER BY at`, r.end.cut)
	err := r.store.query(ctx, sql, func(found driver.Rows) error {
		var at, n uint64
		if err := found.Scan(&at, &n); err != nil {
			return err
		}
		r.total += int64(n)
		if at < r.at.pos {
			r.done += int64(n)
			return nil
		}
		if rows += n; rows >= rowsOfWindow {
			bounds, rows = append(bounds, at+1), 0
		}
		return nil
	})
	if last := bounds[len(bounds)-1]; last <= r.end.cut {
		bounds = append(bounds, r.end.cut+1)
	}
	r.skip = r.at.events
	r.at.events = 0
	return bounds, err
}

// sortingBytes is how much memory ClickHouse puts rows into order in, before it
// does so on its disk.
const sortingBytes = 512 << 20

// window adds what is written down from a position of the log to before
// another one. Where it is left early, the driver reads on to the end of it: it
// is short, and a connection that is cut costs more.
func (r *chapterReader) window(ctx context.Context, from, to uint64) error {
	sorting := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_sort": sortingBytes}))
	behind := from
	if from == r.at.pos {
		behind++ // its definition has been added
	}
	definitions := startReading(r.store.definitionsIn(ctx, behind, min(to, r.end.cut+1)))
	defer definitions.stop()
	epochs := fmt.Sprintf("epoch >= %d AND epoch < %d", from, min(to, r.end.cut))
	events := startReading(r.store.wordsIn(sorting, fmt.Sprintf("SELECT %s, epoch FROM events WHERE %s AND %s ORDER BY epoch, organization, account, booked, claim", eventWord, epochs, notRepeated)))
	defer events.stop()
	bookings := startReading(r.store.wordsIn(sorting, fmt.Sprintf("SELECT %s, epoch FROM bookings WHERE %s AND seq > %d ORDER BY seq, item", bookingWord, epochs, r.at.seq)))
	defer bookings.stop()
	for {
		d, e, b := definitions.at, events.at, bookings.at
		var err error
		switch {
		case definitions.err != nil || events.err != nil || bookings.err != nil:
			return errors.Join(definitions.err, events.err, bookings.err)
		case d == ended && e == ended && b == ended:
			return nil
		case d <= e && d <= b:
			err = r.define(definitions)
		case e <= b:
			err = r.post(events)
		default:
			err = r.book(bookings)
		}
		if err != nil {
			return err
		}
	}
}

func (r *chapterReader) define(from *reading[tollbook.Definition]) error {
	d := from.value
	r.at.pos, r.at.events = from.at, 0
	from.next()
	return r.add(tollbook.Chapter{Definitions: []tollbook.Definition{d}}, len(d.Body))
}

func (r *chapterReader) post(from *reading[tollbook.BookedEvent]) error {
	w := from.value
	if from.at > r.at.pos {
		r.at.pos, r.at.events, r.skip = from.at, 0, 0
	}
	r.at.events++
	from.next()
	if r.skip > 0 {
		r.skip--
		r.done++
		return nil
	}
	normal := w.AppendNormal(nil)
	return r.add(tollbook.Chapter{Entries: []tollbook.Entry{{
		Event: &w.Event, OrganizationID: w.OrganizationID, Claim: w.Claim, Fingerprint: tollbook.Fingerprint(normal), Normal: normal,
		Home: w.Home, Booked: w.Booked, Measured: w.Measured,
	}}}, len(normal))
}

// book adds the bookings of one seq.
func (r *chapterReader) book(from *reading[tollbook.BookedEvent]) error {
	if from.at > r.at.pos {
		r.at.pos, r.at.events = from.at, 0
	}
	r.at.seq = seqOf(from.value.Ref)
	var words []tollbook.BookedEvent
	for from.at != ended && seqOf(from.value.Ref) == r.at.seq {
		words = append(words, from.value)
		from.next()
	}
	return r.add(tollbook.Chapter{Bookings: words, Together: tollbook.OfOneMonth(words)}, 0)
}

func (r *chapterReader) add(part tollbook.Chapter, bytes int) error {
	r.done += int64(part.Len())
	part.Next, part.Done, part.Total = r.at.String(), min(r.done, r.total), r.total
	return r.give(r.parts.Add(part, bytes))
}

// give yields a chapter, if there is something in it.
func (r *chapterReader) give(c tollbook.Chapter) error {
	if c.Len() > 0 && !r.yield(c, nil) {
		return errStopped
	}
	return nil
}
