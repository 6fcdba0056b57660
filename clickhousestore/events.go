package clickhousestore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// instant is a point up to which words are read: events of the epochs before a
// cut, and bookings up to a seq.
type instant struct {
	cut, seq uint64
}

// instantAt returns the instant of a cut up to which everything is folded.
func (s *Store) instantAt(ctx context.Context, cut uint64) (instant, error) {
	i := instant{cut: cut}
	err := s.one(ctx, fmt.Sprintf("SELECT max(seq) FROM bookings WHERE epoch < %d", cut), &i.seq)
	return i, err
}

// counting returns a statement that reads the words that count, of the accounts
// for which of is true and for which which is true. A word counts as long as it
// is not replaced; one that adjusts replaces none.
func (i instant) counting(of, which string) string {
	came := fmt.Sprintf("SELECT %s FROM events WHERE %s AND %s AND epoch < %d AND %s", eventWord, of, which, i.cut, notRepeated)
	if i.seq == 0 {
		return "SELECT * FROM (" + came + ")"
	}
	replacing := fmt.Sprintf("FROM bookings WHERE %s AND adjusts = 0 AND seq <= %d", of, i.seq)
	return fmt.Sprintf(`SELECT * FROM (
		%[1]s AND claim GLOBAL NOT IN (SELECT claim %[2]s)
		UNION ALL SELECT %[3]s FROM bookings WHERE %[4]s AND %[5]s AND seq <= %[6]d AND notEmpty(lines)
			AND (adjusts = 1 OR (claim, seq) IN (SELECT claim, max(seq) %[2]s GROUP BY claim))
	)`, came, replacing, bookingWord, of, which, i.seq)
}

// words reads the words of a statement, with their charges, some at a time.
func (s *Store) words(ctx context.Context, sql string, some func([]tollbook.BookedEvent) error) error {
	const atOnce = 4096
	raw := make([]rawWord, 0, 256)
	flush := func() error {
		keys := map[lineKey]bool{}
		for i := range raw {
			for _, k := range raw[i].lines {
				keys[lineKey([]byte(k))] = true
			}
		}
		if err := s.loadLines(ctx, keys); err != nil {
			return err
		}
		events := make([]tollbook.BookedEvent, len(raw))
		for i := range raw {
			if err := raw[i].charge(&s.lines); err != nil {
				return err
			}
			events[i] = raw[i].event
		}
		raw = raw[:0]
		return some(events)
	}
	err := s.query(ctx, sql, func(rows driver.Rows) error {
		w, err := readWord(rows)
		if err != nil {
			return err
		}
		if raw = append(raw, w); len(raw) == atOnce {
			return flush()
		}
		return nil
	})
	if err != nil || len(raw) == 0 {
		return err
	}
	return flush()
}

// Events implements tollbook.Ledger. The order is that of the claims.
func (s *Store) Events(ctx context.Context, q tollbook.EventQuery) (page tollbook.EventPage, err error) {
	if q.Limit < 1 || q.Limit > tollbook.MaxBatch {
		return page, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("A page has 1 to %d events, not %d.", tollbook.MaxBatch, q.Limit))
	}
	behind, err := readPlace(&q)
	if err != nil {
		return page, err
	}
	at, err := s.fresh(ctx)
	if err != nil {
		return page, unavailable(err)
	}
	of, which, cuts, err := s.asked(ctx, &q)
	if err != nil || which == "" {
		return page, unavailable(err)
	}
	page.Cuts = cuts
	statement := fmt.Sprintf("%s WHERE %s ORDER BY claim, word_seq LIMIT %d", at.counting(of, which), behind, q.Limit+1)
	err = s.words(ctx, statement, func(some []tollbook.BookedEvent) error {
		page.Events = append(page.Events, some...)
		return nil
	})
	if err != nil {
		return tollbook.EventPage{}, unavailable(err)
	}
	if len(page.Events) > q.Limit {
		page.Events = page.Events[:q.Limit]
		page.Next = place(&q, &page.Events[q.Limit-1])
	}
	return page, nil
}

