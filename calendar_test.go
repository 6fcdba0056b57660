package tollbook_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tollbook"
)

func instant(t *testing.T, s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func calendar(t *testing.T, zones ...tollbook.ZoneFrom) *tollbook.Calendar {
	c, err := tollbook.NewCalendar(zones)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func month(t *testing.T, s string) tollbook.Month {
	m, err := tollbook.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMonthEdges(t *testing.T) {
	for _, tc := range []struct{ zone, at, month string }{
		{"UTC", "2026-08-31T23:59:59.999999999Z", "2026-08"},
		{"UTC", "2026-09-01T00:00:00Z", "2026-09"},
		{"Pacific/Kiritimati", "2026-08-31T09:59:59Z", "2026-08"}, // UTC+14
		{"Pacific/Kiritimati", "2026-08-31T10:00:00Z", "2026-09"},
		{"Pacific/Pago_Pago", "2026-09-01T10:59:59Z", "2026-08"}, // UTC-11
		{"Pacific/Pago_Pago", "2026-09-01T11:00:00Z", "2026-09"},
		{"Asia/Kathmandu", "2026-08-31T18:14:59Z", "2026-08"},         // UTC+05:45
		{"America/New_York", "2026-11-01T03:59:59Z", "2026-10"},       // DST ends on the 1st, later that day
		{"America/New_York", "2026-11-01T04:00:00Z", "2026-11"},       //
		{"Europe/Lisbon", "2024-02-29T23:59:59Z", "2024-02"},          // leap day
		{"Africa/Cairo", "2014-07-31T22:00:00Z", "2014-08"},           // before the precomputed months
		{"Europe/Berlin", "1975-12-31T23:00:00Z", "1976-01"},          //
		{"Europe/Berlin", "2091-12-31T23:00:00Z", "2092-01"},          // behind them
		{"Pacific/Apia", "2011-12-31T09:59:59.5Z", "2011-12"},         // the zone skipped the 30th
		{"Asia/Amman", "2022-10-31T21:30:00Z", "2022-11"},             // the offset changed that week
		{"America/Sao_Paulo", "2026-12-31T23:30:00-03:00", "2026-12"}, // an offset in the instant changes nothing
		{"America/Asuncion", "2023-10-01T03:59:59Z", "2023-09"},       // clocks go forward over midnight of the 1st
		{"America/Asuncion", "2023-10-01T04:00:00Z", "2023-10"},       // which is 01:00
		{"America/Havana", "2026-11-01T03:59:59Z", "2026-10"},         // the 1st has midnight twice
		{"America/Havana", "2026-11-01T04:00:00Z", "2026-11"},         //
		{"America/Havana", "2026-11-01T04:59:59Z", "2026-11"},         //
		{"Africa/Tunis", "1978-09-30T21:59:59Z", "1978-09"},           // likewise
		{"Africa/Tunis", "1978-09-30T22:00:00Z", "1978-10"},           //
		{"America/St_Johns", "2009-11-01T02:30:30Z", "2009-10"},       // a minute past midnight they go back to October
		{"America/St_Johns", "2009-11-01T03:29:59Z", "2009-10"},       //
		{"America/St_Johns", "2009-11-01T03:30:00Z", "2009-11"},       //
		{"Africa/Banjul", "1942-02-01T00:30:00Z", "1942-01"},          // forward over it, before the precomputed months
		{"Africa/Banjul", "1942-02-01T01:00:00Z", "1942-02"},          //
	} {
		c := calendar(t, tollbook.ZoneFrom{TimeZone: tc.zone})
		if got := c.MonthOf(instant(t, tc.at)); got.String() != tc.month {
			t.Errorf("%s in %s is in %s, want %s", tc.at, tc.zone, got, tc.month)
		}
	}
}

// TestMonthAgainstTime holds the table of month starts to the time package.
func TestMonthAgainstTime(t *testing.T) {
	zones := []string{"UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Kiritimati", "Africa/Casablanca", "America/Asuncion", "America/Havana"}
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(rt, "zone")
		loc, _ := time.LoadLocation(zone)
		edge := tollbook.Month(rapid.IntRange(1990*12, 2060*12).Draw(rt, "month")).Start(loc).Unix()
		at := time.Unix(edge+rapid.Int64Range(-100000, 100000).Draw(rt, "seconds"), 0)
		c := calendar(t, tollbook.ZoneFrom{TimeZone: zone})
		if got, want := c.MonthOf(at), tollbook.MonthOf(at.In(loc)); got != want {
			rt.Fatalf("%s in %s is in %s, want %s", at.UTC(), zone, got, want)
		}
		y, m, d := at.In(loc).Date()
		if got, want := c.DayOf(at), int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400); got != want {
			rt.Fatalf("%s in %s is day %d, want %d", at.UTC(), zone, got, want)
		}
	})
}

