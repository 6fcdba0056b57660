package transfer_test

import (
	"testing"

	"tollbook/storetest"
)

// TestHistoriesOfCopies: what a copy of a copy answers is what the model does,
// however often the copying was killed.
func TestHistoriesOfCopies(t *testing.T) {
	storetest.Histories(t, func(testing.TB) storetest.Driver { return newCopying(newMemory) }, 2)
}

// TestConformanceOfCopies runs the suite over copies.
func TestConformanceOfCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	storetest.Run(t, func(testing.TB) storetest.Driver { return newCopying(newMemory) })
}
