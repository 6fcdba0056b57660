package localstore

import "tollbook/decimal"

// readersEvery is how many events are counted between two chances for readers:
// a large batch must not keep a page waiting.
const readersEvery = 256

// letReadersIn gives those who wait for mu a turn.
func (v *views) letReadersIn() {
	v.mu.Unlock()
	v.mu.Lock()
}

// warm looks at the counts that a batch will change; see table.warm. Only the
// committer changes them, so it may look without mu.
func (v *views) warm(b *batch) (sum uint64) {
	n := uint32(v.counts.len())
	for i := range b.charges {
		if t := b.charges[i].tally; t < n {
			sum += uint64(v.counts.at(t).words)
		}
	}
	return sum
}

// indexSink takes what a batch adds to the drill-down index.
type indexSink interface {
	addCharged(at locator, tally uint32)
	addUnrated(at locator, tally uint32)
	addGone(at locator, tally uint32) // an older word counts no more
}

// apply counts a batch. The log says that it happened. Where there are readers
// they get a turn now and then.
func (v *views) apply(b *batch, sink indexSink, readers bool) {
	if b.bookings {
		v.correct(b, sink, readers)
	} else {
		v.post(b, sink, readers)
	}
}

// post counts a batch of events. What readers see meanwhile is a part of it, of
// which each event is counted whole or not at all.
func (v *views) post(b *batch, sink indexSink, readers bool) {
	v.introduce(&b.intro)
	first := v.tallies.len()
	charges := b.charges
	for i := range b.heads {
		if i%readersEvery == readersEvery-1 && readers {
			v.letReadersIn()
		}
		h := &b.heads[i]
		v.events++
		if h.charges == 0 {
			v.reach(&b.intro, first, int(h.unrated)+1)
			v.countUnrated(h.unrated, 1)
			sink.addUnrated(h.at, h.unrated)
			continue
		}
		own := charges[:h.charges]
		charges = charges[h.charges:]
		for j := range own {
			v.reach(&b.intro, first, int(own[j].tally)+1)
			v.count(own[j].tally, own[j].increments, 1)
			sink.addCharged(h.at, own[j].tally)
		}
		if len(own) > 1 {
			v.eachDouble(own, func(record uint32) { v.addDoubles(record, 1) })
		}
	}
	v.reach(&b.intro, first, first+len(b.intro.tallies))
}

// count adds to a tally of a line. A record appears with the first word in it.
func (v *views) count(no uint32, increments decimal.Int, words int64) {
	n := v.counts.at(no)
	had := n.words
	n.increments = n.increments.Add(increments)
	n.words += words
	v.touched.set(no)
	switch {
	case v.tiers.are.has(no):
		v.cut(no)
	case had == 0 && n.words != 0:
		v.show(v.tallies.at(no).record, 1)
	case had != 0 && n.words == 0:
		v.show(v.tallies.at(no).record, -1)
	}
}

// countUnrated adds to a tally of events without charges.
func (v *views) countUnrated(no uint32, words int64) {
	v.counts.at(no).words += words
	v.unrated += words
	v.orgs[v.accounts[v.tallies.at(no).account].org].unrated += words
}

// eachDouble yields a record for each further one of its tallies that a word
// has charges in. In tiers an event counts for each of its tallies.
func (v *views) eachDouble(charges []headCharge, yield func(record uint32)) {
	for i := range charges {
		record := v.tallies.at(charges[i].tally).record
		for j := range charges[:i] {
			if record != noRecord && record == v.tallies.at(charges[j].tally).record {
				yield(record)
				break
			}
		}
	}
}

func (v *views) addDoubles(record uint32, n int64) {
	v.unusual.set(record)
	if v.doubles[record] += n; v.doubles[record] == 0 {
		delete(v.doubles, record)
	}
}

// changes is what a batch of bookings comes to, by tally and by record.
type changes struct {
	counts  map[uint32]count
	doubles map[uint32]int64
}

// correct counts a batch of bookings, whole for whoever looks. What it comes to
// is worked out while readers go on.
func (v *views) correct(b *batch, sink indexSink, readers bool) {
	v.introduce(&b.intro)
	first := v.tallies.len()
	v.reach(&b.intro, first, first+len(b.intro.tallies))
	if readers {
		v.mu.Unlock()
	}
	come := v.changesOf(b)
	if readers {
		v.mu.Lock()
	}
	v.corrections++
	for no, n := range come.counts {
		v.cellAt(v.tallies.at(no).cellKey).corrected = v.corrections
		if v.tallies.at(no).line == noLine {
			v.countUnrated(no, n.words)
		} else {
			v.count(no, n.increments, n.words)
		}
	}
	for record, n := range come.doubles {
		v.addDoubles(record, n)
	}
	b.eachBooking(func(h *head, c *correction, back, charges []headCharge) {
		if c.left != noTally {
			sink.addGone(c.ref, c.left)
		}
		for i := range back {
			sink.addGone(c.ref, back[i].tally)
		}
		if h.unrated != noTally {
			sink.addUnrated(h.at, h.unrated)
		}
		for i := range charges {
			sink.addCharged(h.at, charges[i].tally)
		}
	})
}

// changesOf adds up a batch of bookings.
func (v *views) changesOf(b *batch) changes {
	come := changes{make(map[uint32]count), make(map[uint32]int64)}
	add := func(tally uint32, increments decimal.Int, words int64) {
		n := come.counts[tally]
		come.counts[tally] = count{n.increments.Add(increments), n.words + words}
	}
	b.eachBooking(func(h *head, c *correction, back, charges []headCharge) {
		if c.left != noTally {
			add(c.left, decimal.Int{}, -1)
		}
		for i := range back {
			add(back[i].tally, back[i].increments.Neg(), -1)
		}
		if h.unrated != noTally {
			add(h.unrated, decimal.Int{}, 1)
		}
		for i := range charges {
			add(charges[i].tally, charges[i].increments, 1)
		}
		v.eachDouble(back, func(record uint32) { come.doubles[record]-- })
		v.eachDouble(charges, func(record uint32) { come.doubles[record]++ })
	})
	return come
}
