package storetest

import (
	"testing"

	"tollbook"
	"tollbook/checktest"
)

// Driver opens one ledger's data.
type Driver interface {
	// Open opens the data, which is empty at the first call. Every ledger
	// that it returned before has been closed by then. Open fails the test
	// where it cannot.
	Open(t testing.TB) tollbook.Ledger
}

// Thinner is a Driver that says whether its ledgers take a while to answer. Then tests
// that ask for everything in every order leave most of that out.
type Thinner interface {
	Driver
	Thin() bool
}

// Crasher is a Driver whose data can be looked at as a power failure would
// leave it.
type Crasher interface {
	Driver

	// Crash returns a driver of what would be left if the power failed now:
	// everything that was synced, and of the rest whatever the driver likes.
	// The ledger that is open keeps its own data and may be in use meanwhile.
	// What is returned is a Crasher too.
	Crash(t testing.TB) Driver
}

// Run runs the whole suite but for the random histories, for which a store calls
// Histories. Each test takes a new driver; groups of them run side by side. Those
// in which several do something at once are for the race detector; the others ask
// one question after the other, and it leaves them.
func Run(t *testing.T, newDriver func(t testing.TB) Driver) {
	runGroups(t, newDriver, false, []group{
		{"Concurrency", concurrencyTests()},
		{"Together", togetherTests()},
	})
	runGroups(t, newDriver, true, []group{
		{"Define", defineTests()},
		{"Post", postTests()},
		{"Bounds", boundTests()},
		{"Full", fullTests()},
		{"Book", bookTests()},
		{"Months", monthTests()},
		{"Void", voidTests()},
		{"Restate", restateTests()},
		{"MonthEvents", monthEventTests()},
		{"History", historyTests()},
		{"Journal", journalTests()},
		{"Tiers", tierTests()},
		{"Totals", totalTests()},
		{"Records", recordTests()},
		{"Past", pastTests()},
		{"Events", eventTests()},
		{"Isolation", isolationTests()},
		{"Once", onceTests()},
		{"Lease", leaseTests()},
		{"Crash", crashTests()},
	})
	t.Run("Scripts", func(t *testing.T) { t.Parallel(); checktest.Leave(t); Scripts(t, newDriver) })
	t.Run("UseCases", func(t *testing.T) { t.Parallel(); checktest.Leave(t); UseCases(t, newDriver) })
}

// group is tests that are about the same.
type group struct {
	name  string
	tests []test
}

func runGroups(t *testing.T, newDriver func(t testing.TB) Driver, leave bool, groups []group) {
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			if leave {
				checktest.Leave(t)
			}
			runTests(t, g.tests, newDriver)
		})
	}
}

// Crashes runs the tests of the suite that need a Crasher, for a store whose
// other tests have drivers that are none.
func Crashes(t *testing.T, newDriver func(t testing.TB) Crasher) {
	runTests(t, crashTests(), func(t testing.TB) Driver { return newDriver(t) })
}

func runTests(t *testing.T, tests []test, newDriver func(t testing.TB) Driver) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.run(newSubject(t, newDriver(t))) })
	}
}

// test is one rule of the interface, by its name.
type test struct {
	name string
	run  func(s *subject)
}
