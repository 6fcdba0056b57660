package localstore

import (
	"encoding/binary"

	"tollbook"
)

// claimEntry is what a claim stands for.
type claimEntry struct {
	claim       tollbook.Claim
	fingerprint uint64
	at          locator
	// unrated is the tally that the event was kept in without charges when it
	// was accepted, or noTally.
	unrated uint32
}

// noTally is no tally's number.
const noTally = ^uint32(0)

// indexed says that the event at a locator is in a tally.
type indexed struct {
	at    locator
	tally uint32
}

// table holds what the newest events add to the claims database, in memory,
// until it is sorted and handed over. The claims are for the committer alone;
// the rest is guarded by views.mu.
type table struct {
	// start is the position from which on the table holds everything, unless
	// a younger one does.
	start uint64

	claims []claimEntry
	slots  []uint32 // open addressing; 0 is free, else number of the claim + 1

	events  []indexed          // of events with charges, by locator
	unrated []indexed          // of events without, by locator
	taken   map[locator]uint32 // unrated events that have got charges → their unrated tally
}

func newTable(start uint64, events int) *table {
	slots := 64
	for slots < 2*events {
		slots *= 2
	}
	return &table{
		start:  start,
		claims: make([]claimEntry, 0, events),
		slots:  make([]uint32, slots),
		events: make([]indexed, 0, events),
		taken:  make(map[locator]uint32),
	}
}

// full tells whether the table has taken in what it was made for.
func (t *table) full(events int) bool {
	return len(t.claims) >= events || len(t.events) >= 2*events || len(t.taken) >= events
}

func slotOf(c *tollbook.Claim) uint64 { return binary.LittleEndian.Uint64(c[4:]) }

// find returns the entry of a claim, or nil. It is good until the next add.
func (t *table) find(c *tollbook.Claim) *claimEntry {
	mask := uint64(len(t.slots) - 1)
	for i := slotOf(c) & mask; ; i = (i + 1) & mask {
		n := t.slots[i]
		if n == 0 {
			return nil
		}
		if e := &t.claims[n-1]; e.claim == *c {
			return e
		}
	}
}

// add adds the entry of a claim that is not there, and returns its number.
func (t *table) add(e claimEntry) int {
	if 2*(len(t.claims)+1) > len(t.slots) {
		t.grow()
	}
	t.claims = append(t.claims, e)
	t.place(len(t.claims))
	return len(t.claims) - 1
}

// place gives the n-th claim, counted from 1, its slot.
func (t *table) place(n int) {
	mask := uint64(len(t.slots) - 1)
	i := slotOf(&t.claims[n-1].claim) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = uint32(n)
}

// grow doubles the slots. A group may be larger than what the table was made
// for.
func (t *table) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	for n := range t.claims {
		t.place(n + 1)
	}
}

func (t *table) addCharged(at locator, tally uint32) { t.events = append(t.events, indexed{at, tally}) }

func (t *table) addUnrated(at locator, tally uint32) {
	t.unrated = append(t.unrated, indexed{at, tally})
}

func (t *table) addTaken(event locator, tally uint32) { t.taken[event] = tally }
