package tollbook_test

import (
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// BenchmarkEvent takes a usual call through what is done with every event
// before it is stored.
func BenchmarkEvent(b *testing.B) {
	e := &tollbook.Event{
		ID: "3f2a9c0b5d7e4f1a8b6c2d9e0f1a2b3c", Source: "voice-gateway-03.eu-west", AccountID: "5ea75fe7aa22470001000042",
		OccurredAt: time.Date(2026, time.August, 14, 9, 26, 53, 123e6, time.UTC), Type: tollbook.Call, Quantity: decimal.FromInt(137),
		Unit: tollbook.Seconds, Direction: tollbook.Outbound, Resolution: tollbook.Answered,
		Subtype: "SIPUDP", Country: "AT", Category: "mobile", From: "+49305550123", To: "+436641234567",
		Attributes: []tollbook.Attribute{{Key: "node", Value: "n-3"}, {Key: "trunk", Value: "t-17"}},
	}
	normal := e.AppendNormal(nil)
	b.Run("normal", func(b *testing.B) {
		for b.Loop() {
			normal = e.AppendNormal(normal[:0])
		}
	})
	b.Run("fingerprint", func(b *testing.B) {
		for b.Loop() {
			tollbook.Fingerprint(normal)
		}
	})
	b.Run("claim", func(b *testing.B) {
		for b.Loop() {
			tollbook.ClaimOf("acme", e.Source, e.ID)
		}
	})
	for _, zone := range []string{"UTC", "America/New_York"} {
		c, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: zone}})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("month/"+zone, func(b *testing.B) {
			for b.Loop() {
				c.MonthOf(e.OccurredAt)
			}
		})
		b.Run("day/"+zone, func(b *testing.B) {
			for b.Loop() {
				c.DayOf(e.OccurredAt)
			}
		})
	}
}
