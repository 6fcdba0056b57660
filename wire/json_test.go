package wire_test

import (
	"strings"
	"testing"

	"tollbook"
	"tollbook/wire"
)

// TestFieldRules breaks one rule at a time.
func TestFieldRules(t *testing.T) {
	long := strings.Repeat("é", 128) // 256 bytes
	for _, c := range []struct{ member, field, want string }{
		{`"id":"` + long + `"`, "", ""},
		{`"id":"` + long + `x"`, "id", "has 257 bytes; at most 256"},
		{`"source":"` + long + `x"`, "source", "at most 256"},
		{`"to":"` + long + `"`, "", ""},
		{`"to":"` + long + `x"`, "to", "at most 256"},
		{`"id":7`, "id", "must be a string, not a number"},
		{`"to":["a"]`, "to", "must be a string, not an array"},
		{`"to":{"a":"b"}`, "to", "must be a string, not an object"},
		{`"to":true`, "to", "must be a string, not a boolean"},
		{`"to":"a","to":"a"`, "to", "is given more than once"},
		{`"to":null,"to":"a"`, "to", "is given more than once"},
		{`"to":"` + "\xff" + `"`, "to", "is not valid UTF-8"},
		{`"to":"\ud800"`, "to", "half of a surrogate pair"},
		{`"to":"\ud800\u0041"`, "to", "half of a surrogate pair"},
		{`"to":"\udc00\ud800"`, "to", "half of a surrogate pair"},
		{`"to":"\u0000"`, "to", "NUL"},
		{`"to":"\ud83d\ude00 \"\\\/\b\f\n\r\t\u00e9"`, "", ""},
		{`"colour":"red"`, "colour", "is not a field of an event"},
		{`"ID":"x"`, "ID", "is not a field of an event"},
		{`"` + "\xff" + `":{"x":[1,{}]}`, "?", "a field whose name is not valid UTF-8"},
		{`"cloudevent_type":"x"`, "cloudevent_type", "is not a field of an event"},

		{`"occurred_at":1769900399`, "occurred_at", "must be a string, not a number"},
		{`"occurred_at":"2026-01-31T22:59:59"`, "occurred_at", "RFC 3339"},
		{`"occurred_at":"2026-02-02T12:00:00Z"`, "", ""},
		{`"occurred_at":"2026-02-02T12:00:00.000000001Z"`, "occurred_at", "more than 24 hours ahead"},
		{`"occurred_at":"2026-02-02T14:00:00.000000001+02:00"`, "occurred_at", "more than 24 hours ahead"},

		{`"type":"call"`, "type", "must be one of AMD, API_REQUEST, CALL,"},
		{`"unit":"HOURS"`, "unit", "must be one of CHARS, "},
		{`"direction":"IN"`, "direction", `must be one of INBOUND, OUTBOUND, OTHER, not "IN"`},
		{`"resolution":"BUSY"`, "resolution", "must be one of ABANDONED, "},

		{`"quantity":0`, "", ""},
		{`"quantity":-0.0`, "", ""},
		{`"quantity":999999999999999999.999999999999`, "", ""},
		{`"quantity":1e17`, "", ""},
		{`"quantity":1000000000000000000`, "quantity", "more than 18 digits before or 12 after"},
		{`"quantity":0.0000000000001`, "quantity", "more than 18 digits before or 12 after"},
		{`"quantity":1e400`, "quantity", "more than 18 digits"},
		{`"quantity":"1e400"`, "quantity", "more than 18 digits"},
		{`"quantity":1e-99999999999999999999`, "quantity", "more than 18 digits"},
		{`"quantity":-1`, "quantity", "must not be negative"},
		{`"quantity":"NaN"`, "quantity", `must be a decimal number such as 12.5, not "NaN"`},
		{`"quantity":"1,5"`, "quantity", `not "1,5"`},
		{`"quantity":"1."`, "quantity", `not "1."`},
		{`"quantity":" 1"`, "quantity", `not " 1"`},
		{`"quantity":"0x10"`, "quantity", `not "0x10"`},
		{`"quantity":""`, "quantity", `not ""`},
		{`"quantity":true`, "quantity", "must be a number or a string, not a boolean"},
		{`"quantity":[1]`, "quantity", "must be a number or a string, not an array"},

		{`"price":0`, "", ""},
		{`"price":-0.01`, "price", "must not be negative"},
		{`"price":1e18`, "price", "more than 18 digits"},
		{`"price":""`, "price", `not ""`},
		{`"currency":"eur"`, "currency", "capital letters"},
		{`"currency":"EURO"`, "currency", "ISO 4217"},
		{`"currency":"XXZ"`, "currency", "ISO 4217"},

		{`"attributes":{}`, "", ""},
		{`"attributes":{"k":""}`, "", ""},
		{`"attributes":"k=v"`, "attributes", "must be an object, not a string"},
		{`"attributes":[]`, "attributes", "must be an object, not an array"},
		{`"attributes":{"k":1}`, "attributes.k", "must be a string, not a number"},
		{`"attributes":{"k":null}`, "attributes.k", "must be a string, not null"},
		{`"attributes":{"k":{"l":"m"}}`, "attributes.k", "must be a string, not an object"},
		{`"attributes":{"k":"a","b":"","k":"a"}`, "attributes.k", "is given more than once"},
		{`"attributes":{"":"a"}`, "attributes", "has a key without any characters"},
		{`"attributes":{"\ud800":"a"}`, "attributes", "has a key that holds one half"},
		{`"attributes":{"k":"` + "\xc3" + `"}`, "attributes.k", "is not valid UTF-8"},
		{`"attributes":{"` + strings.Repeat("k", 128) + `":"` + strings.Repeat("v", 1024) + `"}`, "", ""},
		{`"attributes":{"` + strings.Repeat("k", 129) + `":"a"}`, "attributes." + strings.Repeat("k", 64) + "…", "has a key that has 129 bytes"},
		{`"attributes":{"k":"` + strings.Repeat("v", 1025) + `"}`, "attributes.k", "has 1025 bytes; at most 1024"},
		{`"attributes":` + attributes(64), "", ""},
		{`"attributes":` + attributes(65), "attributes", "has more than 64"},
		{`"attributes":` + attributes(300), "attributes", "has more than 64"},
	} {
		item := decodeOne(t, wire.JSON, eventWith(c.member))
		t.Run(c.member[:min(len(c.member), 40)], func(t *testing.T) {
			if c.field != "" {
				wantFault(t, item, c.field, c.want)
			} else if item.Err != nil {
				t.Fatal(item.Err)
			}
		})
	}
}

