package wire_test

import (
	"strings"
	"testing"

	"tollbook/wire"
)

const (
	cloudMembers = `"specversion":"1.0","id":"e-1","source":"s","type":"com.example.call.ended","time":"2026-01-31T22:59:59Z","subject":"a"`
	cloudData    = `"data":{"type":"CALL","quantity":60}`
)

func TestCloudEvent(t *testing.T) {
	e := decodeOne(t, wire.CloudEvents, "{"+cloudMembers+","+cloudData+"}").Event
	if e.CloudEventType != "com.example.call.ended" || e.AccountID != "a" || e.Type.String() != "CALL" {
		t.Fatalf("%+v", e)
	}
}

func TestCloudEventRules(t *testing.T) {
	for _, c := range []struct{ from, to, field, want string }{
		{`"1.0"`, `"0.3"`, "specversion", `must be "1.0", not "0.3"`},
		{`"1.0"`, `1.0`, "specversion", "must be a string, not a number"},
		{`"specversion":"1.0",`, "", "specversion", "is required"},
		{`"id":"e-1",`, "", "id", "is required"},
		{`"source":"s",`, "", "source", "is required"},
		{`"type":"com.example.call.ended",`, "", "type", "is required"},
		{`"com.example.call.ended"`, `""`, "type", "is required"},
		{`com.example.call.ended`, strings.Repeat("x", 257), "type", "at most 256"},
		{`"time":"2026-01-31T22:59:59Z",`, "", "time", "is required"},
		{`22:59:59Z`, "22:59:60Z", "time", "leap second"},
		{`22:59:59Z`, "22:59:59", "time", "RFC 3339"},
		{`2026-01-31`, "2026-03-31", "time", "more than 24 hours ahead"},
		{`,"subject":"a"`, "", "subject", "is required"},
		{`"type":"CALL",`, "", "data.type", "is required"},
		{`"CALL"`, `"CALLS"`, "data.type", "must be one of"},
		{`"quantity":60`, `"quantity":"x"`, "data.quantity", "must be a decimal number"},
		{`"quantity":60`, `"quantity":60,"id":"e-1"`, "data.id", "is not a field"},
		{`"quantity":60`, `"quantity":60,"source":"s"`, "data.source", "is not a field"},
		{`"quantity":60`, `"quantity":60,"account_id":"a"`, "data.account_id", "is not a field"},
		{`"quantity":60`, `"quantity":60,"occurred_at":"2026-01-31T22:59:59Z"`, "data.occurred_at", "is not a field"},
		{`"quantity":60`, `"quantity":60,"subject":"a"`, "data.subject", "is not a field"},
		{`"quantity":60`, `"quantity":60,"quantity":60`, "data.quantity", "is given more than once"},
		{`"quantity":60`, `"quantity":60,"attributes":{"k":1}`, "data.attributes.k", "must be a string"},
		{`"quantity":60`, `"quantity":60,"price":1`, "data.currency", "is required"},
		{`"quantity":60}`, `"quantity":60},"data":{"to":"x"}`, "data", "is given more than once"},
		{`"quantity":60}`, `"quantity":60},"id":"e-2"`, "id", "is given more than once"},
		{`"quantity":60}`, `"quantity":60},"data_base64":"e30="`, "data_base64", "send data as JSON"},
		{`"quantity":60}`, `"quantity":60},"datacontenttype":"text/xml"`, "datacontenttype", `must be a JSON media type, not "text/xml"`},
		{`"quantity":60}`, `"quantity":60},"datacontenttype":7`, "datacontenttype", "must be a string"},
		{`"quantity":60}`, `"quantity":60},"dataschema":7`, "dataschema", "must be a string"},
		{`"quantity":60}`, `"quantity":60},"datacontenttype":"text/json; charset=utf-8"`, "", ""},
		{`"quantity":60}`, `"quantity":60},"account_id":{"ignored":[true,null]},"quantity":"ignored"`, "", ""},
		{`"quantity":60}`, `"quantity":60},"data_base64":null,"datacontenttype":null,"dataschema":null`, "", ""},
	} {
		body := strings.Replace("{"+cloudMembers+","+cloudData+"}", c.from, c.to, 1)
		item := decodeOne(t, wire.CloudEventsBatch, "["+body+"]")
		t.Run(c.to, func(t *testing.T) {
			if c.field != "" {
				wantFault(t, item, c.field, c.want)
			} else if item.Err != nil {
				t.Fatal(item.Err)
			}
		})
	}
	item := decodeOne(t, wire.CloudEvents, "{"+cloudMembers+`,"data":"{}"}`)
	if item.Err == nil || item.Err.Fields[0].Name != "data" || item.Err.Fields[0].Description != "must be an object, not a string" {
		t.Fatalf("%+v", item.Err)
	}
}
