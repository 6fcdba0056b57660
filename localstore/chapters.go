package localstore

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"tollbook"
)

// A chapter's Next is the position in the log behind its last frame, in hex
// behind this.
const chapterPrefix = "local-"

func chapterPlace(pos uint64) string { return fmt.Sprintf("%s%016x", chapterPrefix, pos) }

var errNoPlace = tollbook.NewError(tollbook.CodeInvalidRequest, "This is no place in the ledger's journal.")

// parseChapterPlace reads what chapterPlace made, and "", which is the start.
func parseChapterPlace(after string) (uint64, error) {
	if after == "" {
		return 0, nil
	}
	hex, ours := strings.CutPrefix(after, chapterPrefix)
	pos, err := strconv.ParseUint(hex, 16, 64)
	if !ours || err != nil || after != chapterPlace(pos) {
		return 0, errNoPlace
	}
	return pos, nil
}

// JournalEnd implements tollbook.Ledger.
func (s *Store) JournalEnd(context.Context) (string, error) {
	s.views.mu.RLock()
	defer s.views.mu.RUnlock()
	return chapterPlace(s.views.end), nil
}

// Journal implements tollbook.Ledger: it is the log, frame by frame. Those of
// one kind that follow one another are put together.
func (s *Store) Journal(ctx context.Context, after string) iter.Seq2[tollbook.Chapter, error] {
	return func(yield func(tollbook.Chapter, error) bool) {
		r := &chapterReader{s: s, words: s.wordReader(), yield: yield}
		if err := r.read(ctx, after); err != nil && err != errStopped {
			yield(tollbook.Chapter{}, err)
		}
	}
}

// chapterReader puts the frames of the log into chapters.
type chapterReader struct {
	s        *Store
	words    *wordReader
	yield    func(tollbook.Chapter, error) bool
	pos, end uint64

	chapters tollbook.Chapters
}

func (r *chapterReader) read(ctx context.Context, after string) (err error) {
	if r.pos, err = parseChapterPlace(after); err != nil {
		return err
	}
	first := r.pos
	r.s.views.mu.RLock()
	r.end = r.s.views.end
	r.s.views.mu.RUnlock()
	if r.pos > r.end {
		return errNoPlace
	}
	for r.pos < r.end {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, bytes, end, err := r.frame()
		if err != nil && after != "" && r.pos == first && tollbook.CodeOf(err) == tollbook.CodeInternal {
			return &tollbook.Error{Code: errNoPlace.Code, Message: errNoPlace.Message, Err: err}
		}
		if err != nil {
			return err
		}
		c.Next, c.Done, c.Total = chapterPlace(end), int64(end), int64(r.end)
		if err := r.give(r.chapters.Add(c, bytes)); err != nil {
			return err
		}
		r.pos = end
	}
	return r.give(r.chapters.End())
}

// frame reads what the frame in hand says, and where the next one is.
func (r *chapterReader) frame() (c tollbook.Chapter, bytes int, end uint64, err error) {
	if err := r.s.enter(); err != nil {
		return c, 0, 0, err
	}
	defer r.s.leave()
	f, err := r.s.journal.frameAt(r.pos)
	if err != nil {
		return c, 0, 0, err
	}
	switch f.typ {
	case frameDefinitions:
		c.Definitions, err = decodeDefinitions(f.payload)
		for i := range c.Definitions {
			bytes += len(c.Definitions[i].Body)
		}
	case frameEvents:
		bytes, err = r.events(&c, &f)
	case frameBookings:
		bytes, err = r.bookings(&c, &f)
	}
	if err != nil {
		err = fmt.Errorf("frame of %s at position %d of the log: %w", f.typ, f.pos, err)
	}
	return c, bytes, f.end(), err
}

// give yields a chapter, if there is something in it.
func (r *chapterReader) give(c tollbook.Chapter) error {
	if c.Len() > 0 && !r.yield(c, nil) {
		return errStopped
	}
	return nil
}

// eachItem calls fn for each item of a frame's blocks that has a head, with the
// place where it is.
func (r *chapterReader) eachItem(f *frame, fn func(b *bodyBlock, item int, at locator) error) error {
	layout, rest, err := f.split()
	if err != nil {
		return err
	}
	c := cursor{b: rest}
	heads, item, first := c.skipToHeads(), -1, 0
	pos := f.pos + frameHeaderBytes + 4
	var block *bodyBlock
	for ; heads > 0; heads-- {
		c.take(nameBytes)
		if f.typ == frameBookings {
			item += 1 + int(c.skipCorrection())
		} else {
			item += 1 + int(c.skipHead())
		}
		for len(layout) > 0 && item >= first+layout[0].items {
			first += layout[0].items
			pos += uint64(layout[0].length)
			layout, block = layout[1:], nil
		}
		if c.bad || len(layout) == 0 {
			return errMalformed
		}
		if block == nil {
			if block, err = layout[0].decode(f.packed, r.s.views.lineOf); err != nil {
				return err
			}
		}
		if err := fn(block, item-first, makeLocator(pos, item-first)); err != nil {
			return err
		}
	}
	return c.end()
}

// decode reads the block, of a frame that is packed or not.
func (l *blockLayout) decode(packed bool, lines lineNumbers) (_ *bodyBlock, err error) {
	raw := l.data
	if !packed {
		if raw, err = expandBlock(nil, l.data); err != nil {
			return nil, err
		}
	}
	return decodeBlock(raw, lines)
}

// skipCorrection passes over a head of bookings behind claim and fingerprint,
// and returns how many items it passes over itself.
func (c *cursor) skipCorrection() uint32 {
	items := c.number(maxPayloadBytes)
	c.uvarint()
	flags := c.byte()
	if flags&flagLinks != 0 {
		c.take(len(tollbook.Claim{}))
	}
	if flags&flagAdjusts == 0 {
		c.skipCounts(false)
	}
	c.skipCounts(flags&flagVoids != 0)
	return items
}

// skipCounts passes over what appendCounts wrote.
func (c *cursor) skipCounts(nothing bool) {
	n := c.count()
	if n == 0 && !nothing {
		c.uvarint()
	}
	for ; n > 0 && !c.bad; n-- {
		c.uvarint()
		c.int(maxIncrementBytes)
	}
}

// events makes a frame's events a chapter.
func (r *chapterReader) events(c *tollbook.Chapter, f *frame) (bytes int, err error) {
	err = r.eachItem(f, func(b *bodyBlock, item int, _ locator) error {
		e, err := b.event(item)
		if err != nil {
			return err
		}
		normal := e.AppendNormal(nil)
		bytes += len(normal)
		c.Entries = append(c.Entries, tollbook.Entry{
			Event: &e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim, Fingerprint: tollbook.Fingerprint(normal), Normal: normal,
			Home: e.Home, Booked: e.Booked, Measured: e.Measured,
		})
		return nil
	})
	return bytes, err
}

// bookings makes a frame's bookings a chapter.
func (r *chapterReader) bookings(c *tollbook.Chapter, f *frame) (bytes int, err error) {
	err = r.eachItem(f, func(b *bodyBlock, item int, at locator) error {
		body, err := b.booking(item)
		if err != nil {
			return err
		}
		e, err := r.words.eventOf(at, &body)
		c.Bookings = append(c.Bookings, e)
		return err
	})
	c.Together = tollbook.OfOneMonth(c.Bookings)
	return 0, err
}