// attributes returns an object of n attributes.
func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + `":"v"`)
	}
	return "{" + b.String()[1:] + "}"
}

func TestEscapes(t *testing.T) {
	item := decodeOne(t, wire.JSON, eventWith(`"to":"\ud83d\ude00é\"\\\/\b\f\n\r\t\u00E9\u2028"`))
	if want := "😀é\"\\/\b\f\n\r\té\u2028"; item.Err != nil || item.Event.To != want {
		t.Fatalf("%q, %v", item.Event.To, item.Err)
	}
}

// TestNotJSON checks that a body that is not JSON is refused as a whole, with
// the place.
func TestNotJSON(t *testing.T) {
	good := eventWith()
	for _, c := range []struct {
		format     wire.Format
		body, want string
	}{
		{wire.JSON, "", "body: is empty"},
		{wire.JSON, " \n\t", "body: is empty"},
		{wire.JSON, "[" + good + ",\n " + good[:len(good)-1], "line 2, column 4"},
		{wire.JSON, "[" + good, "expected ',' or ']', found the end"},
		{wire.JSON, "[" + good + ",]", "expected a value, found ']'"},
		{wire.JSON, "[" + good + "]\n]", "line 2, column 1: expected nothing more, found ']'"},
		{wire.JSON, good + good, "expected nothing more, found '{'"},
		{wire.JSON, "{\"é\": x}", "line 1, column 7: expected a value, found 'x'"},
		{wire.JSON, `{"id"}`, "line 1, column 6: expected ':' and a value, found '}'"},
		{wire.JSON, `{id:1}`, "line 1, column 2: expected a field name in quotes, found 'i'"},
		{wire.JSON, `{"id":"a",}`, "line 1, column 11: expected a field name in quotes, found '}'"},
		{wire.JSON, `{"id":"a" "b"`, "expected ',' or '}'"},
		{wire.JSON, `{"id":"a`, "expected the end of a string, found the end"},
		{wire.JSON, "{\"id\":\"a\nb\"}", `line 1, column 9: expected no control character in a string, found '\n'`},
		{wire.JSON, `{"id":"\x"}`, `column 8: expected an escape`},
		{wire.JSON, `{"id":"\u12g4"}`, "expected an escape"},
		{wire.JSON, `{"quantity":NaN}`, "line 1, column 13: expected a value, found 'N'"},
		{wire.JSON, `{"quantity":01}`, "expected ',' or '}', found '1'"},
		{wire.JSON, `{"quantity":1.}`, "expected a digit behind the point"},
		{wire.JSON, `{"quantity":-}`, "expected a digit"},
		{wire.JSON, `{"quantity":1e}`, "expected a digit of the exponent"},
		{wire.JSON, `{"quantity":+1}`, "expected a value"},
		{wire.JSON, `{"to":nul}`, "expected null"},
		{wire.JSON, `{"to":True}`, "expected a value"},
		{wire.JSON, `{"colour":[1,}`, "expected a value"},
		{wire.JSON, "\uFEFF" + good, `expected an event as an object, or an array of events, found '\ufeff'`},
		{wire.JSON, "\xff", "found a byte that is not UTF-8"},
		{wire.JSON, `"text"`, "expected an event as an object, or an array of events"},
		{wire.JSON, `{"x":` + strings.Repeat("[", 64), "at most 64 levels of nesting"},
		{wire.JSON, `{"x":` + strings.Repeat(`{"x":`, 1_000_000), "at most 64 levels of nesting"},
		{wire.CloudEvents, "[" + good + "]", "expected one CloudEvent as an object"},
		{wire.CloudEventsBatch, good, "expected an array of CloudEvents"},
		{wire.CloudEvents, `{"ext":tru}`, "expected true"},
		{wire.NDJSON, "", "body: is empty"},
		{wire.NDJSON, "\n\n", "body: is empty"},
	} {
		items, err := wire.Decode(c.format, c.body, options)
		if items != nil || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %d events, %v; want %s", c.body, len(items), err, c.want)
		}
	}
}

