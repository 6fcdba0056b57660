package runs

import (
	"bytes"
	"slices"
	"sort"

	"tollbook"
)

// readAhead is how many blocks a merge reads at once.
const readAhead = 64

// claimCursor walks through the claims of a run.
type claimCursor struct {
	run    *run
	next   int // block
	blocks []byte
	read   []byte // of blocks, not yet looked at
	claims []byte // of the block in hand, from the claim in hand on
}

func newClaimCursor(r *run) (*claimCursor, error) {
	c := &claimCursor{run: r, blocks: make([]byte, readAhead*blockBytes)}
	return c, c.fill()
}

// done tells whether there is no claim in hand any more.
func (c *claimCursor) done() bool { return len(c.claims) == 0 }

// step goes on to the next claim.
func (c *claimCursor) step() error {
	if c.claims = c.claims[claimBytes:]; len(c.claims) > 0 {
		return nil
	}
	return c.fill()
}

// fill goes on to the next block.
func (c *claimCursor) fill() (err error) {
	if len(c.read) == 0 {
		n := min(readAhead, int(c.run.claimBlocks)-c.next)
		if n == 0 {
			c.claims = nil
			return nil
		}
		c.read = c.blocks[:n*blockBytes]
		if err := c.run.readBlocks(c.read, int64(c.next)*blockBytes); err != nil {
			return err
		}
		c.next += n
	}
	block := c.next - len(c.read)/blockBytes
	c.claims, err = c.run.claimsOf(c.read)
	c.read = c.read[blockBytes:]
	if err == nil && prefix(c.claims) != c.run.prefixes[block] {
		err = c.run.damaged("its directory names another first claim of a block")
	}
	return err
}

// mergedClaims walks through the claims of several runs in order. Of a claim
// that several have it shows what the newest says.
type mergedClaims struct {
	cursors []*claimCursor // that are not done, of the oldest run first
	heads   []uint64       // prefixes of the cursors' claims: most comparisons end there
	least   int            // of the cursors, the one with the first claim
}

func newMergedClaims(all []*run) (*mergedClaims, error) {
	m := &mergedClaims{}
	for _, r := range all {
		c, err := newClaimCursor(r)
		if err != nil {
			return nil, err
		}
		if !c.done() {
			m.cursors, m.heads = append(m.cursors, c), append(m.heads, prefix(c.claims))
		}
	}
	m.find()
	return m, nil
}

func (m *mergedClaims) done() bool { return len(m.cursors) == 0 }

// first returns the cursor that has the claim in hand.
func (m *mergedClaims) first() *claimCursor { return m.cursors[m.least] }

// step goes on to the next claim, past what older runs say of the one in hand.
func (m *mergedClaims) step() error {
	had := tollbook.Claim(m.first().claims[:16])
	for {
		if err := m.stepFirst(); err != nil || m.done() || !bytes.Equal(m.first().claims[:16], had[:]) {
			return err
		}
	}
}

func (m *mergedClaims) stepFirst() error {
	c := m.first()
	if err := c.step(); err != nil {
		return err
	}
	if c.done() {
		m.cursors, m.heads = slices.Delete(m.cursors, m.least, m.least+1), slices.Delete(m.heads, m.least, m.least+1)
	} else {
		m.heads[m.least] = prefix(c.claims)
	}
	m.find()
	return nil
}

// find finds the cursor with the first claim, of several the newest one.
func (m *mergedClaims) find() {
	m.least = 0
	for i := 1; i < len(m.heads); i++ {
		if m.heads[i] < m.heads[m.least] ||
			m.heads[i] == m.heads[m.least] && bytes.Compare(m.cursors[i].claims[:16], m.cursors[m.least].claims[:16]) <= 0 {
			m.least = i
		}
	}
}

// indexCursor walks through the index of a run from an entry on.
type indexCursor struct {
	run     *run
	next    int // block
	ahead   int // blocks to read at once
	blocks  []byte
	read    []byte  // of blocks, not yet decoded
	decoded []Entry // of the block in hand
	entries []Entry // of them, from the entry in hand on
}

