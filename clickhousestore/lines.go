package clickhousestore

import (
	"context"
	"fmt"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// lineKey is a Line's Key; that of an event without charges is all zero.
type lineKey [16]byte

// lineBook knows the lines that this server has met. They never change and are
// few: a card has some hundred thousand at most.
type lineBook struct {
	mu     sync.RWMutex
	lines  map[lineKey]*tollbook.Line
	stored map[lineKey]bool // those known to be in the database

	numbers  map[tollbook.Grouping]int // of groupings, from 0
	numberOf map[lineKey]int           // of lines without tiers
}

func (b *lineBook) init() {
	b.lines, b.stored = map[lineKey]*tollbook.Line{}, map[lineKey]bool{}
	b.numbers, b.numberOf = map[tollbook.Grouping]int{}, map[lineKey]int{}
}

// number returns the number of the grouping of a line that is known and has no
// tiers.
func (b *lineBook) number(k lineKey) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, there := b.numberOf[k]
	if !there {
		g := b.lines[k].Grouping
		if n, there = b.numbers[g]; !there {
			n = len(b.numbers)
			b.numbers[g] = n
		}
		b.numberOf[k] = n
	}
	return n
}

// store has lines written down that may not be yet. What names them follows.
func (s *Store) storeLines(ctx context.Context, lines func(yield func(*tollbook.Line) bool)) error {
	b := &s.lines
	fresh := map[lineKey]*tollbook.Line{}
	b.mu.RLock()
	for l := range lines {
		if k := lineKey(l.Key()); !b.stored[k] {
			fresh[k] = l
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
		b.stored[k] = true
		if b.lines[k] == nil {
			b.lines[k] = l
		}
	}
	return nil
}

// loadLines has the lines of these keys known.
func (s *Store) loadLines(ctx context.Context, keys map[lineKey]bool) error {
	b := &s.lines
	var missing [][]byte
	b.mu.RLock()
	for k := range keys {
		if b.lines[k] == nil && k != (lineKey{}) {
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
		b.lines[k], b.stored[k] = l, true
	}
	return nil
}

// learn has a line known that may not be stored yet.
func (b *lineBook) learn(l *tollbook.Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := lineKey(l.Key()); b.lines[k] == nil {
		b.lines[k] = l
	}
}

// line returns a line that is known.
func (b *lineBook) line(k lineKey) *tollbook.Line {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.lines[k]
}

func keyOf(l *tollbook.Line) []byte {
	k := l.Key()
	return k[:]
}
