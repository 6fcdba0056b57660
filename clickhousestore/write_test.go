package clickhousestore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tollbook"
)

// TestWriteIsGivenUp: a statement that takes too long is not the caller's context
// that has ended.
func TestWriteIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		if err := write(t.Context(), 1, hang); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
			t.Errorf("given up with %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := write(ctx, 1, hang); err != context.DeadlineExceeded {
			t.Errorf("the caller's own ends with %v", err)
		}
	})
}
