//go:build !race

package checktest

// UnderRace tells whether the race detector watches.
const UnderRace = false
