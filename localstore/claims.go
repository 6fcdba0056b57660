package localstore

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"tollbook"
	"tollbook/localstore/runs"
)

// probes is what a request's own goroutine found out about its claims in the
// runs, so that the committer need not wait for the disk. A claim that was
// found is there for ever, though there may be a later word about it behind
// end; one that was not may only have come there.
type probes struct {
	end     uint64
	entries []probe // nil: none was found
}

type probe struct {
	found bool
	entry claimEntry
}

// Bounds on looking claims up in the runs at once. A repeat costs a read of a
// page of a file, which may have to come from the disk: of many repeats, many
// are read at once.
const (
	probesAtOnce   = 16
	probesTogether = 32 // one after the other
)

// probe looks the writer's claims up in the runs.
func (s *Store) probe(w *bodyWriter) (probes, error) {
	if err := s.enter(); err != nil {
		return probes{}, err
	}
	defer s.leave()
	stored := s.runs.Snapshot()
	defer stored.Release()
	p := probes{end: stored.End()}
	w.candidates = stored.Candidates(w.candidates[:0], w.claims)
	if len(w.candidates) == 0 {
		return p, nil
	}
	p.entries = make([]probe, len(w.claims))
	find := func(candidates []int) error {
		finder := stored.Finder()
		for _, i := range candidates {
			e, found, err := s.findStored(finder, &w.claims[i], 0)
			if err != nil {
				return err
			}
			p.entries[i] = probe{found, e}
		}
		return nil
	}
	if len(w.candidates) <= probesTogether {
		return p, find(w.candidates)
	}
	var g errgroup.Group
	for part := range slices.Chunk(w.candidates, max(probesTogether, (len(w.candidates)+probesAtOnce-1)/probesAtOnce)) {
		g.Go(func() error { return find(part) })
	}
	return p, g.Wait()
}

// findStored looks a claim up in the runs that have something behind a position.
// Runs that are damaged stop the store.
func (s *Store) findStored(f *runs.Finder, claim *tollbook.Claim, after uint64) (claimEntry, bool, error) {
	c, found, err := f.Find(claim, after)
	if err != nil {
		return claimEntry{}, false, s.unreadable(err)
	}
	return claimEntry{c.Claim, c.Fingerprint, locator(c.At)}, found, nil
}

// unreadable says what to do about runs that do not hold what was written to
// them, and stops the store.
func (s *Store) unreadable(err error) error {
	if !errors.Is(err, runs.ErrDamaged) {
		return err
	}
	s.fail(s.rebuildable(err))
	return s.unavailable()
}

// rebuildable says how runs that are damaged can be made again.
func (s *Store) rebuildable(err error) error {
	return fmt.Errorf("%w; they can be rebuilt from the log: stop, remove %s and start again", err, s.opts.FS.PathJoin(s.dir, runsName))
}

// find returns what a claim stands for, and whether it is there. It may not be
// by the latest word about it.
func (s *Store) find(claim *tollbook.Claim, p *probes, i int) (claimEntry, bool, error) {
	if p.entries != nil && p.entries[i].found {
		return p.entries[i].entry, true, nil
	}
	return s.latest(claim, p, i)
}

// latest returns what a claim stands for by the latest word about it, and
// whether it is there: in the recent tables, the group in hand included, or in
// the runs.
func (s *Store) latest(claim *tollbook.Claim, p *probes, i int) (claimEntry, bool, error) {
	c := &s.committer
	for t := len(c.tables) - 1; t >= 0; t-- {
		if e := c.tables[t].find(claim); e != nil {
			return *e, true, nil
		}
	}
	if p.end < c.tables[0].start { // a table has become a run since
		if e, found, err := s.findStored(c.finder(s.runs), claim, p.end); found || err != nil {
			return e, found, err
		}
	}
	if p.entries == nil {
		return claimEntry{}, false, nil
	}
	return p.entries[i].entry, p.entries[i].found, nil
}
