package reconcile

import (
	"cmp"
	"time"
)

// maxCells bounds the pairs of rows and events that are weighed together.
const maxCells = 1 << 18

// cost is what an alignment costs; the first number decides.
type cost struct {
	alone     int32 // rows and events without partner
	differing int32 // pairs that do not agree
	apart     int64 // by which the pairs' starts are apart, in all
}

func (c cost) compare(o cost) int {
	return cmp.Or(cmp.Compare(c.alone, o.alone), cmp.Compare(c.differing, o.differing), cmp.Compare(c.apart, o.apart))
}

// align pairs rows and events of one key, both in the order of the stage, and
// calls paired for each pair. Where they must start at about the same time it
// looks at one stretch of time after the other, between which there is a gap.
func (m *Matcher) align(s *stage, rows, events []int32, paired func(r, e int32)) {
	if !s.timed {
		m.alignStretch(s, rows, events, paired)
		return
	}
	start := func(i, j int) time.Time { // of the next row or event
		switch {
		case i == len(rows):
			return m.held[events[j]].Start
		case j == len(events) || m.file.rows[rows[i]].Start.Before(m.held[events[j]].Start):
			return m.file.rows[rows[i]].Start
		}
		return m.held[events[j]].Start
	}
	for i, j := 0, 0; i < len(rows) || j < len(events); {
		fromRow, fromEvent, last := i, j, start(i, j)
		for i < len(rows) || j < len(events) {
			at := start(i, j)
			if at.Sub(last) > m.rules.Within {
				break
			}
			last = at
			if i < len(rows) && m.file.rows[rows[i]].Start.Equal(at) {
				i++
			} else {
				j++
			}
		}
		m.alignStretch(s, rows[fromRow:i], events[fromEvent:j], paired)
	}
}

// alignStretch finds the pairs that leave the fewest rows and events alone; of
// those, that have the most pairs that agree; of those, whose starts are the
// least apart; of those, the earliest. Pairs never cross, as an earlier use is not listed behind a
// later one: so this is how texts are compared, too.
func (m *Matcher) alignStretch(s *stage, rows, events []int32, paired func(r, e int32)) {
	if len(rows) == 0 || len(events) == 0 {
		return
	}
	if len(rows)*len(events) > maxCells {
		m.alignGreedily(s, rows, events, paired)
		return
	}
	width := len(events) + 1
	steps := make([]step, (len(rows)+1)*width)
	before, here := make([]cost, width), make([]cost, width)
	for j := range width {
		here[j], steps[j] = cost{alone: int32(j)}, skipEvent
	}
	for i, r := range rows {
		before, here = here, before
		here[0], steps[(i+1)*width] = cost{alone: int32(i + 1)}, skipRow
		for j, e := range events {
			best, how := before[j+1], skipRow
			best.alone++
			alone := here[j]
			alone.alone++
			if alone.compare(best) < 0 {
				best, how = alone, skipEvent
			}
			if p, ok := m.pairCost(s, r, e); ok {
				paired := before[j]
				paired.differing, paired.apart = paired.differing+p.differing, paired.apart+p.apart
				if paired.compare(best) < 0 {
					best, how = paired, pair
				}
			}
			here[j+1], steps[(i+1)*width+j+1] = best, how
		}
	}
	for i, j := len(rows), len(events); i > 0 && j > 0; {
		switch steps[i*width+j] {
		case pair:
			i, j = i-1, j-1
			paired(rows[i], events[j])
		case skipRow:
			i--
		default:
			j--
		}
	}
}

// step is what the last row and the last event of an alignment are.
type step uint8

const (
	pair      step = iota
	skipRow        // the row is alone
	skipEvent      // the event is alone
)

// pairCost tells what it costs to pair a row and an event, and whether they
// may be one.
func (m *Matcher) pairCost(s *stage, row, event int32) (c cost, ok bool) {
	r, e := &m.file.rows[row], &m.held[event]
	apart := e.Start.Sub(r.Start).Abs()
	if s.timed && apart > m.rules.Within {
		return c, false
	}
	if !r.Start.IsZero() {
		c.apart = int64(min(apart, MaxWithin))
	}
	if m.rules.compare(r, e) != 0 {
		c.differing = 1
	}
	return c, true
}

// alignGreedily pairs what comes next wherever it may be one, which also
// leaves the fewest alone.
func (m *Matcher) alignGreedily(s *stage, rows, events []int32, paired func(r, e int32)) {
	for i, j := 0, 0; i < len(rows) && j < len(events); {
		r, e := rows[i], events[j]
		switch _, ok := m.pairCost(s, r, e); {
		case ok:
			paired(r, e)
			i, j = i+1, j+1
		case m.file.rows[r].Start.Before(m.held[e].Start):
			i++
		default:
			j++
		}
	}
}
