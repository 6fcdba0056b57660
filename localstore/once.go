package localstore

import (
	"context"
	"encoding/binary"
	"time"
)

// Once implements tollbook.Ledger.
func (s *Store) Once(ctx context.Context, key [16]byte, until time.Time) (bool, error) {
	r := &request{kind: frameOnce, key: key, until: until.Unix() + 1}
	if err := s.do(ctx, r); err != nil {
		return false, err
	}
	return r.first, nil
}

// decideOnce decides a Once and puts its frame behind the group. A key that
// is there is forgotten only once its time has passed.
func (s *Store) decideOnce(r *request) {
	c, once := &s.committer, s.views.once
	if until, there := once[r.key]; there && until > s.opts.Clock().Unix() {
		return
	}
	group := s.journal.end
	start := c.beginFrame()
	c.buf = appendOnce(c.buf, r.key, r.until)
	c.endFrame(start, frameOnce, group)
	c.decided = append(c.decided, decided{typ: frameOnce})
	once[r.key] = r.until
	r.first = true
	if len(once) >= c.onceRoom {
		s.forgetOnce()
		c.onceRoom = max(minOnceRoom, 2*len(once))
	}
}

// minOnceRoom is how many keys are remembered before those whose time has
// passed are looked for.
const minOnceRoom = 4096

// appendOnce appends the payload of a frame of Once: the key (16) and the
// Unix second until which it is remembered (8).
func appendOnce(dst []byte, key [16]byte, until int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, key[:]...), uint64(until))
}

func decodeOnce(payload []byte) (key [16]byte, until int64, err error) {
	c := cursor{b: payload}
	key, until = c.id16(), int64(c.uint64())
	return key, until, c.end()
}

// forgetOnce drops the keys whose time has passed.
func (s *Store) forgetOnce() {
	now := s.opts.Clock().Unix()
	for key, until := range s.views.once {
		if until <= now {
			delete(s.views.once, key)
		}
	}
}
