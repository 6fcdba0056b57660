package wire_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
	"tollbook/wire"
)

var options = wire.Options{Now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)}

// usual are the members of an event with every field, in the order in which
// AppendEvent writes them.
var usual = []string{
	`"id":"e-1"`, `"source":"switch 7"`, `"account_id":"5ea75fe7aa224700012eae40"`,
	`"occurred_at":"2026-01-31T22:59:59.5Z"`, `"type":"CALL"`, `"quantity":61.25`, `"unit":"SECONDS"`,
	`"direction":"OUTBOUND"`, `"resolution":"ANSWERED"`, `"subtype":"sip"`, `"description":"Call, \"long\""`,
	`"product_id":"P-1"`, `"aggr_product_id":"A-1"`, `"from":"+4420"`, `"to":"+4930"`, `"country":"DE"`,
	`"category":"mobile"`, `"price":0.015`, `"currency":"EUR"`, `"wallet_name":"contact center"`,
	`"attributes":{"agent":"Ana","queue":"sales"}`,
}

// eventWith returns the usual event with members put in the place of those of
// the same name, or behind all. A member of only a name is taken away.
func eventWith(members ...string) string {
	all := slices.Clone(usual)
	for _, m := range members {
		name, _, hasValue := strings.Cut(m, ":")
		i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, name+":") })
		switch {
		case i < 0:
			all = append(all, m)
		case hasValue:
			all[i] = m
		default:
			all = slices.Delete(all, i, i+1)
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

// decodeOne decodes a body of one event.
func decodeOne(t *testing.T, f wire.Format, body string) *wire.Item {
	t.Helper()
	items, err := wire.Decode(f, body, options)
	if err != nil {
		t.Fatalf("%s\n%v", body, err)
	}
	if len(items) != 1 {
		t.Fatalf("%s\n%d events", body, len(items))
	}
	return &items[0]
}

// Nothing of a body's events is in those that take over its memory, whatever
// became of either.
func TestReleaseLeavesNothing(t *testing.T) {
	full := "[" + strings.Repeat(eventWith()+",", 20) + `{"id":"bad"}]`
	sparse := "[" + strings.Repeat(`{"id":"1","source":"s","account_id":"a","occurred_at":"2026-01-31T22:59:59Z","type":"CALL","quantity":1},`, 30) + "7]"
	want, err := wire.Decode(wire.JSON, sparse, options)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		items, err := wire.Decode(wire.JSON, full, options)
		if err != nil || len(items) != 21 {
			t.Fatal(len(items), err)
		}
		kept, attributes := items[3].Event.ID, items[3].Event.Attributes
		wire.Release(items)
		got, err := wire.Decode(wire.JSON, sparse, options)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		if kept != "e-1" || len(attributes) != 2 || attributes[0].Value != "Ana" {
			t.Fatalf("%q and %v have changed", kept, attributes)
		}
		wire.Release(got)
	}
}

// normal decodes a body of one good event and returns its normal form.
func normal(t *testing.T, f wire.Format, body string) string {
	t.Helper()
	item := decodeOne(t, f, body)
	if item.Err != nil {
		t.Fatalf("%s\n%v", body, item.Err)
	}
	return string(item.Event.AppendNormal(nil))
}

// wantFault checks that an item failed because of one field, for a reason
// that contains the text.
func wantFault(t *testing.T, item *wire.Item, field, text string) {
	t.Helper()
	if item.Err == nil {
		t.Fatalf("taken; want %s: %s", field, text)
	}
	if len(item.Err.Fields) != 1 || item.Err.Fields[0].Name != field || !strings.Contains(item.Err.Fields[0].Description, text) {
		t.Fatalf("got %+v, want %s: …%s…", item.Err.Fields, field, text)
	}
	if item.Err.Code != "invalid_event" || item.Err.Message == "" {
		t.Fatalf("code %q, message %q", item.Err.Code, item.Err.Message)
	}
	if item.Event.ID != "" {
		t.Fatal("an event that is refused is not empty")
	}
}

