package localstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"

	"tollbook"
)

// What was true when a definition of KindMark was appended follows from the log
// up to there. So that it need not be worked out from the start, the views as
// they were are kept with a mark, packed, unless they are a short way behind
// those of one before. Such a file may be lost: the log has everything.
const (
	markPrefix = "mark-"
	keptPasts  = 2 // past views in memory
)

func markName(end uint64) string { return fmt.Sprintf("%s%016x", markPrefix, end) }

var errNoMark = tollbook.NewError(tollbook.CodeNotFound, "There is no such mark.")

// pasts is the past views that were asked for last.
type pasts struct {
	turn   chan struct{} // has room for one: whoever looks at recent, or makes views
	recent []*views      // by their ends, the last one asked for first
}

func newPasts() pasts { return pasts{turn: make(chan struct{}, 1)} }

// views returns the views as they were when a mark was appended.
func (p *pasts) views(ctx context.Context, s *Store, mark tollbook.Pos) (*views, error) {
	end, err := s.markAt(ctx, mark)
	if err != nil {
		return nil, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done(): // making views takes seconds, for which others wait
		return nil, ctx.Err()
	}
	i := slices.IndexFunc(p.recent, func(v *views) bool { return v.end == end })
	if i >= 0 {
		v := p.recent[i]
		p.recent = slices.Insert(slices.Delete(p.recent, i, i+1), 0, v)
		return v, nil
	}
	v, err := s.viewsAt(ctx, end)
	if err == nil {
		p.recent = slices.Insert(p.recent, 0, v)
		p.recent = slices.Delete(p.recent, min(keptPasts, len(p.recent)), len(p.recent))
	}
	return v, err
}

// markAt returns the position of the log of the frame with a mark.
func (s *Store) markAt(ctx context.Context, mark tollbook.Pos) (uint64, error) {
	s.views.mu.RLock()
	frames := s.views.definitions.behind(mark - 1)
	s.views.mu.RUnlock()
	if len(frames) == 0 {
		return 0, errNoMark
	}
	defs, err := s.definitionsAt(ctx, frames[0])
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(defs, func(d tollbook.Definition) bool { return d.Pos == mark })
	if i < 0 || defs[i].Kind != tollbook.KindMark {
		return 0, errNoMark
	}
	return frames[0].at, nil
}

// viewsAt makes the views as they were at a position of the log, from the
// nearest ones before it that are kept.
func (s *Store) viewsAt(ctx context.Context, end uint64) (*views, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	v, n, err := s.keptBefore(end)
	if err != nil {
		return nil, err
	}
	var b batch
	for v.end < end {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := s.journal.frameAt(v.end)
		if err == nil {
			err = v.replay(n, &b, &f)
		}
		if err != nil {
			return nil, fmt.Errorf("position %d of the log: %w", v.end, err)
		}
		v.end = f.end()
	}
	return v, nil
}

// replay applies a frame to views that nobody else has, with their numbers.
func (v *views) replay(n *numbering, b *batch, f *frame) error {
	switch f.typ {
	case frameEvents, frameBookings:
		if err := b.decode(f, n); err != nil {
			return err
		}
		if err := n.learn(&b.intro); err != nil {
			return err
		}
		v.apply(b, inRuns{}, false)
	}
	return nil
}

// keptBefore returns the nearest views at or before a position that are kept,
// or empty ones.
func (s *Store) keptBefore(end uint64) (*views, *numbering, error) {
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return nil, nil, err
	}
	type kept struct {
		end  uint64
		name string
	}
	var all []kept
	for _, name := range names {
		for _, prefix := range [...]string{markPrefix, checkpointPrefix} {
			if at, ok := endOf(prefix, name); ok && at <= end {
				all = append(all, kept{at, name})
			}
		}
	}
	slices.SortFunc(all, func(a, b kept) int { return int(int64(b.end) - int64(a.end)) })
	for _, k := range all {
		v, n, err := readViews(s.opts.FS, s.opts.FS.PathJoin(s.dir, k.name))
		if err == nil && v.end == k.end {
			return v, n, nil
		}
		s.opts.Logger.Warn("the views of an earlier time cannot be used", slog.String("file", k.name), slog.Any("error", err))
	}
	return newViews(), newNumbering(), nil
}

// keepMark has the views kept as they are before a frame with a mark. It is
// called by the committer, under views.mu.
func (s *Store) keepMark(d *decided) {
	isMark := func(def tollbook.Definition) bool { return def.Kind == tollbook.KindMark }
	c, v := &s.committer, s.views
	if !slices.ContainsFunc(d.defs, isMark) || d.pos < c.marked+uint64(s.opts.MarkBytes) {
		return
	}
	c.marked = d.pos
	v.mu.Unlock() // only the committer changes them
	cp := v.capture()
	cp.end = d.pos
	s.flushes <- flush{mark: cp} // while there is no room, those before it need mu
	v.mu.Lock()
}

// writeMark writes the views as they were, packed.
func (s *Store) writeMark(cp *checkpoint) {
	err := writeFile(s.opts.FS, s.dir, markName(cp.end), func(f vfs.File) error {
		z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		return errors.Join(cp.write(z), z.Close())
	})
	if err != nil {
		s.opts.Logger.Error("the views of a mark cannot be kept; they can be worked out from the log", slog.Any("error", err))
	}
}
