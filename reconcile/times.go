package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// timeFormat is a format of times, taken apart: the places of a date and of a
// time of day, and texts between them.
type timeFormat []string

// The places of a time format.
var timePlaces = []string{"YYYY", "MMM", "MM", "DD", "hh", "mm", "ss", "AM"}

// ParseTimeFormat reads a format such as "DD/MM/YYYY hh:mm:ss": YYYY, MM and DD
// are the date, MMM is a month's name as Jan, hh, mm and ss the time of day, AM
// stands for AM or PM. Whatever else is there must be there in a time, but
// where a month, a day or an hour has one digit it may stand alone.
func ParseTimeFormat(s string) (timeFormat, error) {
	const longest = 64
	if len(s) > longest {
		return nil, fmt.Errorf("is longer than %d bytes", longest)
	}
	var f timeFormat
	text := ""
	for s != "" {
		i := slices.IndexFunc(timePlaces, func(p string) bool { return strings.HasPrefix(s, p) })
		if i < 0 {
			text, s = text+s[:1], s[1:]
			continue
		}
		if slices.Contains(f, timePlaces[i]) {
			return nil, fmt.Errorf("has %s twice", timePlaces[i])
		}
		if text != "" {
			f = append(f, text)
		}
		f, text, s = append(f, timePlaces[i]), "", s[len(timePlaces[i]):]
	}
	if text != "" {
		f = append(f, text)
	}
	month := slices.Contains(f, "MM") || slices.Contains(f, "MMM")
	for _, p := range []string{"YYYY", "DD", "hh", "mm"} {
		if !month || !slices.Contains(f, p) {
			return nil, fmt.Errorf("must have YYYY, MM or MMM, DD, hh and mm, such as DD/MM/YYYY hh:mm:ss")
		}
	}
	return f, nil
}

// usualFormats are those that leave no doubt about which number is what.
func usualFormats() []timeFormat {
	var all []timeFormat
	for _, s := range []string{
		"YYYY-MM-DD hh:mm:ss", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm", "YYYY/MM/DD hh:mm:ss", "YYYYMMDDhhmmss", "YYYYMMDD hhmmss",
		"hh:mm:ss UTC YYYY-MM-DD", "DD MMM YYYY hh:mm:ss", "DD-MMM-YYYY hh:mm:ss",
	} {
		f, err := ParseTimeFormat(s)
		if err != nil {
			panic(err) // they are written above
		}
		all = append(all, f)
	}
	return all
}

// parse reads a time, in zone unless it tells another one.
func (f timeFormat) parse(s string, zone *time.Location) (time.Time, bool) {
	var at [len("YMDhmsA")]int // year, month, day, hour, minute, second; 0, or the half of the day
	none := time.Time{}
	for _, part := range f {
		ok := true
		switch part {
		case "YYYY":
			at[0], s, ok = number(s, 4, 4)
		case "MMM":
			at[1], s, ok = monthName(s)
		case "MM":
			at[1], s, ok = number(s, 1, 2)
		case "DD":
			at[2], s, ok = number(s, 1, 2)
		case "hh":
			at[3], s, ok = number(s, 1, 2)
		case "mm":
			at[4], s, ok = number(s, 2, 2)
		case "ss":
			at[5], s, ok = number(s, 2, 2)
		case "AM":
			at[6], s, ok = half(s)
		default:
			s, ok = strings.CutPrefix(s, part)
		}
		if !ok {
			return none, false
		}
	}
	if h := at[3]; at[6] > 0 {
		if h < 1 || h > 12 {
			return none, false
		}
		at[3] = h%12 + 12*(at[6]-1)
	}
	nanos, s := fraction(s)
	zone, ok := parseZone(s, zone)
	if !ok || at[3] > 23 || at[4] > 59 || at[5] > 59 {
		return none, false
	}
	t := time.Date(at[0], time.Month(at[1]), at[2], at[3], at[4], at[5], nanos, zone)
	if at[0] < 1 || t.In(zone).Day() != at[2] || at[1] < 1 || at[1] > 12 { // such as 30 February
		return none, false
	}
	return t.UTC(), true
}

// number reads at least least and at most most digits.
func number(s string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < most && s[i]-'0' <= 9 {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i >= least
}

// monthName reads the first three letters of a month's English name.
func monthName(s string) (m int, rest string, ok bool) {
	for m := time.January; m <= time.December; m++ {
		if name := m.String()[:3]; len(s) >= 3 && strings.EqualFold(s[:3], name) {
			return int(m), s[3:], true
		}
	}
	return 0, s, false
}

// half reads AM as 1 and PM as 2.
func half(s string) (n int, rest string, ok bool) {
	for i, name := range []string{"AM", "PM"} {
		if len(s) >= 2 && strings.EqualFold(s[:2], name) {
			return i + 1, s[2:], true
		}
	}
	return 0, s, false
}

// fraction reads the point and the digits that may follow a second; those
// behind the ninth do not count.
func fraction(s string) (nanos int, rest string) {
	if len(s) < 2 || s[0] != '.' || s[1]-'0' > 9 {
		return 0, s
	}
	i := 1
	for unit := 100_000_000; i < len(s) && s[i]-'0' <= 9; i++ {
		nanos += unit * int(s[i]-'0')
		unit /= 10
	}
	return nanos, s[i:]
}

// parseZone reads what may follow a time: nothing, which leaves it in zone; Z,
// UTC or GMT; or an offset.
func parseZone(s string, zone *time.Location) (*time.Location, bool) {
	s = strings.TrimSpace(s)
	switch strings.ToUpper(s) {
	case "":
		return zone, true
	case "Z", "UTC", "GMT":
		return time.UTC, true
	}
	if s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	hours, rest, ok := number(s[1:], 2, 2)
	rest = strings.TrimPrefix(rest, ":")
	minutes, end, minutesOK := number(rest, 2, 2)
	if !ok || rest != "" && (!minutesOK || end != "") || hours > 23 || minutes > 59 {
		return nil, false
	}
	seconds := hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// parseUnix reads the seconds or milliseconds since 1970 of an instant of this
// century or the second half of the last one.
func parseUnix(s string) (time.Time, bool) {
	n, rest, ok := number(s, 9, 13)
	if !ok || rest != "" || len(s) != 9 && len(s) != 10 && len(s) != 13 {
		return time.Time{}, false
	}
	if len(s) == 13 {
		return time.UnixMilli(int64(n)).UTC(), true
	}
	return time.Unix(int64(n), 0).UTC(), true
}
