package rating

import (
	"slices"

	"tollbook"
)

// find returns the row that prices an event and the place of the prefix that
// it matched by; nil where there is none.
func (t *Table) find(e *tollbook.Event, cal *tollbook.Calendar) (found *row, at uint32) {
	q := query{table: t, event: e, calendar: cal}
	if d, n, ok := parseDigits(e.To); ok && n > 0 {
		at = t.longest(d)
	}
	for {
		p := &t.prefixes[at]
		switch {
		case p.rows.count == 1:
			if q.matches(&p.only) {
				found = &p.only
			}
		case p.rows.count <= fewRows:
			found = q.first(p.rows.of(t.entries))
		default:
			found = q.lookUp(at)
		}
		if found != nil || at == 0 {
			return found, at
		}
		at = p.parent
	}
}

// query is one lookup. What takes work to find out about the event is found
// out when the first row asks.
type query struct {
	table    *Table
	event    *tollbook.Event
	calendar *tollbook.Calendar

	country, category, subtype uint32 // 0: not yet known
	day                        int32
	haveDay                    bool
}

func (q *query) symbol(known *uint32, text string) uint32 {
	if *known == 0 {
		*known = q.table.symbol(text)
	}
	return *known
}

// asked returns what the columns that a shape has filled in ask of the event.
func (q *query) asked(s shape) match {
	m := match{filled: s.filled, resolutions: s.resolutions}
	if s.filled&filledResource != 0 {
		m.resource = q.event.Type
	}
	if s.filled&filledDirection != 0 {
		m.direction = q.event.Direction
	}
	if s.filled&filledCountry != 0 {
		m.country = q.symbol(&q.country, q.event.Country)
	}
	if s.filled&filledCategory != 0 {
		m.category = q.symbol(&q.category, q.event.Category)
	}
	if s.filled&filledSubtype != 0 {
		m.subtype = q.symbol(&q.subtype, q.event.Subtype)
	}
	return m
}

// first returns the first of some rows that matches the event.
func (q *query) first(rows []row) *row {
	for i := range rows {
		if r := &rows[i]; q.matches(r) {
			return r
		}
	}
	return nil
}

// matches tells whether a row matches the event. It is what lookUp looks for,
// a column at a time: most rows ask about few columns.
func (q *query) matches(r *row) bool {
	e := q.event
	return r.resolutions.matches(e.Resolution) &&
		(r.resource == 0 || r.resource == e.Type) &&
		(r.direction == 0 || r.direction == e.Direction) &&
		(r.country == 0 || r.country == q.symbol(&q.country, e.Country)) &&
		(r.category == 0 || r.category == q.symbol(&q.category, e.Category)) &&
		(r.subtype == 0 || r.subtype == q.symbol(&q.subtype, e.Subtype)) &&
		q.inEffect(r) && q.offers(r)
}

// offers tells whether an event's own description and product, where given,
// are those of the row's tariff, where it has them.
func (q *query) offers(r *row) bool {
	if e := q.event; e.Description == "" && e.ProductID == "" || r.filled&(filledDescription|filledProduct) == 0 {
		return true // without a look at the tariff, which lies elsewhere
	}
	return q.table.termsOf(r.tariff).matches(q.event)
}

// lookUp returns the row of a prefix that matches the event.
func (q *query) lookUp(at uint32) *row {
	for _, s := range q.table.shapes[at] {
		if !s.resolutions.matches(q.event.Resolution) {
			continue
		}
		b, ok := q.table.buckets[bucketKey{at, q.asked(s)}]
		if !ok {
			continue
		}
		if r := q.dated(b.of(q.table.entries)); r != nil && q.offers(r) {
			return r
		}
	}
	return nil
}

// dated returns which of a bucket's rows is in effect when the event
// occurred. They are ascending by date, and their dates do not overlap.
func (q *query) dated(bucket []row) *row {
	if len(bucket) > 1 {
		day := q.eventDay()
		next, _ := slices.BinarySearchFunc(bucket, day, func(r row, day int32) int {
			if r.from <= day {
				return -1
			}
			return 1
		})
		bucket = bucket[max(next-1, 0):]
	}
	if q.inEffect(&bucket[0]) {
		return &bucket[0]
	}
	return nil
}

// inEffect tells whether a row is in effect when the event occurred.
func (q *query) inEffect(r *row) bool {
	if r.from == openFrom && r.to == openTo {
		return true
	}
	// A day in the account's zone is that in UTC, the one before or the one
	// after. Mostly a row holds for all three or for none.
	const secondsPerDay = 24 * 60 * 60
	day := q.event.OccurredAt.Unix() / secondsPerDay
	switch from, to := int64(r.from), int64(r.to); {
	case from+2 < day && day+2 < to:
		return true
	case day+2 < from || to+2 < day:
		return false
	}
	return r.from <= q.eventDay() && q.eventDay() < r.to
}

// eventDay returns the day on which the event occurred, in the account's zone.
func (q *query) eventDay() int32 {
	if !q.haveDay {
		q.day, q.haveDay = q.calendar.DayOf(q.event.OccurredAt), true
	}
	return q.day
}
