//go:build race

package storetest

// underRace tells whether the race detector watches.
const underRace = true
