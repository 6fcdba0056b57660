//go:build race

package storetest

// UnderRace tells whether the race detector watches.
const UnderRace = true
