package storetest

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"tollbook"
)

// Model is a tollbook.Ledger made of a list of words, rational numbers and
// linear scans: what it answers is worked out from what it was told. It keeps
// nothing on disk and is slow on purpose: it is the judge of the other ledgers,
// so it must be right at a glance.
type Model struct {
	mu       sync.Mutex
	defs     []tollbook.Definition
	requests map[[16]byte]tollbook.Pos
	words    []*word              // in the order in which they were said
	now      *state               // what they come to
	marks    map[tollbook.Pos]int // how many words had been said before each
	behind   []int                // the same of each definition
	calls    int                  // of Book and Restate
	past     map[int]*state       // what the first so many words come to, where that was asked
	seen     map[[16]byte]bool
	leases   map[string]*modelLease
}

// word is what was said of an event: that it came, or a correction of it. Its
// Ref is its place in Model.words, from 1.
type word struct {
	tollbook.BookedEvent
	normal   []byte
	call     int  // of a correction: the one that made it
	together bool // it was a Restate
}

// NewModel returns an empty model.
func NewModel() *Model {
	return &Model{
		requests: map[[16]byte]tollbook.Pos{}, now: newState(), marks: map[tollbook.Pos]int{}, past: map[int]*state{}, seen: map[[16]byte]bool{},
	}
}

func (m *Model) head() tollbook.Pos { return tollbook.Pos(len(m.defs)) }

// Define implements tollbook.Ledger.
func (m *Model) Define(_ context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if head != m.head() {
		return 0, tollbook.ErrMoved
	}
	for i := range defs {
		d := &defs[i]
		if pos, ok := m.requests[d.RequestID]; ok {
			d.Pos = pos
			continue
		}
		d.Pos = m.head() + 1
		m.requests[d.RequestID] = d.Pos
		kept := *d
		kept.Body = bytes.Clone(d.Body)
		m.defs = append(m.defs, kept)
		m.behind = append(m.behind, len(m.words))
		if d.Kind == tollbook.KindMark {
			m.marks[d.Pos] = len(m.words)
		}
	}
	return m.head(), nil
}

// Definitions implements tollbook.Ledger.
func (m *Model) Definitions(_ context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	m.mu.Lock()
	defs := slices.Clone(m.defs)
	m.mu.Unlock()
	return func(yield func(tollbook.Definition, error) bool) {
		for _, d := range defs {
			if d.Pos > after && !yield(d, nil) {
				return
			}
		}
	}
}

// Post implements tollbook.Ledger.
func (m *Model) Post(_ context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if under != m.head() {
		return nil, tollbook.ErrMoved
	}
	var outcomes []tollbook.Outcome
	for i := range entries {
		outcomes = append(outcomes, m.post(&entries[i]))
	}
	return outcomes, nil
}

func (m *Model) post(e *tollbook.Entry) tollbook.Outcome {
	if last := m.now.latest(e.Claim); last != nil {
		if bytes.Equal(last.normal, e.Normal) {
			return tollbook.Duplicate
		}
		return tollbook.Conflict
	}
	w := acceptance(e)
	if !m.now.fits(w) {
		return tollbook.TooManyRecords
	}
	m.say(w)
	return tollbook.Accepted
}

// acceptance returns the word that an entry's event came.
func acceptance(e *tollbook.Entry) *word {
	w := &word{normal: bytes.Clone(e.Normal)}
	w.Event = *e.Event
	w.Attributes = slices.Clone(e.Event.Attributes)
	w.OrganizationID, w.Claim, w.Home, w.Booked = e.OrganizationID, e.Claim, e.Home, e.Booked
	w.measured(&e.Measured)
	return w
}

func (w *word) measured(m *tollbook.Measured) {
	w.Measured = *m
	w.Charges = slices.Clone(m.Charges)
}

// say adds a word to the list and to what the words come to.
func (m *Model) say(w *word) {
	m.words = append(m.words, w)
	w.Ref = tollbook.Ref(len(m.words))
	if w.Came == 0 {
		w.Came = w.Ref
	}
	m.now.say(w)
}

// Book implements tollbook.Ledger.
func (m *Model) Book(_ context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if under != m.head() {
		return nil, tollbook.ErrMoved
	}
	m.calls++
	var outcomes []tollbook.Outcome
	for i := range bookings {
		w, outcome := m.correction(&bookings[i])
		if outcome == tollbook.Accepted && !m.now.fits(w) {
			outcome = tollbook.TooManyRecords
		}
		if outcome == tollbook.Accepted {
			m.say(w)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// correction returns the word that a booking says, if it may.
func (m *Model) correction(b *tollbook.Booking) (*word, tollbook.Outcome) {
	last := m.now.latest(b.Event.Claim)
	switch {
	case last == nil:
		return nil, tollbook.NotFound
	case last.Ref != b.Event.Ref || last.Void != nil:
		return nil, tollbook.Stale
	}
	w := *last
	w.call, w.together = m.calls, false
	w.Booked, w.Adjusts = b.Booked, b.Adjusts
	w.measured(&b.Measured)
	if b.Void != nil {
		void := *b.Void
		w.Void = &void
	}
	return &w, tollbook.Accepted
}

// Restate implements tollbook.Ledger.
func (m *Model) Restate(_ context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := tollbook.CheckRestated(len(r.Bookings)); err != nil {
		return err
	}
	if under != m.head() {
		return tollbook.ErrMoved
	}
	if m.now.corrected[accountMonth{r.AccountID, r.Month}] > r.Seen {
		return tollbook.ErrStale
	}
	var words []*word
	for i := range r.Bookings {
		w, outcome := m.correction(&r.Bookings[i])
		if outcome != tollbook.Accepted {
			return tollbook.ErrStale
		}
		words = append(words, w)
	}
	if !m.now.fits(words...) {
		return tollbook.NewError(tollbook.CodeTooManyRecords, "the month would have too many records")
	}
	m.calls++
	for _, w := range words {
		w.call, w.together = m.calls, true
		m.say(w)
	}
	return nil
}

// Once implements tollbook.Ledger. The model never forgets a key.
func (m *Model) Once(_ context.Context, key [16]byte, _ time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.seen[key]
	m.seen[key] = true
	return first, nil
}

// Settle implements tollbook.Ledger.
func (m *Model) Settle(context.Context) error { return nil }

// Ready implements tollbook.Ledger.
func (m *Model) Ready(context.Context) error { return nil }

// Close implements tollbook.Ledger. A closed model can be used on: it stands
// for data that is opened again.
func (m *Model) Close() error { return nil }
