package book

import (
	"context"
	"encoding/json"
	"time"

	"tollbook"
)

// MarkedAt is a mark and when it was set. Every event acknowledged before that
// counts in what it answers.
type MarkedAt struct {
	Position tollbook.Pos `json:"position"`
	At       time.Time    `json:"at"`
	Reason   string       `json:"reason"` // tollbook.MarkClose, MarkRestatement or MarkDay
	Of       string       `json:"of"`     // the month that was closed, the re-rating, or the day

	organizationID string // "": everybody's
}

// markID names a mark in the list of definitions.
func markID(m tollbook.Mark) string {
	id := m.Reason + "/"
	if m.OrganizationID != "" {
		id += m.OrganizationID + "/"
	}
	return id + m.Of
}

func (s *state) applyMark(def *tollbook.Definition) error {
	var m tollbook.Mark
	if err := json.Unmarshal(def.Body, &m); err != nil {
		return err
	}
	s.marks = append(s.marks, MarkedAt{def.Pos, def.At, m.Reason, m.Of, m.OrganizationID})
	if m.Reason == tollbook.MarkDay {
		s.markedDay = m.Of
	}
	return nil
}

// markAt returns the last mark at or before an instant that the organization
// may know of: everybody's or its own.
func (v *View) markAt(at time.Time) (MarkedAt, error) {
	v.book.mu.RLock()
	defer v.book.mu.RUnlock()
	var next *MarkedAt
	for i := len(v.book.state.marks) - 1; i >= 0; i-- {
		m := &v.book.state.marks[i]
		if m.organizationID != "" && m.organizationID != v.organizationID {
			continue
		}
		if !m.At.After(at) {
			return *m, nil
		}
		next = m
	}
	if next == nil {
		return MarkedAt{}, badField("as_of", "cannot be answered: nothing has been marked yet")
	}
	return MarkedAt{}, badField("as_of", "is before the first mark, which is of "+next.At.UTC().Format(time.RFC3339Nano))
}

// markDay marks the day, once and only if something has been counted since the
// last time. Each server does, of what is counted there: the first is enough.
// One whose clock is behind another's does not go back to the day before.
func (b *Book) markDay(ctx context.Context) error {
	day := b.opt.Clock().UTC().Format(time.DateOnly)
	b.mu.RLock()
	marked := b.state.markedDay >= day
	b.mu.RUnlock()
	if marked || !b.counted.Swap(false) {
		return nil
	}
	err := b.define(ctx, scheduled, func(s *state) (definition, error) {
		if s.markedDay >= day { // by another server, which may not have had what is counted here
			b.counted.Store(true)
			return definition{}, nil
		}
		m := tollbook.Mark{Reason: tollbook.MarkDay, Of: day}
		return definition{tollbook.KindMark, markID(m), m}, nil
	})
	if err != nil {
		b.counted.Store(true)
	}
	return err
}
