package localstore

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Files of the log that are full are packed in the background, while there is
// little else to do: packing an event costs about half of what taking it in
// costs, and nobody waits for it.
const (
	// busyEvents is how many events a second are too many for packing to go
	// on.
	busyEvents = 50_000
	// maxPackSpan bounds the bytes of a file that is packed: places in a packed
	// one have 32 bits. A file is longer only where the group that filled it was.
	maxPackSpan = 1 << 31
	// packCheck is how long packing goes on, or waits, before it looks again
	// at how many events come in.
	packCheck = time.Second
)

// packLoop packs files of the log whenever a checkpoint has been written
// behind them.
func (s *Store) packLoop(ctx context.Context) {
	defer close(s.packed)
	p, err := newPacker()
	if err != nil {
		s.opts.Logger.Error("the log stays as it is", slog.Any("error", err))
		return
	}
	defer p.close()
	pace := s.newPacer()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.packable:
		}
		for more := true; more; {
			var err error
			more, err = s.packNext(ctx, p, pace)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil: // the file is there as it was; the next checkpoint has it tried again
				s.opts.Logger.Error("a file of the log cannot be packed", slog.Any("error", err))
				more = false
			}
		}
	}
}

// packNext packs the oldest file that may be packed, and tells whether there
// was one.
func (s *Store) packNext(ctx context.Context, p *packer, pace *pacer) (bool, error) {
	seg, end := s.journal.firstPlain(s.settled.Load())
	if seg == nil {
		return false, nil
	}
	defer seg.release()
	if free, needs := s.freeBytes(), s.opts.backgroundReserve()+end-seg.base; free < needs {
		return false, fmt.Errorf("%s: there is no room: %d bytes must be free, %d are", seg.name(), needs, free)
	}
	began := s.opts.Clock()
	err := writeFile(s.opts.FS, s.journal.dir, packName(seg.base), func(f vfs.File) error {
		return s.packFrames(ctx, p, pace, seg, end, f)
	})
	if err != nil {
		return false, err
	}
	size, err := s.journal.replace(seg)
	if err != nil {
		return false, err
	}
	s.opts.Logger.Info("a file of the log is packed", slog.String("file", packName(seg.base)),
		slog.Uint64("bytes_before", end-seg.base), slog.Int64("bytes", size), slog.Duration("took", s.opts.Clock().Sub(began)))
	return true, nil
}

// packFrames packs the frames of a segment, each of which it unpacks again to
// see that nothing is lost.
func (s *Store) packFrames(ctx context.Context, p *packer, pace *pacer, seg *segment, end uint64, out vfs.File) error {
	var places []packPlace
	var read, buf []byte
	size := uint32(0)
	for pos := seg.base; pos < end; {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		f, _, err := seg.readFrame(pos, end, seg.offset(pos), &read)
		if err != nil {
			return damage(seg.name(), seg.offset(pos), "%w", err)
		}
		at := uint32(pos - seg.base)
		places = append(places, packPlace{at, size})
		blocks := len(places)
		buf = append(buf[:0], make([]byte, packHeaderBytes)...)
		if buf, places, err = p.frame(buf, places, &f); err != nil {
			return damage(seg.name(), seg.offset(pos), "%w", err)
		}
		if err := p.check(&f, buf[packHeaderBytes:]); err != nil {
			return err
		}
		for i := range places[blocks:] {
			b := &places[blocks+i]
			b.position, b.offset = b.position+at, b.offset+size+packHeaderBytes
		}
		putPackHeader(buf, f.frameHeader)
		if _, err := out.Write(buf); err != nil {
			return err
		}
		size += uint32(len(buf))
		pos = f.end()
	}
	pack := &packFile{end: end, pieces: int64(size)}
	buf = pack.appendDirectory(buf[:0], places)
	firsts := checksum(buf[len(buf)-4*len(pack.firsts):])
	_, err := out.Write(pack.appendFooter(buf, seg.base, firsts))
	return err
}

// pacer makes packing wait while many events come in.
type pacer struct {
	s      *Store
	since  time.Time
	events int64
}

func (s *Store) newPacer() *pacer {
	return &pacer{s: s, since: s.opts.Clock(), events: s.taken.Load()}
}

func (p *pacer) wait(ctx context.Context) error {
	for {
		now, events := p.s.opts.Clock(), p.s.taken.Load()
		took := now.Sub(p.since)
		if err := ctx.Err(); err != nil || took < packCheck {
			return err
		}
		busy := events-p.events > int64(took/time.Second)*busyEvents
		p.since, p.events = now, events
		if !busy {
			return nil
		}
		timer := time.NewTimer(packCheck)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// firstPlain returns the oldest file of the log that is not packed and ends at
// or before a position, and where it ends; the caller releases it. Nil: there
// is none.
func (j *journal) firstPlain(limit uint64) (seg *segment, end uint64) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for i, s := range j.segments[:max(len(j.segments)-1, 0)] {
		if end := j.segments[i+1].base; s.pack == nil && end <= limit && end-s.base <= maxPackSpan {
			s.refs.Add(1)
			return s, end
		}
	}
	return nil, 0
}

// replace puts the packed file where a segment was, removes the segment's, and
// returns the size of the packed one.
func (j *journal) replace(seg *segment) (int64, error) {
	packed, err := j.openPacked(seg.base)
	if err != nil {
		return 0, err
	}
	j.mu.Lock()
	j.segments[slices.Index(j.segments, seg)] = packed
	j.mu.Unlock()
	name := seg.name()
	seg.release()
	return packed.size, j.fs.Remove(j.fs.PathJoin(j.dir, name))
}

// supersede removes the file that a packed one stands for, which a packing that
// was cut short has left. It may be the only good one of the two, so the packed
// one is read first; err is that of opening it.
func (j *journal) supersede(base uint64, packed *segment, err error) error {
	var buf []byte
	for pos, at := base, int64(0); err == nil && pos < packed.pack.end; {
		var f frame
		if f, at, err = packed.readFrame(pos, packed.pack.end, at, &buf); err == nil {
			pos = f.end()
		} else {
			err = damage(packed.name(), at, "%w", err)
		}
	}
	if err != nil {
		if packed != nil {
			packed.release()
		}
		return fmt.Errorf("%w; %s is still there: remove the packed file to go on with it", err, segmentName(base))
	}
	return j.fs.Remove(j.fs.PathJoin(j.dir, segmentName(base)))
}
