package localstore

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Bounds that are part of the format or guard memory; Options has those that
// may be tuned.
const (
	maxPayloadBytes    = 256 << 20 // of a frame
	maxDefinitionBytes = 64 << 20  // of one Define
	maxGroupBytes      = 32 << 20  // bodies of the requests committed together
	maxGroup           = 64        // requests committed together
	maxFrozenTables    = 4         // waiting to become runs
	keptCheckpoints    = 2
	maxScans           = 2 // under way at once; each may keep 80 bytes a record
)

// stuckAfter is how long one group may take before the store says that it is
// not ready.
const stuckAfter = 10 * time.Second

// Options says how a Store is opened. The zero value is good for production.
type Options struct {
	FS     vfs.FS           // default: the operating system's
	Clock  func() time.Time // default: time.Now
	Logger *slog.Logger     // default: discards

	// Create makes the directory's content when it is absent or empty.
	Create bool

	// TableEvents is how many claims are gathered in memory before they are
	// sorted and become a run; about 70 bytes each.
	TableEvents int
	// CheckpointEvents is how many events are between two checkpoints, which
	// is what a start after a crash has to replay.
	CheckpointEvents int
	// QueueRequests is how many requests may wait for the committer; others
	// wait for a place.
	QueueRequests int
	// QueueWait is how long a request waits for its turn, the wait for a place
	// included, until it gets CodeTooManyRequests.
	QueueWait time.Duration
	// SegmentBytes is the length of a log file at which the next is begun.
	SegmentBytes int64
	// MarkBytes is how many bytes of the log are at least between two marks
	// whose views are kept.
	MarkBytes int64
	// DiskReserve is how many bytes must be free for anything to be taken.
	DiskReserve uint64
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.TableEvents, 512<<10)
	setDefault(&o.CheckpointEvents, 4<<20)
	setDefault(&o.QueueRequests, 64)
	setDefault(&o.QueueWait, 10*time.Second)
	setDefault(&o.SegmentBytes, 256<<20)
	setDefault(&o.MarkBytes, 4<<20)
	setDefault(&o.DiskReserve, 256<<20)
	return o
}

// backgroundReserve is how many bytes merging and packing leave free: more than
// what the log needs to go on, so that they never are what ends it.
func (o *Options) backgroundReserve() uint64 { return 2 * o.DiskReserve }

func setDefault[T int | int64 | uint64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
