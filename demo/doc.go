// Package demo makes a small believable world to look at: a reseller with two
// organizations and a customer's own, their accounts in several time zones,
// rate cards for the whole world, and events of fourteen months.
//
// A world follows from its seed, its last day and its number of events alone:
// it is the same on every machine, since nothing in it is drawn through a
// float. Load sends it by the same road as any other definitions and events.
package demo
