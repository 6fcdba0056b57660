package localstore

import (
	"fmt"
	"log/slog"

	"tollbook"
)

// recover brings the views up to the log's end: from the newest checkpoint
// that checks and stands for nothing that the runs lack, else
// from the log's start. It returns what had to be put right.
func (s *Store) recover() (repairs []string, err error) {
	began := s.opts.Clock()
	handed := s.runs.End()
	repairs, err = s.loadCheckpoint(handed)
	if err != nil {
		return nil, err
	}
	v, c := s.views, &s.committer
	s.checkpointed.Store(v.end)
	c.head = v.definitions.head
	c.corrected = make(map[cellKey]uint64)
	c.requests = make(map[[16]byte]tollbook.Pos, len(v.definitions.requests))
	for i, id := range v.definitions.requests {
		c.requests[id] = tollbook.Pos(i + 1)
	}
	c.active = newTable(handed, s.opts.TableEvents)
	v.tables = []*table{c.active}
	from := v.end
	if err := s.journal.replay(from, s.replayFrame); err != nil {
		return nil, err
	}
	if s.journal.end < handed {
		return nil, fmt.Errorf("the log ends at position %d, but the runs hold events up to %d: the log has lost its end", s.journal.end, handed)
	}
	if err := s.refuseLostEnd(); err != nil {
		return nil, err
	}
	if err := s.journal.start(); err != nil {
		return nil, err
	}
	c.opened = s.journal.end
	s.opts.Logger.Info("ledger open", slog.Int64("events", v.events), slog.Int("records", v.shown),
		slog.Uint64("replayed_bytes", v.end-from), slog.Duration("took", s.opts.Clock().Sub(began)))
	return repairs, nil
}

// refuseLostEnd refuses a log that ends before a checkpoint of it, or a mark:
// what they stand for has been on disk. They would be taken for ones of the log
// that is written from here on.
func (s *Store) refuseLostEnd() error {
	for _, prefix := range [...]string{markPrefix, checkpointPrefix} {
		ends, err := listEnds(s.opts.FS, s.dir, prefix)
		if err != nil {
			return err
		}
		if len(ends) > 0 && ends[0] > s.journal.end {
			return fmt.Errorf("the log ends at position %d, but %s%016x stands for all up to %d: the log has lost its end; put it back, or, to go on without what is lost, remove %s, every %s* and every %s*",
				s.journal.end, prefix, ends[0], ends[0], runsName, checkpointPrefix, markPrefix)
		}
		if prefix == checkpointPrefix {
			s.settle(ends)
		}
	}
	return nil
}

// loadCheckpoint sets the views to those of the newest usable checkpoint, or
// to empty ones.
func (s *Store) loadCheckpoint(handed uint64) (repairs []string, err error) {
	if err := removeUnfinished(s.opts.FS, s.dir); err != nil {
		return nil, err
	}
	ends, err := listEnds(s.opts.FS, s.dir, checkpointPrefix)
	if err != nil {
		return nil, err
	}
	for _, end := range ends {
		if end > handed {
			repairs = append(repairs, fmt.Sprintf("%s: the runs end at position %d, before it; passed over", checkpointName(end), handed))
			continue
		}
		v, n, err := readCheckpoint(s.opts.FS, s.dir, end)
		if err == nil {
			s.views, s.committer.numbers = v, n
			break
		}
		repairs = append(repairs, fmt.Sprintf("%s: %v; passed over", checkpointName(end), err))
	}
	for _, what := range repairs {
		s.opts.Logger.Warn("a checkpoint cannot be used", slog.String("why", what))
	}
	if s.views == nil {
		s.views, s.committer.numbers = newViews(), newNumbering()
	}
	return repairs, nil
}

// replayFrame applies a frame that was committed before.
func (s *Store) replayFrame(f frame) error {
	v, c := s.views, &s.committer
	switch f.typ {
	case frameEvents, frameBookings:
		if c.batches == nil {
			c.batches = append(c.batches, new(batch))
		}
		b := c.batches[0]
		if err := b.decode(&f, c.numbers); err != nil {
			return err
		}
		if err := c.numbers.learn(&b.intro); err != nil {
			return err
		}
		c.numbers.recount(b)
		var sink indexSink = c.active
		if f.pos < c.active.start {
			sink = inRuns{}
		} else {
			c.claimAll(b)
		}
		c.sinceCheckpoint += len(b.heads)
		v.mu.Lock()
		v.apply(b, sink, false)
		v.mu.Unlock()
	default:
		if err := s.replayOther(f); err != nil {
			return err
		}
	}
	v.mu.Lock()
	v.end = f.pos + frameHeaderBytes + uint64(f.size)
	v.mu.Unlock()
	if c.active.full(s.opts.TableEvents) {
		s.freeze()
	}
	return s.failure()
}

// inRuns is the sink of frames that are replayed although the runs have all of
// them, because the checkpoint is older than the runs.
type inRuns struct{}

func (inRuns) addCharged(locator, uint32) {}
func (inRuns) addUnrated(locator, uint32) {}
func (inRuns) addGone(locator, uint32)    {}

// claimAll enters the claims of a batch that is being replayed.
func (c *committer) claimAll(b *batch) {
	for i := range b.heads {
		h := &b.heads[i]
		if !b.bookings {
			c.active.add(claimEntry{h.claim, h.fingerprint, h.at})
			continue
		}
		c.active.say(&h.claim, h.fingerprint, h.at)
		if link := b.corrections[i].link; link != nil {
			c.active.say(link, 0, h.at)
		}
	}
}

func (s *Store) replayOther(f frame) error {
	v, c := s.views, &s.committer
	switch f.typ {
	case frameDefinitions:
		defs, err := decodeDefinitions(f.payload)
		if err != nil {
			return err
		}
		if err := v.definitions.follow(defs); err != nil {
			return err
		}
		v.definitions.add(f.pos, defs)
		for i := range defs {
			c.requests[defs[i].RequestID] = defs[i].Pos
		}
		c.head = v.definitions.head
	case frameOnce:
		key, until, err := decodeOnce(f.payload)
		if err != nil {
			return err
		}
		v.once[key] = until
	default:
		return fmt.Errorf("its type is unknown")
	}
	return nil
}

// failure returns why the store has stopped, or nil.
func (s *Store) failure() error {
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}
