package tollbook

import (
	"fmt"
	"time"
)

// Month is a calendar month, counted from January of the year 0.
type Month int32

// MonthOf returns the month that t falls in, in t's own zone.
func MonthOf(t time.Time) Month { return NewMonth(t.Year(), t.Month()) }

// NewMonth returns the month m of a year.
func NewMonth(year int, m time.Month) Month { return Month(year*12 + int(m) - 1) }

// ParseMonth reads YYYY-MM.
func ParseMonth(s string) (Month, error) {
	if len(s) == 7 && s[4] == '-' {
		year, ok1 := digits(s[:4])
		m, ok2 := digits(s[5:])
		if ok1 && ok2 && m >= 1 && m <= 12 {
			return NewMonth(year, time.Month(m)), nil
		}
	}
	return 0, fmt.Errorf("%q is not a month in the form YYYY-MM", s)
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// String returns YYYY-MM.
func (m Month) String() string { return string(m.Append(nil)) }

// Append appends YYYY-MM.
func (m Month) Append(dst []byte) []byte {
	y, mo := int(m)/12, int(m)%12+1
	return append(dst, byte('0'+y/1000%10), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-', byte('0'+mo/10), byte('0'+mo%10))
}

// MarshalText returns YYYY-MM.
func (m Month) MarshalText() ([]byte, error) { return m.Append(nil), nil }

// UnmarshalText reads YYYY-MM.
func (m *Month) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMonth(string(b))
	return err
}

// Start returns the instant at which the month starts in a zone, behind which
// clocks show no earlier month any more. That is midnight, or where clocks go
// forward over midnight, when they do.
func (m Month) Start(zone *time.Location) time.Time {
	t := time.Date(int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, zone)
	since, until := t.ZoneBounds()
	before := since.Add(-1)
	switch {
	case MonthOf(t) < m:
		return until
	case !until.IsZero() && MonthOf(until) < m: // back to the month before: the second midnight
		return t.Add(offset(t) - offset(until))
	case !since.IsZero() && MonthOf(before) == m && MonthOf(since) == m:
		return t.Add(offset(t) - offset(before))
	}
	return t
}

// offset is what is added to UTC to get what clocks show.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
