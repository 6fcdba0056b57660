package localstore

import (
	"cmp"
	"encoding/binary"
	"slices"

	"tollbook"
	"tollbook/localstore/runs"
)

// claimEntry is what a claim stands for.
type claimEntry struct {
	claim       tollbook.Claim
	fingerprint uint64
	at          locator
	// unrated is the tally that the event was kept in without charges when it
	// was accepted; noTally where it had some, inLog where the event itself
	// says which tally that is.
	unrated uint32
}

// Numbers that are no tally's.
const (
	noTally = ^uint32(0)
	inLog   = ^uint32(0) - 1
)

// indexed says that the event at a locator is in a tally.
type indexed struct {
	at    locator
	tally uint32
}

// table holds what the newest events add to the runs, in memory, until it is
// sorted and becomes one. The claims are for the committer alone; the rest is
// guarded by views.mu.
type table struct {
	// start is the position from which on the table holds everything, unless
	// a younger one does.
	start uint64

	claims []claimEntry
	// slots is an open hash table; 0 is free, else the lower half is the
	// number of the claim + 1 and the upper half a part of the claim, so that
	// another claim need not be looked at to know that it is another.
	slots []uint64

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
		slots:  make([]uint64, slots),
		events: make([]indexed, 0, events),
		taken:  make(map[locator]uint32),
	}
}

// full tells whether the table has taken in what it was made for.
func (t *table) full(events int) bool {
	return len(t.claims) >= events || len(t.events) >= 2*events || len(t.taken) >= events
}

// slotOf returns where a claim's slot is looked for first, and its tag. A
// claim is a hash: any of its bits will do.
func slotOf(c *tollbook.Claim) (slot, tag uint64) {
	return binary.LittleEndian.Uint64(c[:8]), binary.LittleEndian.Uint64(c[8:]) &^ (1<<32 - 1)
}

// find returns the entry of a claim, or nil. It is good until the next add.
func (t *table) find(c *tollbook.Claim) *claimEntry {
	mask := uint64(len(t.slots) - 1)
	slot, tag := slotOf(c)
	for i := slot & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return nil
		}
		if s&^(1<<32-1) != tag {
			continue
		}
		if e := &t.claims[uint32(s)-1]; e.claim == *c {
			return e
		}
	}
}

// warm looks at the slots of all claims, so that the processor waits for them
// together and has them at hand when find does. What it returns has no meaning,
// but to keep the looks from being left out.
func (t *table) warm(entries []tollbook.Entry) (sum uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := range entries {
		slot, _ := slotOf(&entries[i].Claim)
		sum += t.slots[slot&mask]
	}
	return sum
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
	slot, tag := slotOf(&t.claims[n-1].claim)
	i := slot & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = tag | uint64(n)
}

// grow doubles the slots. A group may be larger than what the table was made
// for.
func (t *table) grow() {
	t.slots = make([]uint64, 2*len(t.slots))
	for n := range t.claims {
		t.place(n + 1)
	}
}

func (t *table) addCharged(at locator, tally uint32) { t.events = append(t.events, indexed{at, tally}) }

func (t *table) addUnrated(at locator, tally uint32) {
	t.unrated = append(t.unrated, indexed{at, tally})
}

func (t *table) addTaken(event locator, tally uint32) { t.taken[event] = tally }

// sortedClaims returns the claims as a run has them.
func (t *table) sortedClaims() []runs.Claim {
	claims := make([]runs.Claim, len(t.claims))
	for i := range t.claims {
		e := &t.claims[i]
		claims[i] = runs.Claim{Claim: e.claim, Fingerprint: e.fingerprint, At: uint64(e.at), Unrated: e.unrated != noTally}
	}
	return runs.SortClaims(claims)
}

// sortedEntries returns the drill-down index of the table as a run has it. An
// unrated event that has got charges is taken back whether it came before or
// in this table.
func (t *table) sortedEntries() []runs.Entry {
	entries := make([]runs.Entry, 0, len(t.events)+len(t.unrated)+len(t.taken))
	for _, e := range t.events {
		entries = append(entries, runs.Entry{Tally: e.tally, At: uint64(e.at)})
	}
	if len(t.unrated)+len(t.taken) > 0 {
		for _, e := range t.unrated {
			if _, gone := t.taken[e.at]; !gone {
				entries = append(entries, runs.Entry{Tally: e.tally, At: uint64(e.at)})
			}
		}
		for at, tally := range t.taken {
			if uint64(at.block()) < t.start {
				entries = append(entries, runs.Entry{Tally: tally, At: uint64(at), Gone: true})
			}
		}
		slices.SortFunc(entries, func(a, b runs.Entry) int { return cmp.Compare(a.At, b.At) })
	}
	return runs.SortByTally(entries)
}
