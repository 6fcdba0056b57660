//go:build !race

package racetest

// Watches tells whether the race detector does.
const Watches = false
