// Package storetest is the judge of every tollbook.Ledger: a conformance suite
// that states the interface's rules one test each, a Model that is obviously
// right, random histories in which a ledger and the model must agree, and
// plain-text scripts: those that run from a rate card and raw events to a
// month's records, and those of use cases, which run a book over the ledger.
//
// A store's own test is a Driver and one call:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Driver { return newDriver(t) })
//	}
//
// A random history that fails prints the flag, -storetest.seed=N, with which it
// is run again; -storetest.seeds=N runs more of them. After a script has been changed, -storetest.rewrite in this
// package writes down what it prints: read the difference before you keep it.
//
// NewTraffic makes the same kind of random history one level up: JSON bodies
// to be sent over HTTP, with the records that must come out.
package storetest
