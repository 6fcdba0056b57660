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
//
// Of several servers one does what the ledger alone says is due; the others do
// what is due because of what happened on them.
func (b *Book) Work(ctx context.Context) error {
	b.working.Lock()
	defer b.working.Unlock()
	return errors.Join(b.markDay(ctx), b.alone(ctx, b.workAlone))
}

// workAlone does what one server is to do. Two that do it come to the same, for
// one that has lost the lease may not have noticed yet:
//
//   - A month is closed, and its statement made, by a definition. Whoever comes
//     second is told that the definitions have moved on, reads the first one's and
//     decides that nothing is left to do.
//   - A re-rating restates a month as a whole under a fence: the second is told
//     that the events have been corrected, measures them again and finds nothing
//     that changes. It ends once, by a definition.
//   - An unrated event is taken up by a booking of its latest word: the second's
//     is stale.
//   - A firing's id is a hash of what crossed which threshold; the second finds
//     it there.
//   - A message to a receiver may be sent by both, with one id, as it may be sent
//     again after a crash: receivers are told at least once. That it has been
//     sent is defined once.
func (b *Book) workAlone(ctx context.Context, _ tenure) error {
	var failed error
	for _, part := range []func(context.Context) error{
		b.closeDue,
		b.resumeRerates,
		b.retryTakeUp,
		b.watch,
		b.deliver,
	} {
		failed = errors.Join(failed, part(ctx))
	}
	return failed
}
