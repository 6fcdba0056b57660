package wire_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"tollbook/wire"
)

// sampleEvents is how many events the benchmarks' bodies hold.
const sampleEvents = 10_000

// sampleFields are the fields of one call, in the order in which a sender
// might write them: as JSON 376 bytes with its line end.
func sampleFields(i int) []string {
	return []string{
		"id", fmt.Sprintf("CALL-%032x", i),
		"source", "voice-gateway-03.eu-central-1.example",
		"account_id", fmt.Sprintf("5ea75fe7aa2247%010x", i%40),
		"occurred_at", fmt.Sprintf("2026-01-%02dT%02d:%02d:%02d.123Z", 1+i%28, i%24, i%60, i%59),
		"type", "CALL",
		"quantity", fmt.Sprint(10 + i%90),
		"unit", "SECONDS",
		"direction", "OUTBOUND",
		"resolution", "ANSWERED",
		"subtype", "SIP",
		"from", "+442079460018",
		"to", fmt.Sprintf("+49305550%04d", i%10000),
		"country", "DE",
		"wallet_name", "contact center",
	}
}

func sampleJSON(i int) string {
	var b strings.Builder
	sep := "{"
	f := sampleFields(i)
	for j := 0; j < len(f); j += 2 {
		if f[j] == "quantity" {
			fmt.Fprintf(&b, `%s%q:%s`, sep, f[j], f[j+1])
		} else {
			fmt.Fprintf(&b, `%s%q:%q`, sep, f[j], f[j+1])
		}
		sep = ","
	}
	return b.String() + "}"
}

func sampleBody(f wire.Format) string {
	var b strings.Builder
	switch f {
	case wire.JSON:
		for i := range sampleEvents {
			b.WriteString(",["[min(1, 1-min(i, 1)):][:1] + sampleJSON(i))
		}
		b.WriteByte(']')
	case wire.NDJSON:
		for i := range sampleEvents {
			b.WriteString(sampleJSON(i) + "\n")
		}
	case wire.CSV:
		w := csv.NewWriter(&b)
		for i := -1; i < sampleEvents; i++ {
			var row []string
			f := sampleFields(max(i, 0))
			for j := min(i, 0) + 1; j < len(f); j += 2 {
				row = append(row, f[j])
			}
			_ = w.Write(row)
		}
		w.Flush()
	}
	return b.String()
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range []wire.Format{wire.JSON, wire.NDJSON, wire.CSV} {
		body := sampleBody(f)
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				items, err := wire.Decode(f, body, options)
				if err != nil || len(items) != sampleEvents {
					b.Fatal(len(items), err)
				}
				for i := range items {
					if items[i].Err != nil {
						b.Fatal(items[i].Err)
					}
				}
			}
			perEvent := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / sampleEvents
			b.ReportMetric(perEvent, "ns/event")
			b.ReportMetric(float64(len(body))/sampleEvents, "B/event")
		})
	}
}
