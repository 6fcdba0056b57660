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
		if _, err := w.body(f, h, own); err != nil {
			return err
		}
		if err := w.claim(h.claim, h.fingerprint, h.at, 0); err != nil {
			return err
		}
	}
	return nil
}

// corrections compares bookings with the words before them, too.
func (w *verifier) corrections(f frame, b *batch) (err error) {
	b.eachBooking(func(h *head, c *correction, back, charges []headCharge) {
		if err != nil {
			return
		}
		var before locator
		if before, err = w.body(f, h, charges); err != nil {
			return
		}
		if before != c.ref {
			w.report.differ("position %d: a booking's head names another word than its body", f.pos)
		}
		if err = w.before(f, c, back); err != nil {
			return
		}
		if err = w.claim(h.claim, h.fingerprint, h.at, c.ref); err == nil && c.link != nil {
			err = w.claim(*c.link, 0, h.at, w.links[*c.link])
			w.links[*c.link] = h.at
		}
	})
	return err
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

// body compares what the body of an event or booking says with its head, and
// returns where it says that the word before is.
func (w *verifier) body(f frame, h *head, charges []headCharge) (before locator, err error) {
	e, before, err := w.words.read(h.at)
	if err != nil {
		return 0, err
	}
	if e.Claim != h.claim || tollbook.Fingerprint(e.AppendNormal(nil)) != h.fingerprint {
		w.report.differ("position %d: event %s of %s has another claim or fingerprint than its head", f.pos, e.ID, e.Source)
	}
	if !w.sameCharges(&e, charges) || len(charges) == 0 && e.Void == nil && !w.isUnrated(&e, h.unrated) {
		w.report.differ("position %d: the charges of claim %v differ between head and body", f.pos, h.claim)
	}
	return before, nil
}

// before compares what a booking takes back with what the word before it says.
func (w *verifier) before(f frame, c *correction, back []headCharge) error {
	if c.adjusts {
		return nil
	}
	e, _, err := w.earlier.read(c.ref)
	if err != nil {
		return err
	}
	if !w.sameCharges(&e, back) || len(back) == 0 && !w.isUnrated(&e, c.left) {
		w.report.differ("position %d: what is taken back of claim %v is not what was counted", f.pos, e.Claim)
	}
	return nil
}

// isUnrated tells whether a tally is the one that an event without charges is
// in.
func (w *verifier) isUnrated(e *tollbook.BookedEvent, tally uint32) bool {
	if tally == noTally {
		return false
	}
	t := w.views.tallies.at(tally)
	return t.line == noLine && w.isOf(e, t)
}

// isOf tells whether a tally is one of an event's account and months.
func (w *verifier) isOf(e *tollbook.BookedEvent, t *tally) bool {
	return t.month == e.Booked && t.home == e.Home && w.views.accounts[t.account].id == e.AccountID
}

// sameCharges tells whether an event's charges come to those of a head.
func (w *verifier) sameCharges(e *tollbook.BookedEvent, head []headCharge) bool {
	left := make([]headCharge, len(head))
	copy(left, head)
	for _, c := range e.Charges {
		found := false
		for i := range left {
			if t := w.views.tallies.at(left[i].tally); t.line != noLine && w.isOf(e, t) && w.views.lines[t.line].Key() == c.Line.Key() {
				left[i].increments = left[i].increments.Sub(c.Increments)
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	for i := range left {
		if left[i].increments.Sign() != 0 {
			return false
		}
	}
	return true
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
		got, _, err := finder.Find(&want.Claim)
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
		_, found, err := finder.Find(&claim)
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

// recordName names the record of a tally.
func (w *verifier) recordName(tally uint32) string {
	t := w.views.tallies.at(tally)
	if t.line == noLine {
		return fmt.Sprintf("unrated events of account %s in %s", w.views.accounts[t.account].id, t.month)
	}
	return w.views.recordID(t.record).String()
}
