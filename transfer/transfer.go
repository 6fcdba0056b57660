// Package transfer copies a ledger into another one, of whatever kind the two
// are, and compares them.
//
// The source tells everything that it was told, in chapters; the destination is
// told the same by the methods that everybody uses, so what it makes of it is
// counted by its own rules. A copy that was cut off goes on: from time to time it
// saves how far both are. What the destination got behind that is looked at first,
// must be what the source says there, and is not written again. Definitions
// and events could not come in twice in any case; corrections could, and the
// number of those that are there tells with which to go on.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook"
)

// State is how far a copy was when it was last saved. The zero State is that of
// one that has not begun.
type State struct {
	Begun   bool         `json:"begun"`
	Read    string       `json:"read"`    // Next of the source's last chapter that is in the destination
	Written string       `json:"written"` // JournalEnd of the destination then
	Head    tollbook.Pos `json:"head"`    // its last definition then
}

// Options of a Copy.
type Options struct {
	State State             // that was saved last
	Save  func(State) error // makes a state durable; nil: nothing can be gone on with
	// SaveEvery is behind how many definitions, events and bookings the state is
	// saved. Default: 200,000.
	SaveEvery int
	Told      func(done, total int64) // hears how far the source has been read; nil: nobody
	// Wait waits before something is tried again. Default: as long as it is told.
	Wait func(ctx context.Context, d time.Duration) error
}

// Copied is what a Copy has read of the source.
type Copied struct {
	Definitions, Events, Bookings int64
}

const (
	defaultSaveEvery = 200_000
	postsAtOnce      = 4

	// What fails for now is tried again so often without getting any further,
	// after waits that double up to maxWait.
	maxTries  = 10
	firstWait = 100 * time.Millisecond
	maxWait   = 15 * time.Second
)

