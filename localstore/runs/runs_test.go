package runs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/checktest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// model is what a set must hold.
type model struct {
	rng    *rand.Rand
	claims map[tollbook.Claim]Claim
	index  map[Entry]bool   // without Gone
	names  []tollbook.Claim // of claims
	old    []Entry          // that may be taken back
	end    uint64
}

func newModel(seed uint64) *model {
	return &model{rng: rand.New(rand.NewPCG(seed, 7)), claims: map[tollbook.Claim]Claim{}, index: map[Entry]bool{}}
}

func (m *model) claim() (c tollbook.Claim) {
	binary.LittleEndian.PutUint64(c[:], m.rng.Uint64())
	binary.LittleEndian.PutUint64(c[8:], m.rng.Uint64())
	if m.rng.IntN(10) == 0 { // some share a prefix, as nobody's should
		copy(c[:8], "the same")
	}
	return c
}

// stretch makes n events, some of which are taken out of their tallies again.
func (m *model) stretch(n int) (claims []Claim, entries []Entry) {
	var fresh []tollbook.Claim
	for range n {
		m.end += 1 + m.rng.Uint64N(1000)
		c := Claim{Claim: m.claim(), Fingerprint: m.rng.Uint64(), At: m.end}
		if len(m.names) > 0 && m.rng.IntN(5) == 0 { // more is said of one that is there
			i := m.rng.IntN(len(m.names))
			c.Claim = m.names[i]
			m.names = slices.Delete(m.names, i, i+1)
		}
		fresh = append(fresh, c.Claim)
		e := Entry{Tally: m.rng.Uint32N(1 << (1 + m.rng.IntN(14))), At: m.end}
		m.claims[c.Claim], m.index[e] = c, true
		m.old = append(m.old, e)
		claims, entries = append(claims, c), append(entries, e)
	}
	m.names = append(m.names, fresh...)
	for range n / 4 {
		i := m.rng.IntN(len(m.old))
		e := m.old[i]
		m.old = slices.Delete(m.old, i, i+1)
		delete(m.index, e)
		e.Gone = true
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return int(int64(a.ref()) - int64(b.ref())) })
	m.end++
	return SortClaims(claims), SortByTally(entries)
}

func (m *model) check(t *testing.T, s *Set) {
	t.Helper()
	sn := s.Snapshot()
	defer sn.Release()
	if sn.End() != m.end {
		t.Fatalf("the runs end at %d, want %d", sn.End(), m.end)
	}
	seen := 0
	for c, err := range sn.Claims() {
		must(t, err)
		if m.claims[c.Claim] != c {
			t.Fatalf("claim %v, want %v", c, m.claims[c.Claim])
		}
		seen++
	}
	if seen != len(m.claims) {
		t.Fatalf("%d claims, want %d", seen, len(m.claims))
	}
	f := sn.Finder()
	for c, want := range m.claims {
		got, ok, err := f.Find(&c, 0)
		if err != nil || !ok || got != want || !slices.Equal(sn.Candidates(nil, []tollbook.Claim{{1}, c}), []int{1}) {
			t.Fatalf("claim %v: %v %v %v", c, got, ok, err)
		}
	}
	for range 1000 {
		c := m.claim()
		if _, ok, err := f.Find(&c, 0); ok || err != nil {
			t.Fatalf("a claim that is not there: %v %v", ok, err)
		}
	}
	m.checkIndex(t, sn)
}

func (m *model) checkIndex(t *testing.T, sn *Snapshot) {
	t.Helper()
	byTally := map[uint32][]uint64{}
	last, n := Entry{}, 0
	for e, err := range sn.Entries() {
		must(t, err)
		if !m.index[e] || n > 0 && last.compare(e) >= 0 {
			t.Fatalf("entry %v behind %v", e, last)
		}
		last = e
		n++
		byTally[e.Tally] = append(byTally[e.Tally], e.At)
	}
	if n != len(m.index) {
		t.Fatalf("%d entries, want %d", n, len(m.index))
	}
	for tally, all := range byTally {
		from, to := m.rng.IntN(len(all)+1), m.rng.IntN(len(all)+1)
		if from > to {
			from, to = to, from
		}
		after, end := uint64(0), uint64(MaxAt)
		if from > 0 {
			after = all[from-1]
		}
		if to < len(all) {
			end = all[to]
		}
		limit := 1 + m.rng.IntN(10)
		want := all[from:min(to, from+limit)]
		got, err := sn.Tally(nil, tally, after, end, limit)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("tally %d from %d to %d: %v %v, want %v", tally, after, end, got, err, want)
		}
	}
	m.checkTallies(t, sn, byTally)
	for _, e := range m.old[:min(len(m.old), 100)] {
		if ok, err := sn.Has(e.Tally, e.At); err != nil || !ok {
			t.Fatalf("%v: %v %v", e, ok, err)
		}
		if ok, err := sn.Has(e.Tally+1<<20, e.At); err != nil || ok {
			t.Fatalf("%v in another tally: %v %v", e, ok, err)
		}
	}
}