func TestFormatOf(t *testing.T) {
	for contentType, want := range map[string]wire.Format{
		"application/json":                         wire.JSON,
		"Application/JSON; charset=UTF-8":          wire.JSON,
		"application/x-ndjson":                     wire.NDJSON,
		"application/cloudevents+json":             wire.CloudEvents,
		"application/cloudevents-batch+json; a=b":  wire.CloudEventsBatch,
		"text/csv; header=present; charset=utf-8 ": wire.CSV,
		"text/csv; charset=iso-8859-1":             0,
		"text/csv; header=absent":                  0,
		"text/plain":                               0,
		"":                                         0,
		"application/json; charset":                0,
	} {
		got, err := wire.FormatOf(contentType)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %v, %v", contentType, got, err)
		}
		if want != 0 {
			continue
		}
		if tollbook.CodeOf(err) != tollbook.CodeUnsupportedMedia || !strings.Contains(err.Error(), "application/x-ndjson") || !strings.Contains(err.Error(), "Content-Type") {
			t.Errorf("%q: %v", contentType, err)
		}
	}
}

func TestEveryField(t *testing.T) {
	e := decodeOne(t, wire.JSON, eventWith()).Event
	quantity, _ := decimal.Parse("61.25", 18, 12)
	price, _ := decimal.Parse("0.015", 18, 12)
	want := tollbook.Event{
		ID: "e-1", Source: "switch 7", AccountID: "5ea75fe7aa224700012eae40",
		OccurredAt: time.Date(2026, 1, 31, 22, 59, 59, 500_000_000, time.UTC),
		Type:       tollbook.Call, Quantity: quantity, Unit: tollbook.Seconds,
		Direction: tollbook.Outbound, Resolution: tollbook.Answered,
		Subtype: "sip", Description: `Call, "long"`, ProductID: "P-1", AggrProductID: "A-1",
		From: "+4420", To: "+4930", Country: "DE", Category: "mobile",
		Priced: true, Price: price, Currency: "EUR", WalletName: "contact center",
		Attributes: []tollbook.Attribute{{Key: "agent", Value: "Ana"}, {Key: "queue", Value: "sales"}},
	}
	if string(e.AppendNormal(nil)) != string(want.AppendNormal(nil)) {
		t.Fatalf("got  %+v\nwant %+v", e, want)
	}
	if e.OccurredAt != want.OccurredAt {
		t.Fatalf("%#v is not in UTC", e.OccurredAt)
	}
}

func TestDefaultUnits(t *testing.T) {
	for _, name := range tollbook.UsageTypes() {
		e := decodeOne(t, wire.JSON, eventWith(`"unit"`, `"type":"`+name+`"`)).Event
		if want, _ := tollbook.ParseUsageType(name); e.Type != want || e.Unit != want.DefaultUnit() || e.Unit == 0 {
			t.Errorf("%s: %s in %s", name, e.Type, e.Unit)
		}
	}
}

