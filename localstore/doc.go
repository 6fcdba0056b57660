// Package localstore is the embedded Ledger: one directory, one process.
//
// The log is the ledger, the write-ahead log and the backup in one: whatever
// was acknowledged is in it, and everything else (claims, tallies, records,
// the drill-down index) is a view that can be rebuilt from it. docs/format.md
// draws its bytes.
//
// The way of a Post: the caller's goroutine encodes and compresses the events'
// bodies and queues the request. One goroutine, the committer, takes what is
// queued as a group, checks the fence, decides each claim, writes the group as
// frames with one write and one sync, then applies the frames to the views,
// and only then answers. A write or sync that fails stops the store for good:
// what the disk holds is then unknown until the log is read again.
//
// The ground rules:
//
//   - Only the committer changes anything that a later decision depends on, so
//     decisions need no locks; the views that readers see are changed under
//     one lock, after the sync.
//   - Numbers (of accounts, lines, tallies, records) follow from the log
//     alone. Replaying it uses no goroutine and always gives the same.
//   - A claim, once it is there, never changes. Adding it again is harmless,
//     which is what makes replay behind the checkpoint simple.
package localstore
