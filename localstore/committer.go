package localstore

import (
	"context"
	"sync/atomic"
	"time"

	"tollbook"
	"tollbook/localstore/runs"
)

// request is a call that waits for the committer.
type request struct {
	kind   frameType
	state  atomic.Int32 // one of the states below
	done   chan struct{}
	err    error
	queued time.Time

	under    tollbook.Pos
	entries  []tollbook.Entry   // frameEvents
	hints    []hint             // frameEvents, of each entry
	bodies   bodies             // frameEvents, frameBookings
	probes   probes             // of the claims
	bookings []tollbook.Booking // frameBookings
	restates *restated          // frameBookings, of one account's month
	outcomes []tollbook.Outcome

	claims []tollbook.Claim // of a question: where is the latest word about each?
	at     []locator

	defs []tollbook.Definition // frameDefinitions
	head tollbook.Pos

	key   [16]byte // frameOnce
	until int64    // Unix seconds
	first bool
}

// The states of a request. Whoever moves it from requestQueued has it.
const (
	requestQueued int32 = iota
	requestTaken
	requestAbandoned
)

// errBusy is that a request has waited too long for its turn.
var errBusy = tollbook.NewError(tollbook.CodeTooManyRequests, "More is sent than the ledger can write for now; nothing of this was taken. Send it again.")

// do queues a request and waits for the answer. A caller whose context ends,
// or whose turn does not come, leaves only while the committer has not taken
// the request: nothing of it is stored then, and nothing is read after its
// call has returned.
func (s *Store) do(ctx context.Context, r *request) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.QueueWait, errBusy)
	defer cancel()
	r.done = make(chan struct{})
	r.queued = s.opts.Clock()
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	select {
	case s.queue <- r:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-r.done:
		return r.err
	case <-s.committed:
		return r.afterEnd()
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestQueued, requestAbandoned) {
			// Its place in the queue stays until the committer comes by.
			r.entries, r.bodies, r.probes, r.bookings, r.restates, r.defs = nil, bodies{}, probes{}, nil, nil, nil
			return context.Cause(ctx)
		}
		<-r.done
		return r.err
	}
}

// afterEnd returns the answer of a request when there is no committer any
// more: it may have come too late to be taken.
func (r *request) afterEnd() error {
	select {
	case <-r.done:
		return r.err
	default:
		return errClosed
	}
}

// committer is what only the committing goroutine uses.
type committer struct {
	numbers  *numbering
	head     tollbook.Pos // of the definitions, those of the group in hand included
	requests map[[16]byte]tollbook.Pos
	active   *table   // the table that is being filled
	tables   []*table // all of them when the group was begun, oldest first
	buf      []byte
	batches  []*batch // reused
	decided  []decided
	added    []int  // claims of the request in hand, by number in the table
	warmed   uint64 // see table.warm

	// stored is the runs, taken hold of when a group first asks for them.
	stored *runs.Snapshot
	find   *runs.Finder

	// corrected is where words about what counts in an account's month were
	// corrected last since the ledger was opened, at the position opened. What
	// was corrected before is not known.
	corrected map[cellKey]uint64
	opened    uint64

	onceRoom        int    // keys of Once at which those that are over are dropped
	sinceCheckpoint int    // events
	marked          uint64 // position of the last mark whose views are kept
}

// decided is a frame of the group in hand.
type decided struct {
	typ   frameType
	pos   uint64
	batch *batch
	defs  []tollbook.Definition
}

func (s *Store) commitLoop() {
	defer close(s.committed)
	var group []*request
	for {
		group = s.gather(group[:0])
		if group == nil {
			s.finish()
			return
		}
		s.busySince.Store(s.opts.Clock().UnixNano())
		s.commit(group)
		s.rotate()
		s.busySince.Store(0)
	}
}

// gather waits for a request and takes with it what else is queued. It
// returns nil once the store is closing and the queue is empty.
func (s *Store) gather(group []*request) []*request {
	var first *request
	select {
	case first = <-s.queue:
	case <-s.closing:
		select {
		case first = <-s.queue:
		default:
			return nil
		}
	}
	bytes := 0
	for r := first; ; {
		if r.state.CompareAndSwap(requestQueued, requestTaken) {
			group = append(group, r)
			bytes += r.bodies.bytes
		}
		if len(group) >= maxGroup || bytes >= maxGroupBytes {
			return group
		}
		select {
		case r = <-s.queue:
		default:
			if group == nil {
				group = []*request{}
			}
			return group
		}
	}
}

