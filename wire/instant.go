package wire

import "time"

const (
	notAnInstant = "must be an RFC 3339 date and time with an offset, such as 2026-01-31T23:59:59.25Z"
	notADate     = "names a day that is not in the calendar"
	notATime     = "names a time of day that does not exist"
	leapSecond   = "names a leap second, which no instant here has; send second 59"
	tooFine      = "has more than 9 digits after the second's point"
	notAnOffset  = "has an offset that does not exist"
	notAYear     = "lies outside the years 1 to 9999"
)

// parseInstant reads an RFC 3339 date and time and returns it in UTC, or what
// is wrong with it. The offset is required; digits of a second beyond the
// ninth must be zeros.
func parseInstant(s string) (t time.Time, problem string) {
	const seconds = len("2006-01-02T15:04:05")
	if len(s) <= seconds || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return t, notAnInstant
	}
	century, year := twoDigits(s, 0), twoDigits(s, 2)
	month, day := twoDigits(s, 5), twoDigits(s, 8)
	hour, minute, second := twoDigits(s, 11), twoDigits(s, 14), twoDigits(s, 17)
	if century|year|month|day|hour|minute|second < 0 {
		return t, notAnInstant
	}
	year += 100 * century
	switch {
	case month < 1 || month > 12 || day < 1 || day > daysIn(year, month):
		return t, notADate
	case hour > 23 || minute > 59 || second > 60:
		return t, notATime
	case second == 60:
		return t, leapSecond
	}
	nanos, rest, problem := parseFraction(s[seconds:])
	if problem != "" {
		return t, problem
	}
	offset, problem := parseOffset(rest)
	if problem != "" {
		return t, problem
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if offset != 0 {
		t = t.Add(-offset)
		year = t.Year()
	}
	if year < 1 || year > 9999 {
		return time.Time{}, notAYear
	}
	return t, ""
}

// parseFraction reads the point and digits that may follow a second.
func parseFraction(s string) (nanos int, rest, problem string) {
	if s[0] != '.' {
		return 0, s, ""
	}
	i := 1
	for unit := 100_000_000; i < len(s) && s[i]-'0' <= 9; i++ {
		if unit == 0 && s[i] != '0' {
			return 0, "", tooFine
		}
		nanos += unit * int(s[i]-'0')
		unit /= 10
	}
	if i == 1 {
		return 0, "", notAnInstant
	}
	return nanos, s[i:], ""
}

// parseOffset reads "Z", "+hh:mm" or "-hh:mm".
func parseOffset(s string) (offset time.Duration, problem string) {
	if s == "Z" || s == "z" {
		return 0, ""
	}
	if len(s) != len("+00:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, notAnInstant
	}
	hours, minutes := twoDigits(s, 1), twoDigits(s, 4)
	if hours|minutes < 0 {
		return 0, notAnInstant
	}
	if hours > 23 || minutes > 59 {
		return 0, notAnOffset
	}
	offset = time.Duration(60*hours+minutes) * time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, ""
}

// twoDigits reads the digits at i and i+1, -1 where there are none.
func twoDigits(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
