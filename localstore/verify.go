package localstore

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/localstore/runs"
)

// maxDifferences is how many differences a Report spells out.
const maxDifferences = 100

// Report is what Verify found.
type Report struct {
	Bytes       int64 // of the log
	Frames      int64
	Events      int64
	Bookings    int64
	Records     int64
	Definitions int64

	// Differences says in words what differs between the log and what is
	// served, the first maxDifferences of Found.
	Differences []string
	Found       int
}

func (r *Report) differ(format string, args ...any) {
	if r.Found++; len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// Verify reads the whole log of a data directory that is not in use into
// fresh views, and compares every view with what Open gives: definitions,
// tallies, records and their indexes, claims, the drill-down index, unrated
// events. It also checks that each event's body says what its head says.
// What Open had to put right counts as a difference. An error means that the
// directory could not be verified at all, such as a log that is damaged.
func Verify(ctx context.Context, fs vfs.FS, dir string, progress func(done, total int64)) (report Report, err error) {
	s, repairs, err := open(dir, Options{FS: fs})
	if err != nil {
		return report, err
	}
	defer func() {
		if closeErr := s.abandon(); err == nil {
			err = closeErr
		}
	}()
	for _, what := range repairs {
		report.differ("%s", what)
	}
	s.handOver()
	if err := s.failure(); err != nil {
		return report, err
	}
	w := newVerifier(ctx, s, &report)
	w.progress = progress
	if err := s.journal.replay(0, w.frame); err != nil {
		return report, err
	}
	report.Bytes = int64(s.journal.end)
	report.Events, report.Records = w.views.events, int64(w.views.shown)
	report.Definitions = int64(w.views.definitions.head)
	w.compareViews()
	return report, w.compareStored()
}

// handOver makes what the tables hold a run, so that the runs have everything.
func (s *Store) handOver() {
	s.freeze()
	done := make(chan struct{})
	s.flushes <- flush{done: done}
	<-done
}

// verifier rebuilds the views from the log.
type verifier struct {
	s        *Store
	ctx      context.Context
	report   *Report
	progress func(done, total int64)

	views   *views
	numbers *numbering
	batch   batch
	words   *wordReader
	earlier *wordReader // of what is taken back
	links   map[tollbook.Claim]locator

	claims, index digest
	onClaim       func(c runs.Claim, first bool) error // where set
	onIndex       func(indexed, bool)                  // where set; false: taken out
}

func newVerifier(ctx context.Context, s *Store, report *Report) *verifier {
	w := &verifier{s: s, ctx: ctx, report: report, views: newViews(), numbers: newNumbering(), links: make(map[tollbook.Claim]locator)}
	w.words, w.earlier = s.wordReader(), s.wordReader()
	for _, r := range [...]*wordReader{w.words, w.earlier} {
		r.words.lines, r.events.lines = w.views.line, w.views.line
	}
	return w
}

// digest stands for a set whatever its order: the sum of its members' hashes.
type digest struct {
	n   int64
	sum [2]uint64
}

func (d *digest) add(key, value []byte, n int64) {
	d.n += n
	d.sum[0] += uint64(n) * xxhash.Sum64(key)
	var h xxhash.Digest
	h.ResetWithSeed(1)
	h.Write(key)
	h.Write(value)
	d.sum[1] += uint64(n) * h.Sum64()
}

// The verifier is the sink of the batches that it applies.
func (w *verifier) addCharged(at locator, tally uint32) { w.indexed(at, tally, 1) }
func (w *verifier) addUnrated(at locator, tally uint32) { w.indexed(at, tally, 1) }
func (w *verifier) addGone(at locator, tally uint32)    { w.indexed(at, tally, -1) }

func (w *verifier) indexed(at locator, tally uint32, n int64) {
	w.index.add(indexKey(tally, at), nil, n)
	if w.onIndex != nil {
		w.onIndex(indexed{at, tally}, n > 0)
	}
}

// frame applies one frame of the log.
func (w *verifier) frame(f frame) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.report.Frames++
	if err := w.s.journal.findable(f.pos); err != nil {
		return err
	}
	switch f.typ {
	case frameEvents, frameBookings:
		if err := w.events(f); err != nil {
			return err
		}
	case frameDefinitions:
		defs, err := decodeDefinitions(f.payload)
		if err != nil {
			return err
		}
		if err := w.views.definitions.follow(defs); err != nil {
			return err
		}
		w.views.definitions.add(f.pos, defs)
	case frameOnce:
		key, until, err := decodeOnce(f.payload)
		if err != nil {
			return err
		}
		w.views.once[key] = until
	}
	w.views.end = f.pos + frameHeaderBytes + uint64(f.size)
	if w.progress != nil {
		w.progress(int64(w.views.end), int64(w.s.views.end))
	}
	return nil
}

