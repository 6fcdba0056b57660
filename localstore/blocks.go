package localstore

import (
	"context"
	"fmt"

	"tollbook"
)

// blockReader reads bodies and keeps the block that it read last: events that
// were posted together mostly lie together.
type blockReader struct {
	s     *Store
	lines lineNumbers
	pos   uint64
	block *bodyBlock
	buf   []byte
}

func (r *blockReader) read(pos uint64) (*bodyBlock, error) {
	if r.block != nil && r.pos == pos {
		return r.block, nil
	}
	raw, err := r.s.journal.block(pos, &r.buf)
	if err != nil {
		return nil, fmt.Errorf("block at position %d of the log: %w", pos, err)
	}
	b, err := decodeBlock(raw, r.lines)
	if err != nil {
		return nil, fmt.Errorf("block at position %d of the log: %w", pos, err)
	}
	r.pos, r.block = pos, b
	return b, nil
}

// bodiesOf reads the events at places of the drill-down index.
func (s *Store) bodiesOf(ctx context.Context, at []indexed) ([]tollbook.BookedEvent, error) {
	outer, inner := blockReader{s: s, lines: s.views.lineOf}, blockReader{s: s, lines: s.views.lineOf}
	events := make([]tollbook.BookedEvent, 0, len(at))
	for _, e := range at {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := outer.read(e.at.block())
		if err != nil {
			return nil, err
		}
		event, err := eventOf(b, e.at.item(), &inner)
		if err != nil {
			return nil, fmt.Errorf("event at position %d of the log: %w", e.at.block(), err)
		}
		events = append(events, event)
	}
	return events, nil
}

// eventOf returns an event as it was accepted, or as it was booked later.
func eventOf(b *bodyBlock, item int, inner *blockReader) (tollbook.BookedEvent, error) {
	if b.kind == eventBlock {
		return b.event(item)
	}
	at, measured, err := b.booking(item)
	if err != nil {
		return tollbook.BookedEvent{}, err
	}
	original, err := inner.read(at.block())
	if err != nil {
		return tollbook.BookedEvent{}, err
	}
	e, err := original.event(at.item())
	e.Measured = measured
	return e, err
}
