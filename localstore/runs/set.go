package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Bounds on how many runs there are.
const (
	// fanout is how many neighbours of a size are merged into one. An entry is
	// written once for each power of it that the number of runs has reached,
	// and a claim that was never seen is asked of up to fanout-1 filters for
	// each.
	fanout = 4
	// maxRuns is how many runs there may be before Add waits for a merge.
	maxRuns = 64
)

// Set is the runs of one directory. Its methods may be called concurrently,
// but for Add and Merge, each of which one caller at a time may call.
type Set struct {
	fs        vfs.FS
	dir       string
	firstSize uint64 // claims and entries that a run usually begins with

	mu      sync.Mutex
	current *version // guarded by mu

	merging   sync.Mutex // held while runs are merged
	leaveFree uint64     // see LeaveFree

	added chan struct{} // there may be something to merge
}

// version is the runs as they were at one time, oldest first.
type version struct {
	runs []*run
	refs atomic.Int32
}

const (
	extension = ".run"
	temporary = ".new"
)

func runName(start, end uint64) string { return fmt.Sprintf("%016x-%016x%s", start, end, extension) }

// parseName reads what runName returned.
func parseName(name string) (start, end uint64, ok bool) {
	first, last, found := strings.Cut(strings.TrimSuffix(name, extension), "-")
	start, err1 := strconv.ParseUint(first, 16, 64)
	end, err2 := strconv.ParseUint(last, 16, 64)
	return start, end, found && err1 == nil && err2 == nil && runName(start, end) == name && start < end
}

// Open opens the runs in a directory. firstSize is how many events a run
// usually has when it is added. What a merge or an Add that was cut short left
// behind is removed. An error with ErrDamaged in its chain means that the runs
// cannot be used; they can be made again from the log.
func Open(fs vfs.FS, dir string, firstSize int) (_ *Set, err error) {
	s := &Set{fs: fs, dir: dir, firstSize: uint64(firstSize), current: &version{}, added: make(chan struct{}, 1)}
	s.current.refs.Store(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	chain, leftovers, err := chainOf(names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, name := range leftovers {
		if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
			return nil, err
		}
	}
	for _, name := range chain {
		r, err := openRun(fs, fs.PathJoin(dir, name), name)
		if err != nil {
			return nil, err
		}
		r.refs.Store(1)
		s.current.runs = append(s.current.runs, r)
		if runName(r.start, r.end) != name {
			return nil, r.damaged("its name is not that of what it holds")
		}
	}
	return s, nil
}

// chainOf finds, among the names in a directory, the runs that follow on one
// another from the log's start, and what is left over: files that were not
// finished, and runs of which others hold all.
func chainOf(names []string) (chain, leftovers []string, err error) {
	type stretch struct{ start, end uint64 }
	var all []stretch
	for _, name := range names {
		start, end, ok := parseName(name)
		switch {
		case ok:
			all = append(all, stretch{start, end})
		case strings.HasSuffix(name, temporary):
			leftovers = append(leftovers, name)
		default:
			return nil, nil, fmt.Errorf("%s is not a run", name)
		}
	}
	slices.SortFunc(all, func(a, b stretch) int {
		switch {
		case a.start < b.start || a.start == b.start && a.end > b.end:
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	pos := uint64(0)
	for _, r := range all {
		switch {
		case r.start == pos:
			chain = append(chain, runName(r.start, r.end))
			pos = r.end
		case r.end <= pos:
			leftovers = append(leftovers, runName(r.start, r.end))
		default:
			return nil, nil, fmt.Errorf("%w: the one that starts at position %d of the log is missing", ErrDamaged, pos)
		}
	}
	return chain, leftovers, nil
}

// LeaveFree says how many bytes merges leave free on the disk. Call it before
// all others.
func (s *Set) LeaveFree(bytes uint64) { s.leaveFree = bytes }

// End returns the position of the log up to which everything is in the runs.
func (s *Set) End() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.end()
}

func (v *version) end() uint64 {
	if n := len(v.runs); n > 0 {
		return v.runs[n-1].end
	}
	return 0
}

// Add makes what the log adds from End to end a run, durably. Claims are in
// order, and so are entries. Where there are too many runs it waits for Merge,
// or merges some itself.
func (s *Set) Add(end uint64, claims []Claim, entries []Entry) error {
	if err := s.makeRoom(); err != nil {
		return err
	}
	start := s.End()
	if start == end {
		return nil
	}
	r, err := s.create(start, end, func(f vfs.File) error {
		w, err := newWriter(f, start, end, len(claims))
		if err != nil {
			return err
		}
		defer w.close()
		var b [claimBytes]byte
		for i := range claims {
			putClaim(b[:], &claims[i])
			w.claim(b[:])
		}
		w.endClaims()
		for _, e := range entries {
			w.entry(e)
		}
		return w.finish()
	})
	if err != nil {
		return err
	}
	s.replace(r, 0)
	select {
	case s.added <- struct{}{}:
	default:
	}
	return nil
}

func (s *Set) makeRoom() error {
	for s.Len() >= maxRuns {
		merged, err := s.mergeNext(context.Background())
		if errors.Is(err, errNoRoom) {
			return nil // many runs are slow, but better than none
		}
		if err != nil || !merged {
			return err
		}
	}
	return nil
}

// Len returns how many runs there are.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.current.runs)
}

// create makes a run appear, whole and durable, and opens it.
func (s *Set) create(start, end uint64, write func(vfs.File) error) (*run, error) {
	name := runName(start, end)
	path := s.fs.PathJoin(s.dir, name)
	f, err := s.fs.Create(path+temporary, writeCategory)
	if err != nil {
		return nil, err
	}
	if err := write(vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: bytesPerSync})); err != nil {
		return nil, errors.Join(err, s.fs.Remove(path+temporary)) // the disk may be full
	}
	if err := s.fs.Rename(path+temporary, path); err != nil {
		return nil, err
	}
	var r *run
	err = syncDir(s.fs, s.dir)
	if err == nil {
		r, err = openRun(s.fs, path, name)
	}
	if err != nil {
		// Nobody would merge it: runs that are made later could overlap it.
		return nil, errors.Join(err, s.fs.Remove(path))
	}
	return r, nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replace puts a run where n runs were that it stands for, or where n is 0
// behind all others.
func (s *Set) replace(r *run, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current
	at := len(old.runs)
	if n > 0 {
		at = slices.IndexFunc(old.runs, func(o *run) bool { return o.start == r.start })
	}
	next := &version{runs: slices.Concat(old.runs[:at:at], []*run{r}, old.runs[at+n:])}
	for _, r := range next.runs {
		r.refs.Add(1)
	}
	next.refs.Store(1)
	s.current = next
	old.release()
}

// release lets go of a version; the files that nobody has any more are closed.
func (v *version) release() {
	if v.refs.Add(-1) > 0 {
		return
	}
	for _, r := range v.runs {
		if r.refs.Add(-1) == 0 {
			r.close()
		}
	}
}

// Snapshot takes hold of the runs as they are now, until Release.
func (s *Set) Snapshot() *Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.refs.Add(1)
	return &Snapshot{version: s.current}
}

// Close lets go of the files once nobody reads them.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.release()
	s.current = &version{}
	s.current.refs.Store(1)
	return nil
}
