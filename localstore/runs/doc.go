// Package runs keeps what is looked up about old events, in sorted files that
// are never changed: which event a claim stands for, and which events a tally
// has.
//
// A run holds what a stretch of the log adds to both. The stretches follow
// one another without a gap, so the files are their own table of contents: a
// file is named by the positions of the log that it stands for, and one that
// covers others replaces them. Neighbouring runs of about the same size are
// merged in the background, so that there are few, and every entry is written
// again a few times only, however long the history is.
//
// Claims are cryptographic hashes, spread evenly and all of one length. That
// is what makes this simpler and several times cheaper than a general sorted
// store: entries of a fixed size need no index but the first of each block, a
// merge moves them as they are, and a filter in memory, two bytes a claim,
// answers nearly every question about a claim that was never seen.
//
// docs/format.md draws the bytes.
package runs
