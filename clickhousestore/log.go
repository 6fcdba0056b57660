package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// end is where the log ends.
type end struct {
	pos  uint64 // of the last entry
	head uint64 // of the last definition
}

// theEnd reads the last entry of the log inside another statement, at one
// instant: (pos, head).
const theEnd = "(SELECT (pos, head) FROM log ORDER BY pos DESC LIMIT 1)"

func (s *Store) readEnd(ctx context.Context) (e end, err error) {
	err = s.one(ctx, "SELECT pos, head FROM log ORDER BY pos DESC LIMIT 1", &e.pos, &e.head)
	return e, err
}

// moved is what a statement is refused with that came too late.
const moved = "tollbook: the log has moved on"

func isMoved(err error) bool {
	e, ok := errors.AsType[*clickhouse.Exception](err)
	return ok && strings.HasPrefix(e.Message, moved)
}

// entry is a row to be appended to the log.
type entry struct {
	kind      tollbook.Kind // 0: a cut
	requestID [16]byte
	at        time.Time
	actor, id string
	body      []byte
}

// overtaken is what a statement is refused with that others were faster than.
const overtaken = "tollbook: others were faster"

func isOvertaken(err error) bool {
	e, ok := errors.AsType[*clickhouse.Exception](err)
	return ok && strings.HasPrefix(e.Message, overtaken)
}

// appendLog appends entries behind an end and tells whether that was still the
// end. Of those who append behind one end ClickHouse takes the first, for the
// position is the token of the block; what lies there then tells whose it was.
func (s *Store) appendLog(ctx context.Context, behind end, entries []entry) (bool, error) {
	var pos, head []uint64
	var kind []uint8
	var request [][]byte
	var at, actor, id, body []string
	for i := range entries {
		e := &entries[i]
		pos = append(pos, behind.pos+1+uint64(i))
		if e.kind == 0 {
			head = append(head, behind.head)
		} else {
			head = append(head, pos[i])
		}
		kind, request = append(kind, uint8(e.kind)), append(request, e.requestID[:])
		at = append(at, e.at.UTC().Format(time.RFC3339Nano))
		actor, id, body = append(actor, e.actor), append(id, e.id), append(body, string(e.body))
	}
	fresh := &sent{"fresh", []sentColumn{
		{"pos", "UInt64", pos}, {"head", "UInt64", head}, {"kind", "UInt8", kind}, {"request_id", "FixedString(16)", request},
		{"at", "String", at}, {"actor", "String", actor}, {"id", "String", id}, {"body", "String", body},
	}}
	sql := fmt.Sprintf("INSERT INTO log (%s) SELECT %s FROM fresh WHERE throwIf(%s.1 != %d, '%s') = 0 ORDER BY pos", fresh.names(), fresh.names(), theEnd, behind.pos, moved)
	var there string
	err := s.first(ctx, &placed{
		token: strconv.FormatUint(behind.pos+1, 10), fresh: fresh, insert: sql,
		look: fmt.Sprintf("SELECT request_id FROM log WHERE pos = %d LIMIT 1", behind.pos+1),
	}, &there)
	if isMoved(err) {
		return false, nil
	}
	return there == string(request[0]), err
}

// maxSpoiled is how many tokens of a place in an order may be spoiled.
const maxSpoiled = 8

// placed is a block of rows that has a place in an order, which is its token.
type placed struct {
	token  string
	fresh  *sent  // that the statement reads; nil: nothing
	insert string // the statement
	look   string // a statement for one row of what lies in the place, if anything does
	writer uint64 // 0: none that a cut waits for
}

// first inserts a block and reads what lies in its place then: the block, or that
// of those who were faster.
func (s *Store) first(ctx context.Context, b *placed, values ...any) error {
	return eachToken(b.token, s.layout.replicated, func(token string) (there bool, err error) {
		if err := s.place(ctx, b, token); err != nil {
			return false, err
		}
		err = s.query(ctx, b.look, func(rows driver.Rows) error {
			there = true
			return rows.Scan(values...)
		})
		return there, err
	})
}