// checkTallies asks for many tallies at once: few or most of those that there
// are, and some that are not.
func (m *model) checkTallies(t *testing.T, sn *Snapshot, byTally map[uint32][]uint64) {
	t.Helper()
	end := 1 + m.rng.Uint64N(m.end)
	for _, share := range []int{1, 2, 50} {
		var asked []uint32
		var got, want []Entry
		for tally := range byTally {
			if m.rng.IntN(share) == 0 {
				asked = append(asked, tally, tally+1<<20)
			}
		}
		slices.Sort(asked)
		for _, tally := range asked {
			for _, at := range byTally[tally] {
				if at < end {
					want = append(want, Entry{Tally: tally, At: at})
				}
			}
		}
		must(t, sn.Tallies(asked, end, func(tally uint32, at uint64) { got = append(got, Entry{Tally: tally, At: at}) }))
		if !slices.Equal(got, want) {
			t.Fatalf("%d of %d tallies: %d entries, want %d", len(asked)/2, len(byTally), len(got), len(want))
		}
	}
}

// mergeAll merges what is due and returns how many merges that were.
func mergeAll(t testing.TB, s *Set) (n int) {
	t.Helper()
	for {
		merged, err := s.mergeNext(t.Context())
		must(t, err)
		if !merged {
			return n
		}
		n++
	}
}

// TestRuns adds, merges and opens again in random order, and compares all that
// can be asked with a model.
func TestRuns(t *testing.T) {
	checktest.Leave(t)
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			fs := vfs.NewMem()
			m := newModel(seed)
			s, err := Open(fs, "", 200)
			must(t, err)
			for range 40 {
				claims, entries := m.stretch(1 + m.rng.IntN(200))
				must(t, s.Add(m.end, claims, entries))
				switch m.rng.IntN(4) {
				case 0:
					mergeAll(t, s)
				case 1:
					must(t, s.Close())
					s, err = Open(fs, "", 200)
					must(t, err)
				}
			}
			m.check(t, s)
			if mergeAll(t, s) == 0 {
				t.Log("nothing was left to merge")
			}
			m.check(t, s)
			if n := len(s.current.runs); n > 12 {
				t.Errorf("%d runs are left", n)
			}
			must(t, s.Close())
		})
	}
}

// TestReadersKeepWhatTheySaw merges while a snapshot is held.
func TestReadersKeepWhatTheySaw(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(1)
	s, err := Open(fs, "", 200)
	must(t, err)
	for range fanout {
		claims, entries := m.stretch(100)
		must(t, s.Add(m.end, claims, entries))
	}
	before := s.Snapshot()
	if mergeAll(t, s) != 1 || len(s.current.runs) != 1 || len(before.version.runs) != fanout {
		t.Fatalf("%d runs, the snapshot has %d", len(s.current.runs), len(before.version.runs))
	}
	f := before.Finder()
	for c := range m.claims {
		if _, ok, err := f.Find(&c, 0); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	before.Release()
	m.check(t, s)
	must(t, s.Close())
}

// TestMergeIsCutShort ends a merge in the middle, which leaves nothing; what a
// process that died in one has left is removed at the next start, and so is
// what it leaves when it dies just before the old files are removed.
func TestMergeIsCutShort(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(2)
	s, err := Open(fs, "", 200)
	must(t, err)
	for range fanout {
		claims, entries := m.stretch(100)
		must(t, s.Add(m.end, claims, entries))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Merge(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	must(t, s.Close())
	names, err := fs.List("")
	must(t, err)
	old := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, extension) {
			old[name] = readAll(t, fs, name)
		}
	}
	if len(old) != fanout || len(names) != fanout {
		t.Fatalf("files %v", names)
	}
	writeAll(t, fs, runName(0, m.end)+temporary, []byte("half of a run"))
	s, err = Open(fs, "", 200)
	must(t, err)
	mergeAll(t, s)
	must(t, s.Close())
	for name, b := range old {
		writeAll(t, fs, name, b)
	}
	s, err = Open(fs, "", 200)
	must(t, err)
	m.check(t, s)
	if names, err = fs.List(""); err != nil || len(names) != 1 {
		t.Errorf("files %v, %v", names, err)
	}
	must(t, s.Close())
}

// TestAddMakesRoom adds many runs while nobody merges.
func TestAddMakesRoom(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(8)
	s, err := Open(fs, "", 10)
	must(t, err)
	for range 3 * maxRuns {
		claims, entries := m.stretch(10)
		must(t, s.Add(m.end, claims, entries))
	}
	if len(s.current.runs) > maxRuns {
		t.Errorf("%d runs", len(s.current.runs))
	}
	m.check(t, s)
	must(t, s.Close())
}

// TestRunsStayFew adds runs of very different sizes, as many short lives of a
// process do.
func TestRunsStayFew(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(5)
	s, err := Open(fs, "", 64)
	must(t, err)
	for i := range 400 {
		n := 1
		if i%7 == 0 {
			n = 1 << m.rng.IntN(8)
		}
		claims, entries := m.stretch(n)
		must(t, s.Add(m.end, claims, entries))
		mergeAll(t, s)
		if len(s.current.runs) > maxRuns/2 {
			t.Fatalf("%d runs", len(s.current.runs))
		}
	}
	m.check(t, s)
	must(t, s.Close())
}

func readAll(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	b := make([]byte, info.Size())
	if len(b) > 0 {
		_, err = f.ReadAt(b, 0)
		must(t, err)
	}
	return b
}

func writeAll(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, writeCategory)
	must(t, err)
	_, err = f.Write(b)
	must(t, err)
	must(t, f.Close())
}
