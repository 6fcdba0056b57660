package storetest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"tollbook"
)

// corrections returns n corrections of events that the workload made, posted or
// not, half of them of unrated ones.
func (w *Workload) corrections(n int) []correction {
	var open []tollbook.Entry
	for _, e := range w.made {
		if len(e.Charges) == 0 {
			open = append(open, e)
		}
	}
	var list []correction
	for range n {
		e := w.fresh() // its name is not noted: it is never posted
		switch p := w.random.IntN(10); {
		case p < 5 && len(open) > 0:
			e = pick(w.random, open)
		case p < 9 && len(w.made) > 0:
			e = pick(w.random, w.made)
		default:
			e.Claim[0] ^= 0x5a
		}
		list = append(list, w.correct(e))
	}
	return list
}

// correct returns a correction of an event. One in ten is of what was said of
// it before the last.
func (w *Workload) correct(e tollbook.Entry) correction {
	r := w.random
	c := correction{of: e}
	if r.IntN(10) == 0 {
		c.behind = 1
	}
	if r.IntN(3) == 0 {
		c.booked = e.Home + tollbook.Month(r.IntN(4))
	}
	switch p := r.IntN(10); {
	case p < 1:
		c.measured.Unrated = tollbook.Unrated(1 + r.IntN(5))
	case p < 3:
		c.void = w.void(e)
	case p < 5:
		c.void, c.adjusts = w.void(e), true
		c.booked = e.Home + tollbook.Month(1+r.IntN(4))
	default:
		c.measured = w.measure(r, e.Event)
	}
	return c
}

// void returns the void of an event; one in three is in favour of another, that
// is there already, comes later or never.
func (w *Workload) void(e tollbook.Entry) *tollbook.Void {
	r := w.random
	v := &tollbook.Void{Reason: pick(r, []string{"", "test call", "doppelt"}), Actor: "client", At: e.Event.OccurredAt.AddDate(0, 1, 0)}
	if len(w.made) > 0 && r.IntN(3) == 0 {
		other := pick(r, w.made)
		v.ReplacedBy = tollbook.EventName{Source: other.Event.Source, ID: other.Event.ID}
		if r.IntN(2) == 0 {
			v.ReplacedBy.ID = fmt.Sprintf("%s-%06d", e.Event.AccountID, len(w.made)+r.IntN(20))
		}
	}
	return v
}

// remeasure returns how to measure the events of a month anew: some stay as
// they are, some become unrated. Asked about the same event it says the same.
func (w *Workload) remeasure() func(e *tollbook.BookedEvent) *tollbook.Measured {
	seed, most := w.random.Uint64(), w.random.IntN(10)
	return func(e *tollbook.BookedEvent) *tollbook.Measured {
		r := rand.New(rand.NewPCG(seed, binary.BigEndian.Uint64(e.Claim[:])))
		var m tollbook.Measured
		switch p := r.IntN(10); {
		case p > most:
			return nil
		case p == 0:
			m.Unrated = tollbook.Unrated(1 + r.IntN(5))
		default:
			m = w.measure(r, &e.Event)
		}
		return &m
	}
}
