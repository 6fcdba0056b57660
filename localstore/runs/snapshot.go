package runs

import (
	"bytes"
	"iter"
	"slices"

	"tollbook"
)

// Snapshot is the runs as they were at one time.
type Snapshot struct{ version *version }

// Release lets go of the runs.
func (sn *Snapshot) Release() { sn.version.release() }

// End returns the position of the log up to which everything is in them.
func (sn *Snapshot) End() uint64 { return sn.version.end() }

// Candidates appends which of the claims the runs may have, ascending; that
// they do not have the others is certain. It asks one filter after the other
// about all claims, so that many questions wait for memory together.
func (sn *Snapshot) Candidates(dst []int, claims []tollbook.Claim) []int {
	from := len(dst)
	for _, r := range sn.version.runs {
		for i := range claims {
			if r.filter.MayHave(&claims[i]) {
				dst = append(dst, i)
			}
		}
	}
	slices.Sort(dst[from:])
	return dst[:from+len(slices.Compact(dst[from:]))]
}

// Finder looks claims up in a snapshot. It is for one goroutine.
type Finder struct {
	runs []*run // oldest first
	buf  []byte
}

// Finder returns a finder of what the runs hold.
func (sn *Snapshot) Finder() *Finder {
	return &Finder{runs: sn.version.runs, buf: make([]byte, blockBytes)}
}

// Find looks up what is said of a claim last, in the runs that hold something
// behind a position of the log. Error: of reading, or ErrDamaged.
func (f *Finder) Find(c *tollbook.Claim, after uint64) (Claim, bool, error) {
	for i := len(f.runs) - 1; i >= 0 && f.runs[i].end > after; i-- {
		r := f.runs[i]
		if !r.filter.MayHave(c) {
			continue
		}
		if found, ok, err := r.find(c, f.buf); ok || err != nil {
			return found, ok, err
		}
	}
	return Claim{}, false, nil
}

// Tally appends the places of the events of a tally that lie behind after and
// before end, in order, at most limit. after and end are places.
func (sn *Snapshot) Tally(dst []uint64, tally uint32, after, end uint64, limit int) ([]uint64, error) {
	m, err := newMergedIndex(sn.version.runs, Entry{Tally: tally, At: after + 1}, 1)
	for ; err == nil && m.ok && m.entry.Tally == tally && m.entry.At < end && limit > 0; err = m.step() {
		if !m.entry.Gone {
			dst = append(dst, m.entry.At)
			limit--
		}
	}
	return dst, err
}

// Tallies calls each for the events of some tallies, ascending, that lie before
// end, in order.
func (sn *Snapshot) Tallies(tallies []uint32, end uint64, each func(tally uint32, at uint64)) error {
	for len(tallies) > 0 {
		ahead := 1
		if n := len(tallies); int(tallies[n-1]-tallies[0]) < maxSkipped/4*n {
			ahead = readAhead
		}
		m, err := newMergedIndex(sn.version.runs, Entry{Tally: tallies[0]}, ahead)
		skipped := 0
		for ; err == nil && m.ok && skipped < maxSkipped; err = m.step() {
			for len(tallies) > 0 && tallies[0] < m.entry.Tally {
				tallies = tallies[1:]
			}
			switch {
			case len(tallies) == 0:
				return nil
			case tallies[0] > m.entry.Tally:
				skipped++
			case m.entry.At < end && !m.entry.Gone:
				each(m.entry.Tally, m.entry.At)
				skipped = 0
			}
		}
		if err != nil || !m.ok {
			return err
		}
	}
	return nil
}

// maxSkipped is how many entries of other tallies are passed over until the
// next one is looked up: that takes about as long.
const maxSkipped = 512

// Has tells whether an event is in a tally.
func (sn *Snapshot) Has(tally uint32, at uint64) (bool, error) {
	m, err := newMergedIndex(sn.version.runs, Entry{Tally: tally, At: at}, 1)
	return err == nil && m.ok && m.entry == Entry{Tally: tally, At: at}, err
}

// Claims yields all claims in order, each once, as Find finds it. That it would
// not is an error.
func (sn *Snapshot) Claims() iter.Seq2[Claim, error] {
	return func(yield func(Claim, error) bool) {
		m, err := newMergedClaims(sn.version.runs)
		var last tollbook.Claim
		for err == nil && !m.done() {
			r, c := m.first().run, getClaim(m.first().claims)
			switch {
			case !r.filter.MayHave(&c.Claim):
				err = r.damaged("its filter lacks a claim")
			case bytes.Compare(last[:], c.Claim[:]) >= 0 && last != (tollbook.Claim{}):
				err = r.damaged("its claims are not in order")
			case !yield(c, nil):
				return
			default:
				last, err = c.Claim, m.step()
			}
		}
		if err != nil {
			yield(Claim{}, err)
		}
	}
}

// Entries yields the whole index in order, without what is gone.
func (sn *Snapshot) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		m, err := newMergedIndex(sn.version.runs, Entry{}, readAhead)
		for ; err == nil && m.ok; err = m.step() {
			if !m.entry.Gone && !yield(m.entry, nil) {
				return
			}
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}
