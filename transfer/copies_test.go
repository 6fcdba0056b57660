package transfer_test

import (
	"testing"

	"tollbook/checktest"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// TestHistoriesOfCopies: what a copy of a copy answers is what the model does,
// however often the copying was killed.
func TestHistoriesOfCopies(t *testing.T) {
	checktest.Leave(t)
	storetest.Histories(t, func(testing.TB) storetest.Driver { return newCopying(newMemory) }, 1)
}

// TestConformanceOfCopies runs the suite over copies.
func TestConformanceOfCopies(t *testing.T) {
	if !clickhousetest.Whole() {
		checktest.Skip(t, "it takes minutes: make replicas")
	}
	storetest.Run(t, func(testing.TB) storetest.Driver { return newCopying(newMemory) })
}