// newIndexCursor returns a cursor that stands at the first entry of a run that
// is not before from. ahead is how many blocks to read at once.
func newIndexCursor(r *run, from Entry, ahead int) (*indexCursor, error) {
	first := sort.Search(len(r.firsts), func(i int) bool { return r.firsts[i].compare(from) > 0 })
	c := &indexCursor{run: r, next: max(first-1, 0), ahead: ahead}
	for {
		if err := c.fill(); err != nil || c.done() {
			return c, err
		}
		n := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].compare(from) >= 0 })
		if c.entries = c.entries[n:]; !c.done() {
			return c, nil
		}
	}
}

func (c *indexCursor) done() bool { return len(c.entries) == 0 }

func (c *indexCursor) step() error {
	if c.entries = c.entries[1:]; len(c.entries) > 0 {
		return nil
	}
	return c.fill()
}

func (c *indexCursor) fill() (err error) {
	if len(c.read) == 0 {
		n := min(c.ahead, int(c.run.indexBlocks)-c.next)
		if n == 0 {
			c.entries = nil
			return nil
		}
		if c.blocks == nil {
			c.blocks = make([]byte, n*blockBytes)
		}
		c.read = c.blocks[:n*blockBytes]
		if err := c.run.readBlocks(c.read, c.run.indexAt()+int64(c.next)*blockBytes); err != nil {
			return err
		}
		c.next += n
	}
	block := c.next - len(c.read)/blockBytes
	c.decoded, err = c.run.decodeIndex(c.decoded[:0], c.read[:blockBytes])
	c.read = c.read[blockBytes:]
	c.entries = c.decoded
	if err == nil && (len(c.entries) == 0 || c.entries[0] != c.run.firsts[block]) {
		err = c.run.damaged("its directory names another first entry of a block")
	}
	return err
}

// mergedIndex walks through the index of several runs in order. An entry that
// is gone, and what it takes back, are passed over; an entry that is gone of
// which the runs do not hold what it takes back is not.
type mergedIndex struct {
	cursors []*indexCursor // that are not done
	least   int            // of them, the one with the first entry
	entry   Entry
	ok      bool
}

func newMergedIndex(all []*run, from Entry, ahead int) (*mergedIndex, error) {
	m := &mergedIndex{}
	for _, r := range all {
		c, err := newIndexCursor(r, from, ahead)
		if err != nil {
			return nil, err
		}
		if !c.done() {
			m.cursors = append(m.cursors, c)
		}
	}
	m.find()
	return m, m.step()
}

// step goes on to the next entry; ok is false behind the last.
func (m *mergedIndex) step() error {
	for {
		e, ok, err := m.take()
		if err != nil || !ok {
			m.ok = false
			return err
		}
		back := Entry{e.Tally, e.At, true}
		if e.Gone || !m.follows(back) {
			m.entry, m.ok = e, true
			return nil
		}
		for m.follows(back) {
			if _, _, err := m.take(); err != nil {
				return err
			}
		}
	}
}

// find finds the cursor with the first entry.
func (m *mergedIndex) find() {
	m.least = 0
	for i := 1; i < len(m.cursors); i++ {
		if m.cursors[i].entries[0].compare(m.cursors[m.least].entries[0]) < 0 {
			m.least = i
		}
	}
}

func (m *mergedIndex) follows(e Entry) bool {
	return len(m.cursors) > 0 && m.cursors[m.least].entries[0] == e
}

// take takes the first entry, once.
func (m *mergedIndex) take() (e Entry, ok bool, err error) {
	if len(m.cursors) == 0 {
		return e, false, nil
	}
	c := m.cursors[m.least]
	e = c.entries[0]
	if err := c.step(); err != nil {
		return e, false, err
	}
	if c.done() {
		m.cursors = append(m.cursors[:m.least], m.cursors[m.least+1:]...)
	}
	m.find()
	return e, true, nil
}
