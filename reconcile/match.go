package reconcile

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Rules say what is compared, and how closely.
type Rules struct {
	By     By
	Within time.Duration // by which starts may be apart, at most MaxWithin
	Digits int           // of a number that count, from its end; 0: all

	// Events from From until before To are compared. Others may be given too:
	// those that are not farther outside than Within may match rows near the
	// ends.
	From, To time.Time

	Billed         bool            // quantities are compared with what was charged for, not with what was used
	IgnoreQuantity bool            // quantities may differ
	IgnoreAmount   bool            // amounts may differ
	QuantityWithin decimal.Decimal // by which quantities may differ, of minutes in seconds
	AmountWithin   decimal.Decimal // by which amounts may differ

	Keep int // differences of each class that are listed
}

// By says by what a row and an event are known to be of the same use.
type By string

// The ways to know. The zero By is ByID where the file has ids, else ByCall.
const (
	ByID   By = "id"   // the same id; rows without one by call
	ByCall By = "call" // the same numbers at about the same time
)

// Matcher holds the rows of a file against events.
type Matcher struct {
	file   *File
	rules  Rules
	stages []stage
	held   []Event // which may match a row
	report *reporter
}

// stage is one way of finding the event of a row. The stages follow one
// another, each for the rows and events that the ones before have left.
type stage struct {
	ofRow   func(*Row) string   // under what a row is looked up; "": not in this stage
	ofEvent func(*Event) string // the same of an event
	timed   bool                // they must start at about the same time, too
	rows    map[string][]int32  // timed ones by start, others by quantity
}

// NewMatcher returns a matcher for the rows of a file.
func NewMatcher(f *File, rules Rules) *Matcher {
	if rules.By == "" {
		rules.By = ByCall
		if f.header.has(FieldID) {
			rules.By = ByID
		}
	}
	m := &Matcher{file: f, rules: rules, report: newReporter(f, &rules)}
	m.stages = m.plan()
	for i := range m.stages {
		s := &m.stages[i]
		s.rows = map[string][]int32{}
		for at := range f.rows {
			if key := s.ofRow(&f.rows[at]); key != "" {
				s.rows[key] = append(s.rows[key], int32(at))
			}
		}
		for _, rows := range s.rows {
			slices.SortStableFunc(rows, func(a, b int32) int { return s.compareRows(&f.rows[a], &f.rows[b]) })
		}
	}
	return m
}

// plan returns the stages by which a file's rows find their events.
func (m *Matcher) plan() (stages []stage) {
	h := &m.file.header
	if m.rules.By == ByID {
		if h.has(FieldSource) {
			stages = append(stages, stage{
				ofRow: func(r *Row) string {
					if r.Source == "" {
						return ""
					}
					return join(r.ID, r.Source)
				},
				ofEvent: func(e *Event) string { return join(e.ID, e.Source) },
			})
		}
		stages = append(stages, stage{
			ofRow: func(r *Row) string {
				if r.Source != "" {
					return ""
				}
				return r.ID
			},
			ofEvent: func(e *Event) string { return e.ID },
		})
	}
	if !h.has(FieldTo) || !h.has(FieldStart) {
		return stages
	}
	timed := func(ofRow func(r *Row) string, ofEvent func(e *Event) string) {
		stages = append(stages, stage{timed: true, ofEvent: ofEvent, ofRow: func(r *Row) string {
			if r.Start.IsZero() || m.rules.By == ByID && r.ID != "" {
				return ""
			}
			return ofRow(r)
		}})
	}
	to, from := func(r *Row) string { return m.number(r.To) }, func(r *Row) string { return m.caller(r.From) }
	eventTo, eventFrom := func(e *Event) string { return m.number(e.To) }, func(e *Event) string { return m.caller(e.From) }
	if !h.has(FieldFrom) {
		timed(to, eventTo)
		return stages
	}
	timed(func(r *Row) string { return join(to(r), from(r)) }, func(e *Event) string { return join(eventTo(e), eventFrom(e)) })
	// A number that one of the two sides was not told matches any.
	timed(func(r *Row) string { return unless(from(r), to(r)) }, eventTo)
	timed(to, func(e *Event) string { return unless(eventFrom(e), eventTo(e)) })
	return stages
}

// join makes one key of two texts, "" where the first one is.
func join(a, b string) string {
	if a == "" {
		return ""
	}
	return a + "\x00" + b
}

// unless returns key unless there is a text.
func unless(text, key string) string {
	if text != "" {
		return ""
	}
	return key
}