// TestZoneChange: the months on both sides of a change meet without a gap and
// without an overlap, westward and eastward.
func TestZoneChange(t *testing.T) {
	for _, tc := range []struct{ from, to, lastBefore, firstAfter string }{
		// The old zone ends its July 24 h before the new one starts August.
		{"Pacific/Kiritimati", "Pacific/Honolulu", "2026-08-01T09:59:59Z", "2026-08-01T10:00:00Z"},
		// The old zone would go on with July for 24 h after the new one started August.
		{"Pacific/Honolulu", "Pacific/Kiritimati", "2026-07-31T09:59:59Z", "2026-07-31T10:00:00Z"},
	} {
		c := calendar(t, tollbook.ZoneFrom{TimeZone: tc.from}, tollbook.ZoneFrom{From: month(t, "2026-08"), TimeZone: tc.to})
		if got := c.MonthOf(instant(t, tc.lastBefore)); got.String() != "2026-07" {
			t.Errorf("%s to %s: %s is in %s, want 2026-07", tc.from, tc.to, tc.lastBefore, got)
		}
		if got := c.MonthOf(instant(t, tc.firstAfter)); got.String() != "2026-08" {
			t.Errorf("%s to %s: %s is in %s, want 2026-08", tc.from, tc.to, tc.firstAfter, got)
		}
		last := tollbook.Month(0)
		for at := instant(t, "2026-06-28T00:00:00Z"); at.Before(instant(t, "2026-09-04T00:00:00Z")); at = at.Add(time.Hour) {
			m := c.MonthOf(at)
			if m < last {
				t.Fatalf("%s to %s: at %s the month goes back from %s to %s", tc.from, tc.to, at, last, m)
			}
			last = m
		}
	}
}

// TestZoneChangeSparesThePast: whenever an account's zone changes, every
// instant that has passed keeps its month, and from then on months follow one
// another as ever.
func TestZoneChangeSparesThePast(t *testing.T) {
	zones := []string{"UTC", "America/New_York", "Europe/Berlin", "Pacific/Honolulu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe", "America/Havana"}
	rapid.Check(t, func(rt *rapid.T) {
		now := instant(t, "2024-02-27T00:00:00Z") // a leap year
		held, err := tollbook.ZonesAfter(nil, rapid.SampledFrom(zones).Draw(rt, "zone"), now)
		if err != nil {
			rt.Fatal(err)
		}
		before := calendar(t, held...)
		for range rapid.IntRange(1, 5).Draw(rt, "changes") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40*24*60).Draw(rt, "minutes")) * time.Minute)
			if rapid.Bool().Draw(rt, "at the edge") {
				edge := before.Start(before.MonthOf(now) + 1)
				now = edge.Add(time.Duration(rapid.IntRange(-26*60, 26*60).Draw(rt, "minutes from the edge")) * time.Minute)
			}
			if held, err = tollbook.ZonesAfter(held, rapid.SampledFrom(zones).Draw(rt, "zone"), now); err != nil {
				rt.Fatal(err)
			}
			after := calendar(t, held...)
			for at := now.Add(-60 * 24 * time.Hour); !at.After(now); at = at.Add(17 * time.Minute) {
				if was, is := before.MonthOf(at), after.MonthOf(at); was != is {
					rt.Fatalf("changed at %s to %v: %s was in %s and is in %s", now, held, at, was, is)
				}
			}
			for m := after.MonthOf(now) - 2; m < after.MonthOf(now)+3; m++ {
				start := after.Start(m)
				if at, last := after.MonthOf(start), after.MonthOf(start.Add(-1)); at != m || last != m-1 {
					rt.Fatalf("%v: %s starts at %s: that is in %s, what is before in %s", held, m, start.UTC(), at, last)
				}
			}
			before = after
		}
	})
}

