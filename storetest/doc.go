// Package storetest is the judge of every tollbook.Ledger: a conformance suite
// that states the interface's rules one test each, a Model that is obviously
// right, random histories in which a ledger and the model must agree, and
// plain-text scripts that run from a rate card and raw events to a month's
// records.
//
// A store's own test is a Driver and one call:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Driver { return newDriver(t) })
//	}
//
// NewTraffic makes the same kind of random history one level up: JSON bodies
// to be sent over HTTP, with the records that must come out.
package storetest