// asked returns which accounts and which of their words a query asks for; ""
// where there are none.
func (s *Store) asked(ctx context.Context, q *tollbook.EventQuery) (of, which string, cuts []tollbook.Cut, err error) {
	of = "1 = 1"
	if q.OrganizationID != "" {
		of = "organization = " + quote(q.OrganizationID)
	}
	if q.AccountID != "" {
		of += " AND account = " + quote(q.AccountID)
	}
	unrated := key16(lineKey{})
	cells := "(organization, account, booked) GLOBAL IN (SELECT organization, account, booked FROM tallies FINAL WHERE events > 0 AND " + of
	switch {
	case q.Unrated:
		return of, fmt.Sprintf("unrated > 0 AND %s AND line = %s)", cells, unrated), nil, nil
	case q.Late:
		late := fmt.Sprintf("home = %d AND booked > home", int32(q.Home))
		return of, fmt.Sprintf("%s AND lines[1] != %s AND %s AND %s)", late, unrated, cells, late), nil, nil
	}
	r, err := s.record(ctx, q.OrganizationID, q.Record)
	if err != nil {
		return "", "", nil, err
	}
	of += " AND account = " + quote(r.AccountID)
	which, cuts, err = s.within(ctx, q.OrganizationID, &r)
	return of, which, cuts, err
}

// within returns which words of its account are in a record, and where tiers
// cut them.
func (s *Store) within(ctx context.Context, organizationID string, r *tollbook.Record) (which string, cuts []tollbook.Cut, err error) {
	all := tallies{}
	keys := map[lineKey]bool{}
	err = s.query(ctx, fmt.Sprintf("SELECT organization, account, booked, home, line, toString(increments), events, version FROM tallies FINAL WHERE organization = %s AND account = %s",
		quote(organizationID), quote(r.AccountID)), func(rows driver.Rows) error {
		k, t, err := scanTally(rows)
		all[k], keys[k.line] = t, true
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if err := s.loadLines(ctx, keys); err != nil {
		return "", nil, err
	}
	g := group{cell{organizationID, r.AccountID, r.Month}, r.Grouping}
	made := &priced{group: g}
	cuts = all.price(&s.lines, all.inOrder(), map[group]*priced{g: made})
	homes := map[tollbook.Month][]string{}
	for k := range made.tallies {
		homes[k.home] = append(homes[k.home], key16(k.line))
	}
	var any []string
	for _, home := range slices.Sorted(maps.Keys(homes)) {
		any = append(any, fmt.Sprintf("home = %d AND hasAny(lines, [%s])", int32(home), strings.Join(homes[home], ", ")))
	}
	if len(any) == 0 {
		return "", nil, nil
	}
	return fmt.Sprintf("booked = %d AND (%s)", int32(r.Month), strings.Join(any, " OR ")), cuts, nil
}

// A place is behind which word a page of a query goes on: a hash of the query,
// the word's claim, its seq.
const placeBytes = 8 + 16 + 8

func binding(q *tollbook.EventQuery) [8]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %s %t %t %d", q.OrganizationID, q.AccountID, q.Record, q.Unrated, q.Late, q.Home))
	return [8]byte(sum[:8])
}

func place(q *tollbook.EventQuery, last *tollbook.BookedEvent) string {
	b := binding(q)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(append(b[:], last.Claim[:]...), seqOf(last.Ref)))
}

// readPlace returns the condition that is true for what is behind the place of
// a query.
func readPlace(q *tollbook.EventQuery) (string, error) {
	if q.After == "" {
		return "1 = 1", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.After)
	bound := binding(q)
	if err != nil || len(b) != placeBytes || [8]byte(b[:8]) != bound {
		return "", tollbook.NewError(tollbook.CodeInvalidRequest, "The cursor is not one of this query's.", tollbook.FieldError{Name: "cursor", Description: "is not one of this query's"})
	}
	return fmt.Sprintf("(claim, word_seq) > (%s, %d)", key16([16]byte(b[8:24])), binary.BigEndian.Uint64(b[24:])), nil
}