func (w *verifier) events(f frame) error {
	b := &w.batch
	if err := b.decode(&f, w.numbers); err != nil {
		return err
	}
	if err := w.numbers.learn(&b.intro); err != nil {
		return err
	}
	w.views.apply(b, w, false)
	if b.bookings {
		w.report.Bookings += int64(len(b.heads))
		return w.corrections(f, b)
	}
	charges := b.charges
	for i := range b.heads {
		h := &b.heads[i]
		own := charges[:h.charges]
		charges = charges[h.charges:]
		if _, _, err := w.body(f, h, own); err != nil {
			return err
		}
		if err := w.claim(h.claim, h.fingerprint, h.at, 0); err != nil {
			return err
		}
	}
	return nil
}

// claim notes that a word about a claim follows on another, 0 where it is the
// first.
func (w *verifier) claim(claim tollbook.Claim, fingerprint uint64, at, before locator) error {
	if before != 0 {
		w.claims.add(claim[:], claimValue(fingerprint, before), -1)
	}
	w.claims.add(claim[:], claimValue(fingerprint, at), 1)
	if w.onClaim == nil {
		return nil
	}
	return w.onClaim(runs.Claim{Claim: claim, Fingerprint: fingerprint, At: uint64(at)}, before == 0)
}

// indexKey and claimValue are what entries and claims are hashed as.
func indexKey(tally uint32, at locator) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, tally), uint64(at))
}

func claimValue(fingerprint uint64, at locator) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, fingerprint), uint64(at))
}

// compareStored compares the runs with the log. The sums are compared first;
// only where they differ is every key looked up.
func (w *verifier) compareStored() error {
	stored := w.s.runs.Snapshot()
	defer stored.Release()
	var claims, index digest
	for c, err := range stored.Claims() {
		if err != nil {
			return w.s.rebuildable(err)
		}
		claims.add(c.Claim[:], claimValue(c.Fingerprint, locator(c.At)), 1)
	}
	for e, err := range stored.Entries() {
		if err != nil {
			return w.s.rebuildable(err)
		}
		index.add(indexKey(e.Tally, locator(e.At)), nil, 1)
	}
	if claims != w.claims {
		w.report.differ("the runs hold %d claims, the log %d, or they differ", claims.n, w.claims.n)
	}
	if index != w.index {
		w.report.differ("the drill-down index holds %d entries, the log makes %d, or they differ", index.n, w.index.n)
	}
	if claims == w.claims && index == w.index {
		return nil
	}
	return w.nameMissing(stored)
}

// nameMissing reads the log again and looks each of its keys up.
func (w *verifier) nameMissing(stored *runs.Snapshot) error {
	finder := stored.Finder()
	again := newVerifier(w.ctx, w.s, new(Report))
	latest := make(map[tollbook.Claim]runs.Claim)
	again.onClaim = func(want runs.Claim, first bool) error {
		if _, there := latest[want.Claim]; there && first {
			w.report.differ("claim %v was accepted more than once", want.Claim)
		}
		got, _, err := finder.Find(&want.Claim, 0)
		if got == want {
			delete(latest, want.Claim)
		} else {
			latest[want.Claim] = want
		}
		return err
	}
	missing := make(map[indexed]struct{})
	again.onIndex = func(e indexed, in bool) {
		if there, err := stored.Has(e.tally, uint64(e.at)); err == nil && !there && in {
			missing[e] = struct{}{}
		} else if !in {
			delete(missing, e)
		}
	}
	if err := w.s.journal.replay(0, again.frame); err != nil {
		return err
	}
	for claim := range latest {
		_, found, err := finder.Find(&claim, 0)
		switch {
		case err != nil:
			return err
		case !found:
			w.report.differ("claim %v is missing", claim)
		default:
			w.report.differ("claim %v stands for another event", claim)
		}
	}
	for e := range missing {
		w.report.differ("the event at position %d is missing in the index of record %s", e.at.block(), w.recordName(e.tally))
	}
	return nil
}
