package tollbook

import (
	"fmt"
	"sort"
	"time"
)

// Calendar tells which month and which day an instant belongs to for one
// account, whose time zone may have changed. Each month starts when it starts
// in the zone that holds for it and lasts until the next one starts, so that
// no instant is in two months or in none. A Calendar is never changed.
type Calendar struct {
	zones []calendarZone // ascending by from; the first holds before it too
}

type calendarZone struct {
	from  Month
	start int64 // Unix seconds at which from starts
	loc   *time.Location

	// The starts of the months from first on, precomputed: a month is found
	// by a guess and a comparison instead of a walk through zone rules.
	starts []int64
}

// The months whose starts are precomputed; others are worked out.
const (
	firstTabled = Month(2015 * 12)
	monthsTable = 12 * 25
)

// NewCalendar returns the calendar of an account's zones, at least one.
func NewCalendar(zones []ZoneFrom) (*Calendar, error) {
	if len(zones) == 0 {
		return nil, fmt.Errorf("an account needs a time zone")
	}
	c := &Calendar{}
	for _, z := range zones {
		loc, err := LoadZone(z.TimeZone)
		if err != nil {
			return nil, err
		}
		cz := calendarZone{from: z.From, start: z.From.Start(loc).Unix(), loc: loc}
		cz.starts = make([]int64, monthsTable)
		for i := range cz.starts {
			cz.starts[i] = (firstTabled + Month(i)).Start(loc).Unix()
		}
		c.zones = append(c.zones, cz)
	}
	return c, nil
}

// LoadZone returns the IANA zone of that name. Unlike time.LoadLocation it
// knows no "Local" and no "".
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not an IANA time zone", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not an IANA time zone", name)
	}
	return loc, nil
}

// zone returns the zone in force at an instant.
func (c *Calendar) zone(unix int64) *calendarZone {
	i := len(c.zones) - 1
	for i > 0 && unix < c.zones[i].start {
		i--
	}
	return &c.zones[i]
}

// MonthOf returns the month that an instant belongs to.
func (c *Calendar) MonthOf(t time.Time) Month {
	unix := t.Unix()
	z := c.zone(unix)
	m := z.monthOf(t, unix)
	if next := nextZone(c, z); next != nil && m >= next.from {
		// The old zone has already turned to a month that starts later in
		// the new one.
		m = next.from - 1
	}
	if z != &c.zones[0] && m < z.from {
		m = z.from
	}
	return m
}

func nextZone(c *Calendar, z *calendarZone) *calendarZone {
	for i := range c.zones[:len(c.zones)-1] {
		if z == &c.zones[i] {
			return &c.zones[i+1]
		}
	}
	return nil
}

func (z *calendarZone) monthOf(t time.Time, unix int64) Month {
	last := len(z.starts) - 1
	if unix < z.starts[0] || unix >= z.starts[last] {
		m := MonthOf(t.In(z.loc))
		if unix < m.Start(z.loc).Unix() { // clocks are about to go back over midnight
			m--
		}
		return m
	}
	const meanMonth = 2629746 // seconds
	i := min(int((unix-z.starts[0])/meanMonth), last)
	for unix < z.starts[i] {
		i--
	}
	for unix >= z.starts[i+1] {
		i++
	}
	return firstTabled + Month(i)
}

// Start returns the instant at which a month starts.
func (c *Calendar) Start(m Month) time.Time {
	i := len(c.zones) - 1
	for i > 0 && m < c.zones[i].from {
		i--
	}
	z := &c.zones[i]
	if tabled := int(m - firstTabled); tabled >= 0 && tabled < len(z.starts) {
		return time.Unix(z.starts[tabled], 0).In(z.loc)
	}
	return m.Start(z.loc)
}

// DayOf returns the day on which an instant falls, in the zone in force, as
// days since 1970-01-01.
func (c *Calendar) DayOf(t time.Time) int32 {
	local := t.In(c.zone(t.Unix()).loc)
	y, m, d := local.Date()
	return int32(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 86400))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ZonesAfter returns an account's zones when its zone becomes name at an
// instant: the change holds from the account's next month. Where that has
// begun already in the new zone it is the one behind: no instant that has
// passed changes its month.
func ZonesAfter(zones []ZoneFrom, name string, at time.Time) ([]ZoneFrom, error) {
	if len(zones) == 0 {
		return []ZoneFrom{{TimeZone: name}}, nil
	}
	c, err := NewCalendar(zones)
	if err != nil {
		return nil, err
	}
	loc, err := LoadZone(name)
	if err != nil {
		return nil, err
	}
	from := c.MonthOf(at) + 1
	if !from.Start(loc).After(at) {
		from++
	}
	// A change that has not begun to hold is replaced, not kept.
	n := sort.Search(len(zones), func(i int) bool { return i > 0 && zones[i].From >= from })
	kept := append([]ZoneFrom(nil), zones[:n]...)
	if kept[n-1].TimeZone == name {
		return kept, nil
	}
	return append(kept, ZoneFrom{From: from, TimeZone: name}), nil
}