// commit decides a group, makes it durable, applies it and answers.
func (s *Store) commit(group []*request) {
	if len(group) == 0 {
		return
	}
	if err := s.unavailable(); err != nil {
		answer(group, err)
		return
	}
	c := &s.committer
	c.begin(s.views)
	defer c.end()
	for _, r := range group {
		if err := s.decide(r); err != nil {
			s.fail(err)
			answer(group, s.unavailable())
			return
		}
	}
	if len(c.buf) > 0 {
		if err := s.journal.append(c.buf); err != nil {
			s.fail(err)
			answer(group, s.unavailable())
			return
		}
		s.applyGroup()
	}
	s.metrics.committed(s, group)
	answer(group, nil)
}

// answer ends the requests of a group, all with err where there is one.
func answer(group []*request, err error) {
	for _, r := range group {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

// begin readies the committer for a group.
func (c *committer) begin(v *views) {
	v.mu.RLock()
	c.tables = append(c.tables[:0], v.tables...)
	v.mu.RUnlock()
	c.buf, c.decided = c.buf[:0], c.decided[:0]
}

// end lets go of what the group in hand took hold of.
func (c *committer) end() {
	if c.stored != nil {
		c.stored.Release()
		c.stored, c.find = nil, nil
	}
}

// finder returns what looks claims up in the runs.
func (c *committer) finder(set *runs.Set) *runs.Finder {
	if c.stored == nil {
		c.stored = set.Snapshot()
		c.find = c.stored.Finder()
	}
	return c.find
}

// decide puts what a request comes to behind the group. An error is one of
// reading the runs; what is wrong with the request is in r.err.
func (s *Store) decide(r *request) error {
	switch r.kind {
	case noFrame:
		return s.decideWhere(r)
	case frameEvents:
		return s.decidePost(r)
	case frameBookings:
		if r.restates != nil {
			return s.decideRestate(r)
		}
		return s.decideBook(r)
	case frameDefinitions:
		s.decideDefine(r)
	case frameOnce:
		s.decideOnce(r)
	}
	return nil
}

// newBatch returns an empty batch for the group in hand.
func (c *committer) newBatch(bookings bool, under tollbook.Pos) *batch {
	n := 0
	for i := range c.decided {
		if c.decided[i].batch != nil {
			n++
		}
	}
	if n == len(c.batches) {
		c.batches = append(c.batches, new(batch))
	}
	b := c.batches[n]
	b.reset(c.numbers, bookings, under)
	return b
}

// nextFrame returns the position of the log of the next frame of the group.
func (s *Store) nextFrame() uint64 { return s.journal.end + uint64(len(s.committer.buf)) }

// beginFrame makes room for a frame's header and returns where it starts in
// the buffer; endFrame fills the header in once the payload follows it.
func (c *committer) beginFrame() int {
	start := len(c.buf)
	c.buf = append(c.buf, make([]byte, frameHeaderBytes)...)
	return start
}

func (c *committer) endFrame(start int, typ frameType, group uint64) {
	putFrameHeader(c.buf[start:], typ, group+uint64(start), group)
}

// putBatch puts a batch behind the group, which starts at a position of the
// log, and says where the words about its claims are.
func (c *committer) putBatch(b *batch, of *bodies, group uint64) {
	typ := frameEvents
	if b.bookings {
		typ = frameBookings
	}
	start := c.beginFrame()
	kept := b.place(of.blocks, group+uint64(start)+frameHeaderBytes)
	for i, n := range c.added {
		c.active.claims[n].at = b.heads[i].at
	}
	c.buf = b.appendPayload(c.buf, kept)
	c.endFrame(start, typ, group)
	c.decided = append(c.decided, decided{typ: typ, batch: b})
}

// applyGroup makes what has become durable visible.
func (s *Store) applyGroup() {
	c, v := &s.committer, s.views
	for i := range c.decided {
		if b := c.decided[i].batch; b != nil {
			c.warmed += v.warm(b)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range c.decided {
		d := &c.decided[i]
		switch d.typ {
		case frameEvents, frameBookings:
			v.apply(d.batch, c.active, true)
			c.sinceCheckpoint += len(d.batch.heads)
			s.taken.Add(int64(len(d.batch.heads)))
		case frameDefinitions:
			s.keepMark(d)
			v.definitions.add(d.pos, d.defs)
		}
	}
	v.end = s.journal.end
}