// TestSameEvent decodes different ways to say the same.
func TestSameEvent(t *testing.T) {
	want := normal(t, wire.JSON, eventWith())
	columns := strings.Join(wire.Fields(), ",") + ",attributes.queue,attributes.none,attributes.agent\r\n"
	data := eventWith(`"id"`, `"source"`, `"account_id"`, `"occurred_at"`)
	envelope := `"specversion":"1.0","id":"e-1","source":"switch 7","time":"2026-01-31T22:59:59.5Z","subject":"5ea75fe7aa224700012eae40"`
	reversed := slices.Clone(usual)
	slices.Reverse(reversed)
	for name, c := range map[string]struct {
		format wire.Format
		body   string
	}{
		"array":        {wire.JSON, "[" + eventWith() + "]"},
		"white space":  {wire.JSON, " \r\n\t" + strings.NewReplacer(",\"", " ,\n\t\"", "\":", "\" : ").Replace(eventWith()) + "\n "},
		"other order":  {wire.JSON, "{" + strings.Join(reversed, ",") + "}"},
		"other offset": {wire.JSON, eventWith(`"occurred_at":"2026-02-01T04:44:59.500000000000+05:45"`)},
		"lower case t": {wire.JSON, eventWith(`"occurred_at":"2026-01-31t22:59:59.50z"`)},
		"exponents":    {wire.JSON, eventWith(`"quantity":6125E-2`, `"price":"1.5e-2"`)},
		"zeros":        {wire.JSON, eventWith(`"quantity":"00061.250000000000000000000"`, `"price":0.0150`)},
		"default unit": {wire.JSON, eventWith(`"unit"`)},
		"null unit":    {wire.JSON, eventWith(`"unit":null`)},
		"empty unit":   {wire.JSON, eventWith(`"unit":""`)},
		"escapes":      {wire.JSON, eventWith(`"\u0069d":"\u0065\u002D1"`, `"id"`, `"description":"\u0043all, \u0022long\""`)},
		"unsorted":     {wire.JSON, eventWith(`"attributes":{"queue":"sales","agent":"Ana"}`)},
		"lines":        {wire.NDJSON, "\n \r\n" + eventWith() + "\r\n\t"},
		"cloud event":  {wire.CloudEvents, `{` + envelope + `,"type":"com.example.call","data":` + data + `}`},
		"cloud extras": {wire.CloudEvents, `{"data":` + data + `,"traceparent":"00-1",` + envelope + `,"datacontenttype":"application/vnd.x+json; v=1","dataschema":"https://example.com/s","other":{"a":[1]},"type":"c"}`},
		"cloud batch":  {wire.CloudEventsBatch, `[{` + envelope + `,"type":"c","datacontenttype":"application/json","data":` + data + `}]`},
		"csv": {wire.CSV, columns + `e-1,switch 7,5ea75fe7aa224700012eae40,2026-01-31T22:59:59.5Z,CALL,61.25,SECONDS,OUTBOUND,ANSWERED,sip,"Call, ""long""",` +
			`P-1,A-1,+4420,+4930,DE,mobile,0.015,EUR,contact center,sales,,Ana`},
		"csv with a mark": {wire.CSV, "\uFEFF" + columns + "\n" + `e-1,"switch 7",5ea75fe7aa224700012eae40,2026-01-31T22:59:59.5Z,"CALL",61.250,,OUTBOUND,ANSWERED,sip,"Call, ""long""",` +
			`P-1,A-1,+4420,+4930,DE,mobile,1.5E-2,EUR,contact center,"sales","",Ana` + "\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := normal(t, c.format, c.body); got != want {
				t.Fatalf("%s\nreads as\n%q, want\n%q", c.body, got, want)
			}
		})
	}
}

