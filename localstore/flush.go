package localstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tollbook/localstore/runs"
)

// flush is work for the flusher: a table that nothing is added to any more, a
// checkpoint, which may be written once all tables before it are runs, the views
// of a mark, or nothing, to learn that all before it is done.
type flush struct {
	table      *table
	end        uint64 // everything before it is in the table or older ones
	checkpoint *checkpoint
	mark       *checkpoint   // the views as they were, which are kept with a mark
	done       chan struct{} // closed when it is done, where there is one
}

// rotate starts a new table when the active one is full, and a checkpoint
// when one is due. It waits while too many tables are waiting: the disk is
// slower than the events come.
func (s *Store) rotate() {
	c := &s.committer
	due := c.sinceCheckpoint >= s.opts.CheckpointEvents
	if due || c.active.full(s.opts.TableEvents) {
		s.freeze()
	}
	if due {
		s.checkpoint(nil)
	}
}

// freeze hands the active table to the flusher and starts a new one.
func (s *Store) freeze() {
	v, c := s.views, &s.committer
	full := c.active
	c.active = newTable(v.end, s.opts.TableEvents)
	v.mu.Lock()
	v.tables = append(v.tables, c.active)
	v.mu.Unlock()
	s.flushes <- flush{table: full, end: v.end}
}

// checkpoint has a checkpoint of the views as they are written. The active
// table must be empty.
func (s *Store) checkpoint(done chan struct{}) {
	s.forgetOnce()
	s.committer.sinceCheckpoint = 0
	s.flushes <- flush{checkpoint: s.views.capture(), done: done}
}

// finish writes what makes the next start short.
func (s *Store) finish() {
	if s.failed.Load() != nil || s.views.end == s.checkpointed.Load() {
		return
	}
	s.freeze()
	done := make(chan struct{})
	s.checkpoint(done)
	<-done
}

// flushLoop makes tables runs and writes checkpoints, in order. After a failure
// it only lets the committer go on to find out.
func (s *Store) flushLoop() {
	defer close(s.flushed)
	for f := range s.flushes {
		if s.failed.Load() == nil {
			if err := s.flush(f); err != nil {
				s.fail(err)
			}
		}
		if f.done != nil {
			close(f.done)
		}
	}
}

func (s *Store) flush(f flush) error {
	if f.checkpoint != nil {
		s.flushCheckpoint(f.checkpoint)
		return nil
	}
	if f.mark != nil {
		s.writeMark(f.mark)
		return nil
	}
	if f.table == nil {
		return nil
	}
	if err := s.runs.Add(f.end, f.table.sortedClaims(), f.table.sortedEntries()); err != nil {
		return fmt.Errorf("add a run: %w", err)
	}
	v := s.views
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tables = v.tables[1:]
	return nil
}

// flushCheckpoint writes a checkpoint. One that fails, for want of room
// perhaps, takes nothing away: the next start replays more, and the next one
// that is due is written anew.
func (s *Store) flushCheckpoint(cp *checkpoint) {
	began := s.opts.Clock()
	if err := s.writeCheckpoint(cp); err != nil {
		s.opts.Logger.Error("a checkpoint cannot be written", slog.Any("error", err))
		return
	}
	s.checkpointed.Store(cp.end)
	took := s.opts.Clock().Sub(began)
	s.metrics.checkpoint.Observe(took.Seconds())
	s.opts.Logger.Debug("checkpoint written", slog.Uint64("position", cp.end), slog.Duration("took", took))
}

// mergeRetry is how long after a merge that failed the next is tried.
const mergeRetry = time.Minute

// mergeLoop merges runs in the background. A merge that fails, for want of room
// perhaps, leaves the runs as they were: it is tried again. Should there be too
// many meanwhile, the flusher finds out.
func (s *Store) mergeLoop(ctx context.Context) {
	defer close(s.merged)
	for {
		err := s.runs.Merge(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, runs.ErrDamaged):
			s.fail(s.rebuildable(err))
			return
		}
		s.opts.Logger.Error("runs cannot be merged", slog.Any("error", err))
		retry := time.NewTimer(mergeRetry)
		select {
		case <-retry.C:
		case <-ctx.Done():
			retry.Stop()
			return
		}
	}
}