// MonthEvents implements tollbook.Ledger.
func (s *Store) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	at, err := s.fold(ctx)
	if err != nil {
		at = &freshness{}
	}
	return seenRef(at.seq), func(yield func(tollbook.BookedEvent, error) bool) {
		if err != nil {
			yield(tollbook.BookedEvent{}, unavailable(err))
			return
		}
		if len(q.AccountIDs) == 0 {
			return
		}
		of := fmt.Sprintf("organization = %s AND account IN (SELECT account FROM asked)", quote(q.OrganizationID))
		statement := at.counting(of, fmt.Sprintf("booked = %d", int32(q.Month))) + " WHERE adjusts = 0"
		asked, err := with(ctx, &sent{"asked", []sentColumn{{"account", "String", q.AccountIDs}}})
		if err != nil {
			yield(tollbook.BookedEvent{}, unavailable(err))
			return
		}
		err = s.words(asked, statement, func(some []tollbook.BookedEvent) error {
			for i := range some {
				if !yield(some[i], nil) {
					return errStopped
				}
			}
			return nil
		})
		if err != nil && err != errStopped {
			yield(tollbook.BookedEvent{}, unavailable(err))
		}
	}
}

var errNoEvent = tollbook.NewError(tollbook.CodeNotFound, "There is no such event.")

// History implements tollbook.Ledger.
func (s *Store) History(ctx context.Context, claim tollbook.Claim) (words []tollbook.BookedEvent, replaces *tollbook.BookedEvent, err error) {
	came, err := s.came(ctx, claim)
	if err != nil {
		return nil, nil, unavailable(err)
	}
	collect := func(some []tollbook.BookedEvent) error {
		words = append(words, some...)
		return nil
	}
	if err := s.words(ctx, fmt.Sprintf("SELECT %s FROM bookings WHERE %s AND claim = %s ORDER BY seq DESC LIMIT %d", bookingWord, came.account, key16(claim), tollbook.MaxWords), collect); err != nil {
		return nil, nil, unavailable(err)
	}
	if len(words) < tollbook.MaxWords {
		if err := s.words(ctx, fmt.Sprintf("SELECT %s FROM events WHERE %s", eventWord, came.row), collect); err != nil {
			return nil, nil, unavailable(err)
		}
	}
	err = s.words(ctx, fmt.Sprintf("SELECT %s FROM bookings WHERE stands_for = %s ORDER BY seq DESC, item DESC LIMIT 1", bookingWord, key16(claim)), func(some []tollbook.BookedEvent) error {
		replaces = &some[0]
		return nil
	})
	return words, replaces, unavailable(err)
}

// came tells where the row of an event is.
type came struct {
	account string // a condition: its account's
	row     string // a condition: it
}

func (s *Store) came(ctx context.Context, claim tollbook.Claim) (c came, err error) {
	key := key16(claim)
	// The claims last: what is folded meanwhile is not behind the last fold any more.
	statement := fmt.Sprintf(`SELECT organization, account, booked, epoch, batch, item FROM (
		SELECT organization, account, booked, epoch, batch, item FROM events WHERE epoch >= (SELECT max(cut) FROM folds) AND claim = %[1]s
		UNION ALL SELECT organization, account, booked, epoch, batch, item FROM claims WHERE claim = %[1]s
	) ORDER BY epoch, batch, item LIMIT 1`, key)
	err = errNoEvent
	failed := s.query(ctx, statement, func(rows driver.Rows) error {
		var organization, account string
		var booked int32
		var epoch, batch uint64
		var item uint32
		if err := rows.Scan(&organization, &account, &booked, &epoch, &batch, &item); err != nil {
			return err
		}
		err = nil
		c.account = fmt.Sprintf("organization = %s AND account = %s", quote(organization), quote(account))
		c.row = fmt.Sprintf("%s AND booked = %d AND claim = %s AND epoch = %d AND batch = %d AND item = %d", c.account, booked, key, epoch, batch, item)
		return nil
	})
	if failed != nil {
		return c, failed
	}
	return c, err
}
