package storetest

import (
	"testing"

	"tollbook"
)

// sameModel opens one model again and again: closing it loses nothing.
type sameModel struct{ *Model }

func (d sameModel) Open(testing.TB) tollbook.Ledger { return d.Model }

// The suite can be passed: the model passes it.
func TestModelConforms(t *testing.T) {
	Run(t, func(testing.TB) Driver { return sameModel{NewModel()} })
}