func TestNoEvents(t *testing.T) {
	for _, c := range []struct {
		format wire.Format
		body   string
	}{
		{wire.JSON, " [ ] "},
		{wire.CloudEventsBatch, "[]"},
		{wire.CSV, "quantity,id,source,account_id,occurred_at,type"},
	} {
		if items, err := wire.Decode(c.format, c.body, options); err != nil || len(items) != 0 {
			t.Errorf("%s %q: %d events, %v", c.format, c.body, len(items), err)
		}
	}
}

// TestFailAlone checks that what is wrong with one event touches no other.
func TestFailAlone(t *testing.T) {
	good := eventWith()
	for _, c := range []struct {
		format      wire.Format
		body        string
		field, want string
		message     string
	}{
		{wire.JSON, "[" + good + ",7," + good + "]", "event", "must be an object, not a number", ""},
		{wire.JSON, "[" + good + ",[{}]," + good + "]", "event", "must be an object, not an array", ""},
		{wire.JSON, "[" + good + ",null," + good + "]", "event", "must be an object, not null", ""},
		{wire.JSON, "[" + good + "," + eventWith(`"to":1`) + "," + good + "]", "to", "string", ""},
		{wire.NDJSON, good + "\n\n" + `{"id":"a","type":"?",` + "\n" + good, "body", "line 3, column 22: expected a field name in quotes, found the end", "line 3"},
		{wire.NDJSON, good + "\n" + good + good + "\r\n" + good + "\n", "body", "expected the end of the line, found '{'", "line 2"},
		{wire.NDJSON, good + "\n[]\n" + good, "body", "line 2, column 1: expected an event as an object", "line 2"},
		{wire.NDJSON, good + "\n" + eventWith(`"to":1`) + "\n" + good, "to", "string", "line 2"},
	} {
		items, err := wire.Decode(c.format, c.body, options)
		if err != nil || len(items) != 3 {
			t.Errorf("%s: %d events, %v", c.body, len(items), err)
			continue
		}
		wantFault(t, &items[1], c.field, c.want)
		if !strings.Contains(items[1].Err.Message, c.message) {
			t.Errorf("message %q, want %q", items[1].Err.Message, c.message)
		}
		first, last := items[0].Event.AppendNormal(nil), items[2].Event.AppendNormal(nil)
		if items[0].Err != nil || items[2].Err != nil || string(first) != string(last) || items[0].Event.ID != "e-1" {
			t.Errorf("%s: its neighbours: %v, %v", c.body, items[0].Err, items[2].Err)
		}
	}
}
