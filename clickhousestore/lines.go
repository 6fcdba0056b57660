package clickhousestore

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// lineKey is a Line's Key; that of an event without charges is all zero.
type lineKey [16]byte

// lineBook knows the lines that this server has met of late. They never change. A
// card has some hundred thousand at most; events that bring their own prices and
// texts have any number.
type lineBook struct {
	mu     sync.RWMutex
	lines  map[lineKey]*knownLine
	most   int       // beyond, some are let go
	age    uint32    // how often lines have been let go
	letGo  time.Time // the last time
	hotNow hotNumbers
}

type knownLine struct {
	*tollbook.Line
	stored bool          // it is known to be in the database
	used   atomic.Uint32 // the age in which it was asked for last
}

// touch notes that a line was asked for.
func (l *knownLine) touch(age uint32) {
	if l.used.Load() != age {
		l.used.Store(age)
	}
}

// hotNumbers are what hot calls the records of a month.
type hotNumbers struct {
	of     map[tollbook.Grouping]int // from 0
	ofLine map[lineKey]int           // of lines without tiers
}

func newHotNumbers() hotNumbers {
	return hotNumbers{map[tollbook.Grouping]int{}, map[lineKey]int{}}
}

func (b *lineBook) init() {
	b.lines, b.most = map[lineKey]*knownLine{}, manyLines
	b.hotNow = newHotNumbers()
}

// Beyond so many lines those that nobody has asked for are let go, so often: whoever
// loads lines is done with them long before.
const (
	manyLines  = 500_000
	letGoEvery = 10 * time.Minute
)

// thin lets lines go if there are many, for whoever has the turn to fold, and tells
// whether it has: numbers are given anew then.
func (b *lineBook) thin(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) <= b.most || now.Sub(b.letGo) < letGoEvery {
		return false
	}
	b.letGo = now
	maps.DeleteFunc(b.lines, func(_ lineKey, l *knownLine) bool { return l.used.Load() != b.age })
	b.age++
	b.hotNow = newHotNumbers()
	return true
}

// put has a line known, for whoever holds mu.
func (b *lineBook) put(k lineKey, l *tollbook.Line, stored bool) {
	known := b.lines[k]
	if known == nil {
		known = &knownLine{Line: l}
		b.lines[k] = known
	}
	known.stored = known.stored || stored
	known.touch(b.age)
}

// number returns the number of the grouping of a line that is known and has no
// tiers.
func (b *lineBook) number(k lineKey) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.hotNow
	n, there := h.ofLine[k]
	if !there {
		g := b.lines[k].Grouping
		if n, there = h.of[g]; !there {
			n = len(h.of)
			h.of[g] = n
		}
		h.ofLine[k] = n
	}
	return n
}

// store has lines written down that may not be yet. What names them follows.
func (s *Store) storeLines(ctx context.Context, lines func(yield func(*tollbook.Line) bool)) error {
	b := &s.lines
	fresh := map[lineKey]*tollbook.Line{}
	b.mu.RLock()
	for l := range lines {
		k := lineKey(l.Key())
		if known := b.lines[k]; known == nil || !known.stored {
			fresh[k] = l
		} else {
			known.touch(b.age)
		}
	}
	b.mu.RUnlock()
	if len(fresh) == 0 {
		return nil
	}
	var keys [][]byte
	var contents []string
	for k, l := range fresh {
		keys = append(keys, k[:])
		contents = append(contents, string(l.AppendBinary(nil)))
	}
	ctx, err := with(ctx, &sent{"fresh", []sentColumn{{"key", "FixedString(16)", keys}, {"content", "String", contents}}})
	if err != nil {
		return err
	}
	if err := s.exec(ctx, "INSERT INTO lines SELECT key, content FROM fresh"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, l := range fresh {
		b.put(k, l, true)
	}
	return nil
}

// loadLines has the lines of these keys known.
func (s *Store) loadLines(ctx context.Context, keys map[lineKey]bool) error {
	b := &s.lines
	var missing [][]byte
	b.mu.RLock()
	for k := range keys {
		if l := b.lines[k]; l != nil {
			l.touch(b.age)
		} else if k != (lineKey{}) {
			missing = append(missing, k[:])
		}
	}
	b.mu.RUnlock()
	if len(missing) == 0 {
		return nil
	}
	with, err := with(ctx, &sent{"missing", []sentColumn{{"key", "FixedString(16)", missing}}})
	if err != nil {
		return err
	}
	found := map[lineKey]*tollbook.Line{}
	err = s.query(with, "SELECT DISTINCT key, content FROM lines WHERE key IN (SELECT key FROM missing)", func(rows driver.Rows) error {
		var key, content string
		if err := rows.Scan(&key, &content); err != nil {
			return err
		}
		l, rest, err := tollbook.DecodeLine([]byte(content))
		if err != nil || len(rest) > 0 || string(keyOf(l)) != key {
			return fmt.Errorf("line %x is damaged: %w", key, err)
		}
		found[lineKey([]byte(key))] = l
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) < len(missing) {
		return fmt.Errorf("%d lines that events name are not in the database", len(missing)-len(found))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, l := range found {
		b.put(k, l, true)
	}
	return nil
}

// learn has a line known that may not be stored yet.
func (b *lineBook) learn(l *tollbook.Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(lineKey(l.Key()), l, false)
}

// line returns a line that is known, or nil.
func (b *lineBook) line(k lineKey) *tollbook.Line {
	b.mu.RLock()
	defer b.mu.RUnlock()
	l := b.lines[k]
	if l == nil {
		return nil
	}
	l.touch(b.age)
	return l.Line
}

func keyOf(l *tollbook.Line) []byte {
	k := l.Key()
	return k[:]
}