// eachToken calls insert with one token of a place after the other, until something
// lies there.
//
// A ClickHouse without replicas notes a token before it keeps the block. One that
// is killed in between, or whose disk is full, has noted it for nothing and takes
// no other block with it; nobody's would ever lie in that place. Whoever finds
// nothing there takes the place's next token, as everybody else will who comes.
func eachToken(token string, replicated bool, insert func(token string) (there bool, err error)) error {
	for n := range maxSpoiled {
		spoiled := ""
		if n > 0 {
			spoiled = fmt.Sprintf("/%d", n)
		}
		if there, err := insert(token + spoiled); there || err != nil {
			return err
		}
		if replicated { // where token and block are noted together
			break
		}
	}
	return fmt.Errorf("the block %s was taken, and is not there", token)
}

// place inserts a block under a token.
func (s *Store) place(ctx context.Context, b *placed, token string) error {
	var tables []*sent
	if b.fresh != nil {
		tables = append(tables, b.fresh)
	}
	insert, err := s.once(ctx, token, tables...)
	if err != nil {
		return err
	}
	statement := func(ctx context.Context) error { return s.exec(ctx, b.insert) }
	if b.writer == 0 {
		return statement(insert)
	}
	return write(insert, b.writer, statement)
}

// oneBlock is settings that have a statement insert its rows as one block, even
// where a user's profile is strict about blocks: ClickHouse keeps one after the
// other, and a server that is killed between two has kept a part of what is to be
// there whole or not at all.
func oneBlock() clickhouse.Settings {
	return clickhouse.Settings{
		"min_insert_block_size_rows":  math.MaxInt32,
		"min_insert_block_size_bytes": 0, // as many as it takes
		"max_insert_block_size":       math.MaxInt32,
		"max_insert_threads":          1,
	}
}

// once returns a context for an insert whose block is taken once for a token. A
// statement whose rows could come in several orders is refused with it.
func (s *Store) once(ctx context.Context, token string, tables ...*sent) (context.Context, error) {
	ctx, err := with(ctx, tables...)
	if err != nil {
		return nil, err
	}
	settings := oneBlock()
	settings["insert_deduplication_token"] = token
	settings["insert_deduplicate"] = 1
	settings["deduplicate_insert_select"] = "force_enable"
	settings["max_execution_time"] = statementTime.Seconds()
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings)), nil
}

// cut ends an epoch, where the log ended of late, and returns the position at
// which the next one begins.
func (s *Store) cut(ctx context.Context, e end) (uint64, error) {
	var id [16]byte
	if _, err := io.ReadFull(s.opts.Rand, id[:]); err != nil {
		return 0, err
	}
	for {
		ok, err := s.appendLog(ctx, e, []entry{{requestID: id}})
		if ok || err != nil {
			return e.pos + 1, err
		}
		if e, err = s.readEnd(ctx); err != nil {
			return 0, err
		}
	}
}

// Bounds on what is defined at once.
const (
	maxDefinitions     = 100_000
	maxDefinitionBytes = 256 << 20
)

// Define implements tollbook.Ledger. Cuts leave gaps between positions.
func (s *Store) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if len(defs) < 1 || len(defs) > maxDefinitions {
		return 0, tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("1 to %d definitions can be made at once, not %d.", maxDefinitions, len(defs)))
	}
	size := 0
	for i := range defs {
		size += len(defs[i].Body)
	}
	if size > maxDefinitionBytes {
		return 0, tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("The request is too large to be kept: %d bytes.", size))
	}
	for {
		e, err := s.readEnd(ctx)
		if err != nil {
			return 0, unavailable(err)
		}
		known, err := s.positions(ctx, defs)
		if err != nil {
			return 0, unavailable(err)
		}
		var fresh []entry
		next := tollbook.Pos(e.pos)
		for i := range defs {
			d := &defs[i]
			if _, there := known[d.RequestID]; !there {
				next++
				known[d.RequestID] = next
				fresh = append(fresh, entry{d.Kind, d.RequestID, d.At, d.Actor, d.ID, d.Body})
			}
		}
		if len(fresh) > 0 {
			if tollbook.Pos(e.head) != head {
				return 0, tollbook.ErrMoved
			}
			ok, err := s.appendLog(ctx, e, fresh)
			if err != nil {
				return 0, unavailable(err)
			}
			if !ok {
				continue
			}
			e.head = uint64(next)
		}
		for i := range defs {
			defs[i].Pos = known[defs[i].RequestID]
		}
		return tollbook.Pos(e.head), nil
	}
}

