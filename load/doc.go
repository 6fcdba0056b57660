// Package load makes usage events by the million, sends them to a server and
// checks what it made of them.
//
// A Workload is a function of its seed: the n-th event is the same whenever
// and wherever it is asked for, and what all records must come to in the end
// follows from it without asking anybody. That is what makes a figure of a
// load worth anything: an event that was lost or counted twice shows.
package load