// Copy has everything that is written down in a ledger written in another one,
// which is empty, or holds what an earlier Copy of the same ledger left. An
// *Error with CodeConflict: it holds something else.
func Copy(ctx context.Context, from, to tollbook.Ledger, o Options) (Copied, error) {
	if o.SaveEvery <= 0 {
		o.SaveEvery = defaultSaveEvery
	}
	if o.Save == nil {
		o.Save = func(State) error { return nil }
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	c := &copier{from: from, to: to, o: o, state: o.State}
	backOff := firstWait
	for tries := 1; ; tries++ {
		before := c.state
		err := c.pass(ctx)
		switch {
		case err == nil:
			return c.copied, nil
		case ctx.Err() != nil:
			return c.copied, ctx.Err()
		case !forNow(err):
			return c.copied, err
		}
		if c.state != before {
			tries, backOff = 1, firstWait
		}
		if tries == maxTries {
			return c.copied, fmt.Errorf("given up after %d tries: %w", tries, err)
		}
		if err := o.Wait(ctx, backOff); err != nil {
			return c.copied, err
		}
		backOff = min(2*backOff, maxWait)
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forNow tells whether an error is one behind which it may be looked again
// where both are.
func forNow(err error) bool {
	if errors.Is(err, tollbook.ErrMoved) || errors.Is(err, tollbook.ErrStale) {
		return true
	}
	code := tollbook.CodeOf(err)
	return code == tollbook.CodeTooManyRequests || code == tollbook.CodeUnavailable
}

// copier is a Copy under way.
type copier struct {
	from, to tollbook.Ledger
	o        Options
	state    State // that was saved last
	copied   Copied

	read   string       // as State has it, by now
	head   tollbook.Pos // of the destination
	unsent int          // definitions, events and bookings since the state was saved
	there  int          // bookings that come next and are there already
	seen   tollbook.Ref // of the destination, for restatements
	posts  *errgroup.Group
	ctx    context.Context // of posts
}

// maxRounds is how often the journal of a source that is written to meanwhile is
// read to its end.
const maxRounds = 10

// pass goes on from the state that was saved last to the source's end.
func (c *copier) pass(ctx context.Context) error {
	c.read, c.head, c.unsent, c.there, c.seen = c.state.Read, c.state.Head, 0, 0, 0
	c.copied = Copied{}
	if !c.state.Begun {
		if err := c.begin(ctx); err != nil {
			return err
		}
	} else if err := c.resume(ctx); err != nil {
		return err
	}
	for d, err := range c.to.Definitions(ctx, c.head) {
		if err != nil {
			return err
		}
		c.head = d.Pos
	}
	c.startPosts(ctx)
	for range maxRounds {
		chapters := 0
		for ch, err := range c.from.Journal(ctx, c.read) {
			if err == nil {
				err = c.chapter(ctx, &ch)
			}
			if err != nil {
				return errors.Join(err, c.posts.Wait())
			}
			chapters++
		}
		if err := c.save(ctx); err != nil {
			return err
		}
		if chapters == 0 {
			break
		}
	}
	return nil
}

// begin begins a copy, in an empty destination.
func (c *copier) begin(ctx context.Context) error {
	for ch, err := range c.to.Journal(ctx, "") {
		if err != nil {
			return err
		}
		return conflict("The destination is not empty, and no copy was begun in it: it holds %s.", describe(&ch))
	}
	return c.saveState(ctx)
}

// chapter writes a chapter and goes on behind it.
func (c *copier) chapter(ctx context.Context, ch *tollbook.Chapter) error {
	var err error
	switch {
	case c.ctx.Err() != nil: // one of the posts has failed
		err = c.endPosts(ctx)
	case len(ch.Definitions) > 0:
		err = c.define(ctx, ch.Definitions)
		c.copied.Definitions += int64(len(ch.Definitions))
	case len(ch.Entries) > 0:
		c.post(ch.Entries)
		c.copied.Events += int64(len(ch.Entries))
	default:
		err = c.bookings(ctx, ch)
		c.copied.Bookings += int64(len(ch.Bookings))
	}
	if err != nil {
		return err
	}
	c.read = ch.Next
	if c.o.Told != nil {
		c.o.Told(ch.Done, ch.Total)
	}
	if c.unsent += ch.Len(); c.unsent < c.o.SaveEvery {
		return nil
	}
	return c.save(ctx)
}

// save has the state saved, of what was begun so far.
func (c *copier) save(ctx context.Context) error {
	if err := c.endPosts(ctx); err != nil {
		return err
	}
	if c.unsent == 0 {
		return nil
	}
	c.unsent = 0
	return c.saveState(ctx)
}

func (c *copier) saveState(ctx context.Context) error {
	end, err := c.to.JournalEnd(ctx)
	if err != nil {
		return err
	}
	state := State{Begun: true, Read: c.read, Written: end, Head: c.head}
	if err := c.o.Save(state); err != nil {
		return err
	}
	c.state = state
	return nil
}

func (c *copier) startPosts(ctx context.Context) {
	c.posts, c.ctx = errgroup.WithContext(ctx)
	c.posts.SetLimit(postsAtOnce)
}

// endPosts waits for the posts that are under way.
func (c *copier) endPosts(ctx context.Context) error {
	err := c.posts.Wait()
	c.startPosts(ctx)
	return err
}

// post has entries posted beside others: between two definitions or bookings
// events may come in any order.
func (c *copier) post(entries []tollbook.Entry) {
	ctx, under := c.ctx, c.head
	c.posts.Go(func() error {
		outcomes, err := c.to.Post(ctx, under, entries)
		for i, o := range outcomes {
			e := &entries[i]
			switch o {
			case tollbook.Accepted, tollbook.Duplicate:
			case tollbook.Conflict:
				return conflict("The destination holds something else under the name of event %q of source %q, organization %s.", e.Event.ID, e.Event.Source, e.OrganizationID)
			default:
				return tooManyRecords(e.OrganizationID, e.Event.AccountID, e.Booked)
			}
		}
		return err
	})
}

func (c *copier) define(ctx context.Context, defs []tollbook.Definition) error {
	if err := c.endPosts(ctx); err != nil {
		return err
	}
	head, err := c.to.Define(ctx, c.head, defs)
	if err != nil {
		return err
	}
	c.head = head
	return nil
}

func conflict(format string, args ...any) error {
	return tollbook.NewError(tollbook.CodeConflict, fmt.Sprintf(format, args...))
}

// tooManyRecords says that a month which the source has is one too many for the
// destination: several servers may have passed the bound together.
func tooManyRecords(organizationID, accountID string, m tollbook.Month) error {
	return tollbook.NewError(tollbook.CodeTooManyRecords, fmt.Sprintf("The month %s of account %s, organization %s, has more records on the way than the destination takes (%d).", m, accountID, organizationID, tollbook.MaxRecordsPerMonth))
}