// positions returns where definitions are that are there already, by their
// request ids.
func (s *Store) positions(ctx context.Context, defs []tollbook.Definition) (map[[16]byte]tollbook.Pos, error) {
	var ids [][]byte
	for i := range defs {
		ids = append(ids, defs[i].RequestID[:])
	}
	ctx, err := with(ctx, &sent{"asked", []sentColumn{{"request_id", "FixedString(16)", ids}}})
	if err != nil {
		return nil, err
	}
	known := map[[16]byte]tollbook.Pos{}
	err = s.query(ctx, "SELECT request_id, pos FROM log WHERE kind > 0 AND request_id IN (SELECT request_id FROM asked)", func(rows driver.Rows) error {
		var id string
		var pos uint64
		if err := rows.Scan(&id, &pos); err != nil {
			return err
		}
		known[[16]byte([]byte(id))] = tollbook.Pos(pos)
		return nil
	})
	return known, err
}

// Definitions implements tollbook.Ledger.
func (s *Store) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return func(yield func(tollbook.Definition, error) bool) {
		sql := fmt.Sprintf("WITH (SELECT (count(), max(pos)) FROM log WHERE pos > %[1]d) AS behind SELECT pos, kind, request_id, at, actor, id, body, behind.1, behind.2 FROM log WHERE pos > %[1]d AND kind > 0 ORDER BY pos", after)
		told := false
		err := again(ctx, func() error {
			return s.query(ctx, sql, func(rows driver.Rows) error {
				var n, last uint64
				d, err := scanDefinition(rows, &n, &last)
				if err == nil && n != last-uint64(after) {
					err = errGap
				}
				if err == nil {
					if told = true; !yield(d, nil) {
						return errStopped
					}
				}
				return err
			})
		}, func() bool { return !told })
		if err != nil && !errors.Is(err, errStopped) {
			yield(tollbook.Definition{}, unavailable(err))
		}
	}
}

// errStopped is that whoever is given rows wants no more.
var errStopped = errors.New("the reader has stopped")

// errGap is that a replica has later entries of the log, and lacks one before them:
// positions have no gaps.
var errGap = fmt.Errorf("%w: an entry of the log", errShut)

// scanDefinition scans the columns of a definition; more may follow.
func scanDefinition(rows driver.Rows, more ...any) (d tollbook.Definition, err error) {
	var pos uint64
	var kind uint8
	var request, at, body string
	if err := rows.Scan(append([]any{&pos, &kind, &request, &at, &d.Actor, &d.ID, &body}, more...)...); err != nil {
		return d, err
	}
	d.Pos, d.Kind, d.RequestID, d.Body = tollbook.Pos(pos), tollbook.Kind(kind), [16]byte([]byte(request)), []byte(body)
	if d.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return d, fmt.Errorf("definition %d is damaged: %w", pos, err)
	}
	return d, nil
}

// knownMarks is the positions of marks up to where they have been read.
type knownMarks struct {
	marks []uint64 // ascending
	upTo  uint64
}

// load reads the marks up to a position, and up to where has been folded.
func (k *knownMarks) load(ctx context.Context, s *Store, upTo uint64) (folded uint64, err error) {
	var fresh []uint64
	sql := fmt.Sprintf("SELECT (SELECT max(cut) FROM folds), arraySort(groupArrayIf(pos, kind = %d)), count() FROM log WHERE pos > %d AND pos <= %d", tollbook.KindMark, k.upTo, upTo)
	err = again(ctx, func() error {
		var n uint64
		err := s.one(ctx, sql, &folded, &fresh, &n)
		if err == nil && upTo > k.upTo && n != upTo-k.upTo {
			err = errGap
		}
		return err
	}, nil)
	if err == nil && upTo > k.upTo {
		k.marks, k.upTo = append(k.marks, fresh...), upTo
	}
	return folded, err
}

// last returns the last mark at or before a position, 0 for none.
func (k *knownMarks) last(pos uint64) uint64 {
	i, found := slices.BinarySearch(k.marks, pos)
	switch {
	case found:
		return pos
	case i == 0:
		return 0
	}
	return k.marks[i-1]
}
