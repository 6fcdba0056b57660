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
// might write them: as JSON 376 bytes with what separates it from the next.
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

// sampleBody returns a body of sampleEvents calls.
func sampleBody(f wire.Format) string {
	var b strings.Builder
	switch f {
	case wire.JSON:
		for i := range sampleEvents {
			sep := ","
			if i == 0 {
				sep = "["
			}
			b.WriteString(sep + sampleJSON(i))
		}
		b.WriteByte(']')
	case wire.NDJSON:
		for i := range sampleEvents {
			b.WriteString(sampleJSON(i) + "\n")
		}
	case wire.CSV:
		w := csv.NewWriter(&b)
		names, _ := halves(sampleFields(0))
		_ = w.Write(names)
		for i := range sampleEvents {
			_, values := halves(sampleFields(i))
			_ = w.Write(values)
		}
		w.Flush()
	}
	return b.String()
}

// halves parts names from values.
func halves(fields []string) (names, values []string) {
	for i := 0; i < len(fields); i += 2 {
		names, values = append(names, fields[i]), append(values, fields[i+1])
	}
	return names, values
}

// BenchmarkDecode tells what an event costs. For scale, encoding/json into a
// struct of strings takes about eight times as long for the JSON body.
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
				wire.Release(items)
			}
			perEvent := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / sampleEvents
			b.ReportMetric(perEvent, "ns/event")
			b.ReportMetric(float64(len(body))/sampleEvents, "B/event")
		})
	}
}