// number returns what counts of a number: its digits, without the 00 or + of
// an international one. What is no number, such as sip:user@host, counts as it
// is, in any case.
func (m *Matcher) number(s string) string {
	s = strings.TrimPrefix(strings.ToLower(s), "tel:")
	digits := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c-'0' <= 9:
			digits = append(digits, c)
		case !strings.ContainsRune("+ -.()", rune(c)):
			return s
		}
	}
	digits = digits[len(digits)-len(strings.TrimPrefix(string(digits), "00")):]
	if n := m.rules.Digits; n > 0 && len(digits) > n {
		digits = digits[len(digits)-n:]
	}
	return string(digits)
}

// caller is number for the number of a caller, who may not want it to be known.
func (m *Matcher) caller(s string) string {
	switch n := m.number(s); n {
	case "anonymous", "private", "restricted", "unavailable", "unknown", "withheld":
		return ""
	default:
		return n
	}
}

// compareRows orders the rows of one key.
func (s *stage) compareRows(a, b *Row) int {
	if s.timed {
		return a.Start.Compare(b.Start)
	}
	return compareQuantity(a.Quantity, b.Quantity)
}

// compareEvents orders the events of one key.
func (s *stage) compareEvents(a, b *Event) int {
	if s.timed {
		return cmp.Or(a.Start.Compare(b.Start), a.Quantity.Number.Cmp(b.Quantity.Number))
	}
	return compareQuantity(&a.Quantity, &b.Quantity)
}

func compareQuantity(a, b *Quantity) int {
	switch {
	case a == nil || b == nil:
		return 0
	default:
		return a.base().Number.Cmp(b.base().Number)
	}
}

// may tells whether some row of the stage may be of an event.
func (s *stage) may(m *Matcher, e *Event) bool {
	rows := s.rows[s.ofEvent(e)]
	if len(rows) == 0 || !s.timed {
		return len(rows) > 0
	}
	earliest := e.Start.Add(-m.rules.Within)
	i, _ := slices.BinarySearchFunc(rows, earliest, func(at int32, t time.Time) int { return m.file.rows[at].Start.Compare(t) })
	return i < len(rows) && !m.file.rows[rows[i]].Start.After(e.Start.Add(m.rules.Within))
}

// errTooMany is that a comparison takes too much memory.
var errTooMany = tollbook.NewError(tollbook.CodeTooLarge, "Too many events are like rows of the file; compare it in parts.")

// Add gives the matcher an event. Error: CodeTooLarge.
func (m *Matcher) Add(e Event) error {
	if e.Start.Before(m.rules.From.Add(-m.rules.Within)) || !e.Start.Before(m.rules.To.Add(m.rules.Within)) {
		return nil
	}
	for i := range m.stages {
		if m.stages[i].may(m, &e) {
			if len(m.held) == maxHeld {
				return errTooMany
			}
			m.held = append(m.held, e)
			return nil
		}
	}
	m.report.missingThere(e)
	return nil
}

// Report tells what became of all rows and events. No more events may be
// added.
func (m *Matcher) Report() *Report {
	slices.SortFunc(m.held, func(a, b Event) int { return compareEvents(&a, &b) })
	event, row := make([]int32, len(m.file.rows)), make([]int32, len(m.held)) // what each one is matched with, -1: nothing
	for _, list := range [][]int32{event, row} {
		for i := range list {
			list[i] = -1
		}
	}
	for i := range m.stages {
		s := &m.stages[i]
		groups := map[string][]int32{}
		for at := range m.held {
			if key := s.ofEvent(&m.held[at]); key != "" && row[at] < 0 && len(s.rows[key]) > 0 {
				groups[key] = append(groups[key], int32(at))
			}
		}
		for key, events := range groups {
			rows := slices.DeleteFunc(s.rows[key], func(at int32) bool { return event[at] >= 0 })
			slices.SortStableFunc(events, func(a, b int32) int { return s.compareEvents(&m.held[a], &m.held[b]) })
			m.align(s, rows, events, func(r, e int32) { event[r], row[e] = e, r })
		}
	}
	for at := range m.file.rows {
		if e := event[at]; e >= 0 {
			m.report.pair(&m.file.rows[at], &m.held[e])
		} else {
			m.report.missingHere(&m.file.rows[at])
		}
	}
	for at, e := range m.held {
		if row[at] < 0 {
			m.report.missingThere(e)
		}
	}
	return m.report.done()
}

// compareEvents orders events as they are listed.
func compareEvents(a, b *Event) int {
	return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.AccountID, b.AccountID), strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
}
