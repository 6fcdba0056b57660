package storetest

import (
	"maps"
	"slices"
	"testing"

	"tollbook"
)

// sameModel opens one model again and again: closing it loses nothing.
type sameModel struct{ *Model }

func (d sameModel) Open(testing.TB) tollbook.Ledger { return d.Model }

// Crash implements Crasher: all of it is left.
func (d sameModel) Crash(testing.TB) Driver { return sameModel{d.clone()} }

// clone returns a model of its own that was told the same.
func (m *Model) clone() *Model {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewModel()
	c.defs, c.requests, c.seen = slices.Clone(m.defs), maps.Clone(m.requests), maps.Clone(m.seen)
	c.words, c.marks = slices.Clone(m.words), maps.Clone(m.marks)
	c.behind, c.calls = slices.Clone(m.behind), m.calls
	c.replay()
	return c
}

// replay works out anew what the words come to.
func (m *Model) replay() {
	m.now = newState()
	for _, w := range m.words {
		m.now.say(w)
	}
}

// The suite can be passed: the model passes it.
func TestModelConforms(t *testing.T) {
	Run(t, func(testing.TB) Driver { return sameModel{NewModel()} })
}
