package localstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"tollbook"
)

// maxDefinitions is how many definitions one Define may append.
const maxDefinitions = tollbook.MaxBatch

// definitionIndex says where the definitions are in the log; their bodies
// stay there.
type definitionIndex struct {
	head     tollbook.Pos
	frames   []definitionFrame
	requests [][16]byte // by position - 1
}

// definitionFrame is a frame whose first definition has position first.
type definitionFrame struct {
	first tollbook.Pos
	at    uint64
}

func (x *definitionIndex) add(at uint64, defs []tollbook.Definition) {
	x.frames = append(x.frames, definitionFrame{x.head + 1, at})
	for i := range defs {
		x.requests = append(x.requests, defs[i].RequestID)
	}
	x.head += tollbook.Pos(len(defs))
}

// whole tells whether the frames have all definitions, in order.
func (x *definitionIndex) whole() bool {
	if len(x.frames) == 0 {
		return x.head == 0
	}
	for i := range x.frames[1:] {
		if x.frames[i+1].first <= x.frames[i].first {
			return false
		}
	}
	return x.frames[0].first == 1 && x.frames[len(x.frames)-1].first <= x.head
}

// follow returns an error unless definitions are the next ones.
func (x *definitionIndex) follow(defs []tollbook.Definition) error {
	if defs[0].Pos != x.head+1 {
		return fmt.Errorf("definition %d follows on %d", defs[0].Pos, x.head)
	}
	return nil
}

// behind returns the frames that hold definitions behind a position.
func (x *definitionIndex) behind(after tollbook.Pos) []definitionFrame {
	if after >= x.head {
		return nil
	}
	i, found := slices.BinarySearchFunc(x.frames, after+1, func(f definitionFrame, pos tollbook.Pos) int {
		return int(int64(f.first) - int64(pos))
	})
	if !found {
		i--
	}
	return x.frames[i:]
}

// Define implements tollbook.Ledger.
func (s *Store) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if len(defs) < 1 || len(defs) > maxDefinitions {
		return 0, tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("1 to %d definitions can be made at once, not %d.", maxDefinitions, len(defs)))
	}
	size := 0
	for i := range defs {
		size += 64 + len(defs[i].Actor) + len(defs[i].ID) + len(defs[i].Body)
	}
	if size > maxDefinitionBytes {
		return 0, errTooLarge(size)
	}
	r := &request{kind: frameDefinitions, head: head, defs: slices.Clone(defs)}
	if err := s.do(ctx, r); err != nil {
		return 0, err
	}
	for i := range defs {
		defs[i].Pos = r.defs[i].Pos
	}
	return r.head, nil
}

// decideDefine decides a Define and puts its frame behind the group.
func (s *Store) decideDefine(r *request) {
	c := &s.committer
	var fresh []tollbook.Definition
	for i := range r.defs {
		if _, there := c.requests[r.defs[i].RequestID]; !there && !hasRequest(fresh, r.defs[i].RequestID) {
			fresh = append(fresh, r.defs[i])
		}
	}
	if len(fresh) > 0 && r.head != c.head {
		r.err = tollbook.ErrMoved
		return
	}
	if len(fresh) > 0 {
		group := s.journal.end
		start := c.beginFrame()
		c.buf = appendDefinitions(c.buf, c.head+1, fresh)
		c.endFrame(start, frameDefinitions, group)
		c.decided = append(c.decided, decided{typ: frameDefinitions, pos: group + uint64(start), defs: fresh})
		for i := range fresh {
			c.head++
			c.requests[fresh[i].RequestID] = c.head
		}
	}
	for i := range r.defs {
		r.defs[i].Pos = c.requests[r.defs[i].RequestID]
	}
	r.head = c.head
}

func hasRequest(defs []tollbook.Definition, id [16]byte) bool {
	return slices.ContainsFunc(defs, func(d tollbook.Definition) bool { return d.RequestID == id })
}

// appendDefinitions appends the payload of a frame of definitions, of which
// the first has position first: an S2 block that holds first and their count,
// then of each: request id (16); Unix seconds (varint) and nanoseconds;
// actor; kind (byte); id; body. Numbers are uvarints unless said, texts and
// the body are behind their length.
func appendDefinitions(dst []byte, first tollbook.Pos, defs []tollbook.Definition) []byte {
	raw := binary.AppendUvarint(nil, uint64(first))
	raw = binary.AppendUvarint(raw, uint64(len(defs)))
	for i := range defs {
		d := &defs[i]
		raw = append(raw, d.RequestID[:]...)
		raw = binary.AppendVarint(raw, d.At.Unix())
		raw = binary.AppendUvarint(raw, uint64(d.At.Nanosecond()))
		raw = appendText(raw, d.Actor)
		raw = append(raw, byte(d.Kind))
		raw = appendText(raw, d.ID)
		raw = binary.AppendUvarint(raw, uint64(len(d.Body)))
		raw = append(raw, d.Body...)
	}
	return append(dst, s2.Encode(nil, raw)...)
}

// decodeDefinitions reads what appendDefinitions wrote.
func decodeDefinitions(payload []byte) ([]tollbook.Definition, error) {
	if n, err := s2.DecodedLen(payload); err != nil || n > maxPayloadBytes {
		return nil, errMalformed
	}
	raw, err := s2.Decode(nil, payload)
	if err != nil {
		return nil, errMalformed
	}
	c := cursor{b: raw}
	first := tollbook.Pos(c.uvarint())
	var defs []tollbook.Definition
	for n := c.count(); n > 0 && !c.bad; n-- {
		d := tollbook.Definition{Pos: first + tollbook.Pos(len(defs)), RequestID: c.id16()}
		sec := c.varint()
		d.At = time.Unix(sec, int64(c.number(1e9))).UTC()
		d.Actor = c.text()
		d.Kind = tollbook.Kind(c.byte())
		d.ID = c.text()
		d.Body = c.take(c.count())
		defs = append(defs, d)
	}
	if len(defs) == 0 {
		c.fail()
	}
	return defs, c.end()
}

// Definitions implements tollbook.Ledger. It yields what is there when the
// iteration starts.
func (s *Store) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return func(yield func(tollbook.Definition, error) bool) {
		s.views.mu.RLock()
		frames := s.views.definitions.behind(after)
		s.views.mu.RUnlock()
		for _, at := range frames {
			defs, err := s.definitionsAt(ctx, at)
			if err != nil {
				yield(tollbook.Definition{}, err)
				return
			}
			for i := range defs {
				if defs[i].Pos > after && !yield(defs[i], nil) {
					return
				}
			}
		}
	}
}

func (s *Store) definitionsAt(ctx context.Context, at definitionFrame) ([]tollbook.Definition, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	f, err := s.journal.frameAt(at.at)
	if err != nil {
		return nil, err
	}
	defs, err := decodeDefinitions(f.payload)
	if err == nil && (f.typ != frameDefinitions || defs[0].Pos != at.first) {
		err = errMalformed
	}
	if err != nil {
		return nil, fmt.Errorf("definition %d: %w", at.first, err)
	}
	return defs, nil
}
