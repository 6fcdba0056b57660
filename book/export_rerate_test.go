package book

import "context"

// Reload loads the definitions behind those that are known.
func (b *Book) Reload(ctx context.Context) error { return b.reload(ctx) }
