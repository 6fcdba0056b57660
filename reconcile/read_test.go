package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// show returns the rows of a file, a line each.
func show(f *File) string {
	var b strings.Builder
	for _, r := range f.rows {
		fmt.Fprintf(&b, "%d|%s|%s|%s|%s|", r.Line, r.ID, r.Source, r.To, r.From)
		if !r.Start.IsZero() {
			b.WriteString(r.Start.Format(time.RFC3339Nano))
		}
		if q := r.Quantity; q != nil {
			fmt.Fprintf(&b, "|%s %s", q.Number, q.Unit)
		} else {
			b.WriteString("|-")
		}
		if a := r.Amount; a != nil {
			fmt.Fprintf(&b, "|%s %s", a.Number, a.Currency)
		} else {
			b.WriteString("|-")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func columns(t *testing.T, s string) map[Field]string {
	t.Helper()
	c, err := ParseColumns(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCarriersFiles reads files as carriers, switches and platforms write
// them.
func TestCarriersFiles(t *testing.T) {
	sydney, err := tollbook.LoadZone("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		layout Layout
		text   string
		want   string
	}{
		{"call log with negative prices", Layout{AmountFactor: decimal.FromInt(-1)},
			"\uFEFFCall Sid,From,To,Start Time,Duration,Status,Price,Price Unit\r\n" +
				"CA01,+12025550100,+351210001234,\"Mon, 31 Aug 2026 20:36:28 +0000\",61,completed,-0.02400,USD\r\n" +
				"CA02,+12025550100,+351210001234,20:40:00 UTC 2026-08-31,,busy,,usd\r\n",
			"2|CA01||+351210001234|+12025550100|2026-08-31T20:36:28Z|61 SECONDS|0.024 USD\n" +
				"3|CA02||+351210001234|+12025550100|2026-08-31T20:40:00Z|-|-\n"},
		{"units and currency in the header", Layout{},
			"Time Start (UTC),Source,CLI,Destination,Duration (secs),Disconnect Code,Rate ($USD per minute),Charged (USD)\n" +
				"2026-08-01 11:22:33,1,44123456789,44223456789,321,200,0.012,0.0642\n",
			"2|||44223456789|44123456789|2026-08-01T11:22:33Z|321 SECONDS|0.0642 USD\n"},
		{"days first, a time zone, two durations", Layout{TimeFormat: "DD/MM/YYYY hh:mm:ss", Zone: sydney, Currency: "AUD", Columns: columns(t, "quantity=Billable Duration,amount=Cost ex")},
			"Call Date,Call From,Call To,Total Duration,Billable Duration,Answer Status,Cost ex\n" +
				"01/02/2026 19:03:57,Anonymous,61284580000,5,4,ANSWERED,0.00\n",
			"2|||61284580000|Anonymous|2026-02-01T08:03:57Z|4 SECONDS|0 AUD\n"},
		{"semicolons, a date and a time of day, pence", Layout{Currency: "GBP", AmountFactor: decimal.New(decimal.NewUint(1), 2), Columns: columns(t, "start=aDate+aTime,to=aDDI,from=aCLI,quantity=aSeconds,amount=aCost")},
			"aDate;aTime;aDDI;aCLI;aSeconds;aCost\n2026-08-01;09:05:00;448000000000;;-1;1.25\n",
			"2|||448000000000||2026-08-01T09:05:00Z|-1 SECONDS|0.0125 GBP\n"},
		{"decimal commas, a clock's durations", Layout{DecimalComma: true, Currency: "EUR"},
			"Date;Time;Called number;Duration;Cost\n2026-08-01;09:05:00;+49 30 123456;0:01:05;1.234,50\n2026-08-01;09:06;+49 30 123456;12:34;0,05\n",
			"2|||+49 30 123456||2026-08-01T09:05:00Z|65 SECONDS|1234.5 EUR\n" +
				"3|||+49 30 123456||2026-08-01T09:06:00Z|754 SECONDS|0.05 EUR\n"},
		{"cost report", Layout{},
			"Interaction ID,Charge time,Occurred at,Usage type,Quantity,Unit of Measure,Charged Amount,Currency\n" +
				"i-1,2026-08-02 00:00:00,2026-08-01T10:00:00.25+01:00,call,2,minutes,0.024,USD\n" +
				"i-2,2026-08-02 00:00:00,1785578400,message,3,segments,0.03,EUR\n",
			"2|i-1||||2026-08-01T09:00:00.25Z|2 MINUTES|0.024 USD\n" +
				"3|i-2||||2026-08-01T10:00:00Z|3 SEGMENTS|0.03 EUR\n"},
		{"a switch's", Layout{Columns: columns(t, "quantity=billsec, from=caller_id_number, source=")},
			"callid\tcaller_id_number\tdestination_number\tstarting_date\tduration\tbillsec\n96aa82fe\t904151440\t+34798400122\t2026-08-21 12:13:10\t55\t50\n",
			"2|96aa82fe||+34798400122|904151440|2026-08-21T12:13:10Z|50 SECONDS|-\n"},
		{"noon", Layout{TimeFormat: "MM/DD/YYYY hh:mm AM", Columns: columns(t, "start=When,to=To")},
			"When,To\n8/31/2026 12:00 AM,1\n8/31/2026 1:05 pm,1\n",
			"2|||1||2026-08-31T00:00:00Z|-|-\n3|||1||2026-08-31T13:05:00Z|-|-\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, faults := Read(tt.text, tt.layout)
			if tt.want == "" {
				if f != nil {
					t.Fatalf("it was read as %s", show(f))
				}
				return
			}
			if f == nil {
				t.Fatalf("faults: %v", faults)
			}
			if got := show(f); got != tt.want {
				t.Errorf("read\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// TestFaults: each is told with its line and its column.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		text   string
		layout Layout
		want   string
	}{
		{"", Layout{}, "line 1: the file is empty"},
		{"a,b\n1,2\n", Layout{}, "line 1: neither a column with the id nor"},
		{"to,start,duration,billsec\n", Layout{}, `line 1: "duration" and "billsec" may both be the quantity; say which one is, as quantity=NAME`},
		{"to,start,amount\n", Layout{}, "line 1, amount: is an amount, but of which currency"},
		{"to,start\n1,2026-08-01\n", Layout{}, `line 2, start: "2026-08-01" is not a time that leaves no doubt`},
		{"to,start\n1,01/02/2026 10:00:00\n", Layout{}, "line 2, start: "},
		{"to,start\n1,30/02/2026 10:00:00\n", Layout{TimeFormat: "DD/MM/YYYY hh:mm:ss"}, "line 2, start: "},
		{"to,start\n1,2026-08-01 10:00:00 PST\n", Layout{}, "line 2, start: "},
		{"to,start\n1,2026-13-01 10:00:00\n", Layout{}, "line 2, start: "},
		{"to,start\n1,2026-08-01 10:60:00\n", Layout{}, "line 2, start: "},
		{"to,start\n\n1\n", Layout{}, "line 3: 1 cells where the header has 2"},
		{"id,quantity\nx,\"1,5\"\n", Layout{}, `line 2, quantity: "1,5" is not a decimal number`},
		{"id,quantity\nx,1e30\n", Layout{}, "line 2, quantity: has more than 18 digits"},
		{"id,quantity,unit\nx,1,furlongs\n", Layout{}, "line 2, unit: \"furlongs\" is no unit"},
		{"id,price,currency\nx,1,dollars\n", Layout{}, "line 2, currency: \"dollars\" is no currency"},
		{"id,price,currency\nx,1,\n", Layout{}, "line 2, price: is an amount, but of no currency"},
		{"id,to\n\"x\"y,1\n", Layout{}, "line 2: byte "},
		{"id,to\nx,\"1\n", Layout{}, "line 2: byte "},
		{"id\n" + strings.Repeat("x", 257) + "\n", Layout{}, "line 2, id: has more than 256 bytes"},
		{"id\nx\x00\n", Layout{}, "line 2: cell 1 is not plain UTF-8 text"},
		{"id\nx\n", Layout{Columns: map[Field]string{FieldTo: "Dest"}}, `line 1: there is no column "Dest" for to; the columns are id`},
		{"id\nx\n", Layout{TimeFormat: "DD/MM hh:mm"}, "time_format: must have"},
	} {
		f, faults := Read(tt.text, tt.layout)
		if f != nil || len(faults) == 0 {
			t.Errorf("%q was read", tt.text)
			continue
		}
		if got := faults[0].Name + ": " + faults[0].Description; !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	_, faults := Read("id,quantity\n"+strings.Repeat("x,y\n", 250), Layout{})
	if len(faults) != MaxErrors || faults[MaxErrors-1].Description != "151 more errors from here on" {
		t.Errorf("%d faults, the last %v", len(faults), faults[len(faults)-1])
	}
}

func TestParseColumns(t *testing.T) {
	got := columns(t, `id=Call Sid, "amount=Rate, USD",from=`)
	if len(got) != 3 || got[FieldID] != "Call Sid" || got[FieldAmount] != "Rate, USD" || got[FieldFrom] != "" {
		t.Errorf("columns %v", got)
	}
	for _, bad := range []string{"id", "colour=x", "id=a,id=b", `"id=a`, "id=a\nto=b", strings.Repeat("x", maxColumnsText+1)} {
		if c, err := ParseColumns(bad); err == nil {
			t.Errorf("%.20q was read as %v", bad, c)
		}
	}
	if c, err := ParseColumns(""); c != nil || err != nil {
		t.Errorf("nothing is %v, %v", c, err)
	}
}

func TestParseTimeFormat(t *testing.T) {
	for _, bad := range []string{"", "DD/MM/YYYY", "DD/MM/YYYY hh:mm DD", "YYYY DD hh mm", strings.Repeat("YYYY", 20)} {
		if f, err := ParseTimeFormat(bad); err == nil {
			t.Errorf("%q was read as %q", bad, f)
		}
	}
}
