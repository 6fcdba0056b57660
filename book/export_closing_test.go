package book

import (
	"context"

	"tollbook"
)

// CloseDue closes what schedules say is due, and finishes what is not.
func (b *Book) CloseDue(ctx context.Context) error { return b.closeDue(ctx) }

// MarkDay marks the day, if it has to be.
func (b *Book) MarkDay(ctx context.Context) error { return b.markDay(ctx) }

// AppendCanonical appends the canonical line of a record.
func AppendCanonical(dst []byte, r *tollbook.Record) []byte { return appendCanonical(dst, r) }
