package book

import "context"

// Reload loads the definitions behind those that are known.
func (b *Book) Reload(ctx context.Context) error { return b.reload(ctx) }

// ResumeRerates has re-ratings go on that were interrupted.
func (b *Book) ResumeRerates(ctx context.Context) error { return b.resumeRerates(ctx) }