// TestStart: a month starts at the first instant that belongs to it, whatever
// the zones before it were.
func TestStart(t *testing.T) {
	zones := []string{"UTC", "America/New_York", "Europe/Berlin", "Pacific/Honolulu", "Pacific/Kiritimati", "Pacific/Pago_Pago"}
	rapid.Check(t, func(rt *rapid.T) {
		var changes []tollbook.ZoneFrom
		for i := range rapid.IntRange(1, 4).Draw(rt, "zones") {
			from := tollbook.NewMonth(2026, time.Month(2*i+1)) // two changes are two months apart
			changes = append(changes, tollbook.ZoneFrom{From: from, TimeZone: rapid.SampledFrom(zones).Draw(rt, "zone")})
		}
		c := calendar(t, changes...)
		m := tollbook.NewMonth(2026, time.Month(rapid.IntRange(-3, 14).Draw(rt, "month")))
		start := c.Start(m)
		if at, before := c.MonthOf(start), c.MonthOf(start.Add(-time.Second)); at != m || before != m-1 {
			rt.Fatalf("%s starts at %s: that is in %s, a second before in %s", m, start.UTC(), at, before)
		}
	})
}

func TestZonesAfter(t *testing.T) {
	at := instant(t, "2026-08-15T12:00:00Z")
	zones, err := tollbook.ZonesAfter(nil, "Europe/Berlin", at)
	want := []tollbook.ZoneFrom{{TimeZone: "Europe/Berlin"}}
	if diff := cmp.Diff(want, zones); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	zones, err = tollbook.ZonesAfter(zones, "Asia/Tokyo", at)
	want = append(want, tollbook.ZoneFrom{From: month(t, "2026-09"), TimeZone: "Asia/Tokyo"})
	if diff := cmp.Diff(want, zones); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	again, err := tollbook.ZonesAfter(zones, "UTC", at) // changed once more before it holds
	want[1].TimeZone = "UTC"
	if diff := cmp.Diff(want, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	late, err := tollbook.ZonesAfter(want[:1], "Pacific/Kiritimati", instant(t, "2026-08-31T11:00:00Z")) // September has begun there
	if diff := cmp.Diff(append(want[:1:1], tollbook.ZoneFrom{From: month(t, "2026-10"), TimeZone: "Pacific/Kiritimati"}), late); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	back, err := tollbook.ZonesAfter(zones, "Europe/Berlin", at)
	if diff := cmp.Diff(want[:1], back); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestLoadZoneKnowsNoLocal(t *testing.T) {
	for _, name := range []string{"", "Local", "Mars/Olympus", "../etc/passwd"} {
		if _, err := tollbook.LoadZone(name); err == nil {
			t.Errorf("%q is a time zone", name)
		}
	}
}

func TestParseMonth(t *testing.T) {
	for _, bad := range []string{"", "2023-13", "2023-00", "2023-1", "23-01", "2023/01", "2023-01-01", "２０２３-01", "+023-01"} {
		if m, err := tollbook.ParseMonth(bad); err == nil {
			t.Errorf("%q reads as %s", bad, m)
		}
	}
	if m := month(t, "0001-12"); m.String() != "0001-12" {
		t.Errorf("0001-12 prints as %s", m)
	}
}
