package localstore

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// TestHostileTallies: a log that counts charges in a tally of unrated events, or
// the other way about, is refused with the place, though its checksums are right.
func TestHostileTallies(t *testing.T) {
	posted := func(t testing.TB, fs vfs.FS) {
		s := mustOpen(t, fs)
		mustPost(t, s, newWorld(1, 1, 1, 1, 1).batch(1))
		mustClose(t, s)
	}
	tests := []struct {
		name   string
		fill   func(t testing.TB, fs vfs.FS)
		change func(b *batch, unrated, rated uint32)
	}{
		{"charges in a tally of unrated events", posted, func(b *batch, unrated, _ uint32) { b.charges[0].tally = unrated }},
		{"an unrated event in a rate's tally", posted, func(b *batch, _, rated uint32) {
			b.heads[0].unrated, b.heads[0].charges, b.charges = rated, 0, nil
		}},
		{"charges taken back from a tally of unrated events", fillBooked, func(b *batch, unrated, _ uint32) { b.backs[0].tally = unrated }},
		{"an unrated event taken out of a rate's tally", fillBooked, func(b *batch, _, rated uint32) {
			b.corrections[0].left, b.corrections[0].back = rated, 0
			b.backs = b.backs[1:]
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs := vfs.NewMem()
			test.fill(t, fs)
			err := sayOtherwise(t, fs, func(b *batch) {
				unrated := newTally{tallyKey: b.intro.tallies[0].tallyKey}
				unrated.line = noLine
				b.intro.tallies = append(b.intro.tallies, unrated)
				test.change(b, uint32(b.firsts[3]+len(b.intro.tallies)-1), b.charges[0].tally)
			})
			if err == nil || !strings.Contains(err.Error(), "malformed") {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

// TestHostileDefinitions: a checkpoint that does not say where its definitions
// are is passed over.
func TestHostileDefinitions(t *testing.T) {
	for name, frames := range map[string][]definitionFrame{
		"nowhere":               nil,
		"not the first":         {{2, 0}},
		"out of order":          {{1, 0}, {1, 0}},
		"more than there are":   {{1, 0}, {3, 9}},
		"from before the first": {{0, 0}, {1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, fs)
			_, err := s.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, ID: "x"}, {RequestID: [16]byte{2}, ID: "y"}})
			must(t, err)
			mustClose(t, s)
			cp := s.views.capture()
			cp.definitions.frames = frames
			rewrite(t, fs, cp)
			s = mustOpen(t, fs)
			n := 0
			for _, err := range s.Definitions(t.Context(), 0) {
				must(t, err)
				n++
			}
			if n != 2 {
				t.Errorf("%d definitions", n)
			}
			mustClose(t, s)
		})
	}
}