// TestMissingFields checks that all that is missing is said at once, and that
// null and an empty string say as little as nothing.
func TestMissingFields(t *testing.T) {
	required := []string{"id", "source", "account_id", "occurred_at", "type", "quantity"}
	for _, c := range []struct {
		name   string
		format wire.Format
		body   string
		want   []string
	}{
		{"empty object", wire.JSON, `{}`, required},
		{"nulls", wire.JSON, `{"id":null,"source":null,"account_id":null,"occurred_at":null,"type":null,"quantity":null,"price":null,"attributes":null,"to":null}`, required},
		{"empty strings", wire.JSON, `{"id":"","source":"","account_id":"","occurred_at":"","type":"","quantity":1,"to":"","currency":"","direction":""}`, required[:5]},
		{"price alone", wire.JSON, eventWith(`"currency"`), []string{"currency"}},
		{"bad price alone", wire.JSON, eventWith(`"currency":null`, `"price":-1`), []string{"price", "currency"}},
		{"empty cells", wire.CSV, strings.Join(required, ",") + ",price\n,,,,,,1\n", append([]string{"currency"}, required...)},
		{"empty cloud event", wire.CloudEvents, `{}`, []string{"id", "source", "subject", "time", "data.type", "data.quantity", "specversion", "type", "data"}},
		{"cloud event of nulls", wire.CloudEventsBatch, `[{"specversion":null,"type":null,"time":null,"data":null,"data_base64":null,"id":"a","source":"b","subject":"c"}]`,
			[]string{"time", "data.type", "data.quantity", "specversion", "type", "data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			item := decodeOne(t, c.format, c.body)
			if item.Err == nil {
				t.Fatal("taken")
			}
			var got []string
			for _, f := range item.Err.Fields {
				if f.Name != "price" && !strings.HasPrefix(f.Description, "is required") {
					t.Errorf("%s %s", f.Name, f.Description)
				}
				got = append(got, f.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestAllFaultsAtOnce checks that an event is refused with everything that is
// wrong with it, and under its name.
func TestAllFaultsAtOnce(t *testing.T) {
	item := decodeOne(t, wire.JSON, eventWith(`"quantity":-1`, `"type":"CALLS"`, `"currency":"eur"`, `"colour":"red"`, `"occurred_at":"yesterday"`))
	var got []string
	for _, f := range item.Err.Fields {
		got = append(got, f.Name)
	}
	if want := []string{"occurred_at", "type", "quantity", "currency", "colour"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if item.Err.ID != "e-1" || item.Err.Source != "switch 7" {
		t.Fatalf("named %q, %q", item.Err.Source, item.Err.ID)
	}
}

// TestFaultsAreBounded checks that a body cannot make an error that is much
// longer than itself.
func TestFaultsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"%d%s":1,`, i, strings.Repeat("x", 1000))
	}
	item := decodeOne(t, wire.JSON, "{"+b.String()+eventWith()[1:])
	if n := len(item.Err.Fields); n != 64 {
		t.Errorf("%d faults", n)
	}
	if n := len(item.Err.Error()); n > 10_000 {
		t.Errorf("%d bytes of error", n)
	}
}

// TestFaultsOfABodyAreBounded: every bad event is told, but not with all that
// is wrong once very much is wrong.
func TestFaultsOfABodyAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, `"f%d":1,`, i)
	}
	bad := "{" + b.String()[:b.Len()-1] + "}"
	items, err := wire.Decode(wire.NDJSON, strings.Repeat(bad+"\n", tollbook.MaxBatch), options)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range items {
		if items[i].Err == nil || len(items[i].Err.Fields) == 0 {
			t.Fatalf("event %d has no error", i)
		}
		n += len(items[i].Err.Fields)
	}
	if n > 5*tollbook.MaxBatch || len(items[0].Err.Fields) != 64 {
		t.Errorf("%d errors of a body, %d of its first event", n, len(items[0].Err.Fields))
	}
}

func TestTooManyEvents(t *testing.T) {
	header := strings.Join(wire.Fields()[:6], ",") + "\n"
	for _, c := range []struct {
		format      wire.Format
		open, event string
		sep, close  string
	}{
		{wire.JSON, "[", eventWith(), ",", "]"},
		{wire.NDJSON, "", "{}", "\n\n", "\n"},
		{wire.CloudEventsBatch, "[", "1", ",", "]"},
		{wire.CSV, header, "1,2,3,4,5,6", "\n", ""},
	} {
		for _, n := range []int{3, 4, tollbook.MaxBatch, tollbook.MaxBatch + 1} {
			opts := options
			if n < 10 {
				opts.MaxEvents = 3
			}
			body := c.open + strings.Repeat(c.event+c.sep, n-1) + c.event + c.close
			items, err := wire.Decode(c.format, body, opts)
			switch {
			case n == 3 || n == tollbook.MaxBatch:
				if err != nil || len(items) != n {
					t.Errorf("%s: %d of %d events, %v", c.format, len(items), n, err)
				}
			case items != nil || tollbook.CodeOf(err) != tollbook.CodeTooLarge || !strings.Contains(err.Error(), fmt.Sprint(n-1)):
				t.Errorf("%s: %d events: %v", c.format, n, err)
			}
		}
	}
}
