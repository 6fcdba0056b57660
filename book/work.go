package book

import (
	"context"
	"errors"
)

// actorServer stands for the client in what the server defines by itself.
const actorServer = "server"

// Work does what is due by now. It is to be called every few seconds, may be
// stopped at any point, and goes on where it was stopped: what is due follows
// from the clock and from what the ledger holds, and one part that fails keeps
// no other from its turn.
func (b *Book) Work(ctx context.Context) error {
	b.working.Lock()
	defer b.working.Unlock()
	var failed error
	for _, part := range []func(context.Context) error{
		b.closeDue,
		b.resumeRerates,
		b.retryTakeUp,
		b.markDay,
		b.watch,
		b.deliver,
	} {
		failed = errors.Join(failed, part(ctx))
	}
	return failed
}
