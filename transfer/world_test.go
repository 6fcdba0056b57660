package transfer_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/clickhousetest"
	"tollbook/localstore"
	"tollbook/storetest"
	"tollbook/transfer"
)

// place is where a ledger's data is.
type place interface {
	open(t testing.TB) tollbook.Ledger
}

// crashFS is a file system in memory of which can be taken what a power failure
// leaves. A MemFS takes one lock twice in Link: a clone waits for links to end.
type crashFS struct {
	*vfs.MemFS
	links sync.RWMutex
}

func (fs *crashFS) Link(oldname, newname string) error {
	fs.links.RLock()
	defer fs.links.RUnlock()
	return fs.MemFS.Link(oldname, newname)
}

func (fs *crashFS) crash(random *rand.Rand) *crashFS {
	fs.links.Lock()
	defer fs.links.Unlock()
	return &crashFS{MemFS: fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})}
}

// memory is a data directory in memory.
type memory struct{ fs *crashFS }

func newMemory(testing.TB) place { return memory{&crashFS{MemFS: vfs.NewCrashableMem()}} }

func (m memory) open(t testing.TB) tollbook.Ledger {
	t.Helper()
	s, err := localstore.Open("data", localstore.Options{FS: m.fs, Create: true, TableEvents: 200, CheckpointEvents: 700, SegmentBytes: 64 << 10, MarkBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// copying is a storetest.Driver whose data is copied into another place each
// time it is opened: what the suite asks is answered by copies of copies.
type copying struct {
	places []func(t testing.TB) place // where to, in turn
	turn   int
	now    place
	random *rand.Rand
	once   sync.Map // what Once remembers, which is not copied
}

func newCopying(places ...func(t testing.TB) place) *copying {
	return &copying{places: places, random: rand.New(rand.NewPCG(7, 7))}
}

// Thin implements storetest.Thinner.
func (c *copying) Thin() bool { return !clickhousetest.Whole() }

// Open implements storetest.Driver.
func (c *copying) Open(t testing.TB) tollbook.Ledger {
	t.Helper()
	from := c.now
	if from != nil && strings.HasSuffix(t.Name(), "/GoesOnBehindEveryChapter") {
		t.Skip("a copy's journal has places of its own")
	}
	c.now = c.places[c.turn%len(c.places)](t)
	c.turn++
	if from != nil {
		source := from.open(t)
		c.copy(t, source)
		must(t, source.Close())
	}
	return newDense(t, c.now.open(t), &c.once)
}

// copy copies, killed now and then and begun again, and compares.
func (c *copying) copy(t testing.TB, source tollbook.Ledger) {
	t.Helper()
	var saved transfer.State
	for calls := 1 + c.random.IntN(8); ; calls *= 2 {
		to := c.now.open(t)
		o := transfer.Options{State: saved, SaveEvery: 1 + c.random.IntN(400), Wait: noWait, Save: func(s transfer.State) error {
			saved = s
			return nil
		}}
		killed := &faulty{Ledger: to, left: calls, behind: c.random.IntN(2) == 0}
		_, err := transfer.Copy(t.Context(), source, killed, o)
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		if err == nil {
			wantSame(t, source, to)
		}
		// What the power leaves, where that fails, is what is gone on with.
		if m, ok := c.now.(memory); ok && err != nil {
			c.now = memory{m.fs.crash(c.random)}
		}
		must(t, to.Close())
		if err == nil {
			return
		}
	}
}

func wantSame(t testing.TB, a, b tollbook.Ledger) *transfer.Report {
	t.Helper()
	r, err := transfer.Compare(t.Context(), a, b, nil)
	must(t, err)
	for _, d := range r.Differences {
		t.Error(d)
	}
	if r.Found > 0 {
		t.Fatalf("%d differences", r.Found)
	}
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

var errKilled = errors.New("killed")

// faulty is a ledger whose calls that write all fail once there were so many of
// them; the last one may have been done.
type faulty struct {
	tollbook.Ledger
	mu     sync.Mutex
	left   int
	behind bool  // the last call is done
	err    error // nil: errKilled
	once   bool  // only that call fails
}

// call does something that writes.
func (f *faulty) call(do func() error) error {
	f.mu.Lock()
	f.left--
	left := f.left
	f.mu.Unlock()
	if left > 0 || left < 0 && f.once {
		return do()
	}
	if left == 0 && f.behind {
		if err := do(); err != nil {
			return err
		}
	}
	if f.err != nil {
		return f.err
	}
	return errKilled
}

func (f *faulty) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (pos tollbook.Pos, err error) {
	return pos, f.call(func() error {
		pos, err = f.Ledger.Define(ctx, head, defs)
		return err
	})
}

func (f *faulty) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) (outcomes []tollbook.Outcome, err error) {
	err = f.call(func() (err error) {
		outcomes, err = f.Ledger.Post(ctx, under, entries)
		return err
	})
	return outcomes, err
}

func (f *faulty) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) (outcomes []tollbook.Outcome, err error) {
	err = f.call(func() (err error) {
		outcomes, err = f.Ledger.Book(ctx, under, bookings)
		return err
	})
	return outcomes, err
}

func (f *faulty) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	return f.call(func() error { return f.Ledger.Restate(ctx, under, r) })
}

func (f *faulty) JournalEnd(ctx context.Context) (end string, err error) {
	err = f.call(func() (err error) {
		end, err = f.Ledger.JournalEnd(ctx)
		return err
	})
	return end, err
}

// dense is a ledger whose definitions are numbered from 1 without gaps, whatever
// positions they have; the suite knows them by these when it goes on with a copy.
type dense struct {
	tollbook.Ledger
	mu   sync.Mutex
	pos  []tollbook.Pos // by number - 1
	seen *sync.Map
}

func newDense(t testing.TB, l tollbook.Ledger, seen *sync.Map) tollbook.Ledger {
	d := &dense{Ledger: l, seen: seen}
	must(t, d.learn(t.Context()))
	return d
}

// learn reads the positions that are not known yet.
func (d *dense) learn(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for def, err := range d.Ledger.Definitions(ctx, d.posOf(tollbook.Pos(len(d.pos)))) {
		if err != nil {
			return err
		}
		d.pos = append(d.pos, def.Pos)
	}
	return nil
}

// posOf returns the position of a number; one that is unknown has none that is
// known.
func (d *dense) posOf(n tollbook.Pos) tollbook.Pos {
	switch {
	case n == 0:
		return 0
	case int(n) > len(d.pos):
		return 1 << 40
	}
	return d.pos[n-1]
}

func (d *dense) at(n tollbook.Pos) tollbook.Pos {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.posOf(n)
}

func (d *dense) number(pos tollbook.Pos) tollbook.Pos {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, p := range d.pos {
		if p == pos {
			return tollbook.Pos(i + 1)
		}
	}
	return 0
}

func (d *dense) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	pos, err := d.Ledger.Define(ctx, d.at(head), defs)
	if err == nil {
		err = d.learn(ctx)
	}
	if err != nil {
		return 0, err
	}
	for i := range defs {
		defs[i].Pos = d.number(defs[i].Pos)
	}
	return d.number(pos), nil
}

func (d *dense) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return func(yield func(tollbook.Definition, error) bool) {
		if err := d.learn(ctx); err != nil {
			yield(tollbook.Definition{}, err)
			return
		}
		for def, err := range d.Ledger.Definitions(ctx, d.at(after)) {
			def.Pos = d.number(def.Pos)
			if !yield(def, err) {
				return
			}
		}
	}
}

func (d *dense) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	return d.Ledger.Post(ctx, d.at(under), entries)
}

func (d *dense) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	return d.Ledger.Book(ctx, d.at(under), bookings)
}

func (d *dense) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	return d.Ledger.Restate(ctx, d.at(under), r)
}

func (d *dense) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	q.AsOf = d.at(q.AsOf)
	return d.Ledger.Records(ctx, q)
}

func (d *dense) Once(_ context.Context, key [16]byte, _ time.Time) (bool, error) {
	_, seen := d.seen.LoadOrStore(key, true)
	return !seen, nil
}

var _ storetest.Driver = (*copying)(nil)
