package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// mergeStep is how many claims or entries are merged between two questions
// whether to go on.
const mergeStep = 1 << 14

// Merge merges runs whenever that is due, until ctx ends or a merge fails, and
// returns why it does so no longer. It may be called again.
func (s *Set) Merge(ctx context.Context) error {
	for {
		merged, err := s.mergeNext(ctx)
		switch {
		case err != nil:
			return err
		case merged:
			continue
		}
		select {
		case <-s.added:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mergeNext merges the runs that are due, and tells whether there were any.
func (s *Set) mergeNext(ctx context.Context) (bool, error) {
	s.merging.Lock()
	defer s.merging.Unlock()
	parts, oldest := s.due()
	defer parts.release()
	if len(parts.runs) == 0 {
		return false, nil
	}
	return true, s.mergeRuns(ctx, parts.runs, oldest)
}

// due takes hold of the neighbours that are to be merged, none where nothing
// is due.
func (s *Set) due() (parts *version, oldest bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts = &version{}
	parts.refs.Store(1)
	all := s.current.runs
	from, to := s.pick(all)
	for _, r := range all[from:to] {
		r.refs.Add(1)
	}
	parts.runs = all[from:to]
	return parts, from == 0
}

// pick chooses what to merge next: the oldest fanout runs of one level with
// what is between them, where that is smaller. Where that leaves too many
// runs, because many were small, it is the smallest neighbours.
func (s *Set) pick(all []*run) (from, to int) {
	for from := range max(len(all)-fanout+1, 0) {
		level, same := s.level(all[from]), 0
		for i, r := range all[from:] {
			switch l := s.level(r); {
			case l > level:
				same = -len(all) // a larger one will take these in
			case l == level:
				same++
			}
			if same == fanout {
				to = from + i + 1
				for from > 0 && s.level(all[from-1]) < level {
					from-- // else it would stay small between large ones
				}
				return from, to
			}
		}
	}
	if len(all) < maxRuns/2 {
		return 0, 0
	}
	least := ^uint64(0)
	for i := range len(all) - fanout + 1 {
		size := uint64(0)
		for _, r := range all[i : i+fanout] {
			size += r.claims + r.entries
		}
		if size < least {
			least, from = size, i
		}
	}
	return from, from + fanout
}

// level is how many times runs of the usual first size were merged to come to
// one of this size.
func (s *Set) level(r *run) int {
	level := 0
	for size := max(r.claims, r.entries) / fanout; size*2 >= s.firstSize; size /= fanout {
		level++
	}
	return level
}

// errNoRoom is that a merge would leave too little of the disk to others, whose
// writes must not fail.
var errNoRoom = errors.New("there is no room to merge runs")

// room returns an error unless so many bytes can be written.
func (s *Set) room(bytes uint64) error {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err == nil && usage.AvailBytes < bytes+s.leaveFree {
		return fmt.Errorf("%w: it takes %d bytes and leaves %d free, of which the disk has %d", errNoRoom, bytes, s.leaveFree, usage.AvailBytes)
	}
	return nil // a file system that cannot tell has no bound
}

func (s *Set) mergeRuns(ctx context.Context, parts []*run, oldest bool) error {
	size := uint64(0)
	for _, r := range parts {
		size += uint64(r.size())
	}
	if err := s.room(size); err != nil {
		return err
	}
	goOn := func() error { return cmp.Or(ctx.Err(), s.room(0)) }
	r, err := s.create(parts[0].start, parts[len(parts)-1].end, func(f vfs.File) error {
		return merge(f, parts, oldest, goOn)
	})
	if err != nil {
		return err
	}
	s.replace(r, len(parts))
	for _, old := range parts {
		err = errors.Join(err, s.fs.Remove(s.fs.PathJoin(s.dir, old.name)))
	}
	return err
}

// merge writes one run of several neighbours. Where oldest is set nothing is
// before them, so that entries which take back nothing are dropped. It ends
// with goOn's error where it has one.
func merge(file vfs.File, parts []*run, oldest bool, goOn func() error) error {
	n := 0
	for _, r := range parts {
		n += int(r.claims)
	}
	w, err := newWriter(file, parts[0].start, parts[len(parts)-1].end, n)
	if err != nil {
		return err
	}
	defer w.close()
	if err = mergeClaims(w, parts, goOn); err == nil {
		w.endClaims()
		err = mergeEntries(w, parts, oldest, goOn)
	}
	if err != nil {
		file.Close()
		return err
	}
	return w.finish()
}

func mergeClaims(w *writer, parts []*run, goOn func() error) error {
	m, err := newMergedClaims(parts)
	for n := 0; err == nil && !m.done(); n++ {
		if n%mergeStep == 0 {
			if err := goOn(); err != nil {
				return err
			}
		}
		w.claim(m.first().claims[:claimBytes])
		err = m.step()
	}
	if err != nil {
		return err
	}
	return w.err
}

func mergeEntries(w *writer, parts []*run, oldest bool, goOn func() error) error {
	m, err := newMergedIndex(parts, Entry{}, readAhead)
	for n := 0; err == nil && m.ok; n++ {
		if n%mergeStep == 0 {
			if err := goOn(); err != nil {
				return err
			}
		}
		if !m.entry.Gone || !oldest {
			w.entry(m.entry)
		}
		err = m.step()
	}
	if err != nil {
		return err
	}
	return w.err
}
