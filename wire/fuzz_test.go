package wire_test

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"tollbook"
	"tollbook/wire"
)

// checkItems checks what holds for the items of any body.
func checkItems(t *testing.T, items []wire.Item) {
	t.Helper()
	for i := range items {
		item := &items[i]
		if item.Err != nil {
			if item.Err.Code == "" || item.Err.Message == "" || len(item.Err.Fields) == 0 || item.Event.ID != "" {
				t.Fatalf("%+v", item)
			}
			continue
		}
		e := &item.Event
		if e.ID == "" || e.Source == "" || e.AccountID == "" || e.Type == 0 || e.Unit == 0 || e.OccurredAt.IsZero() && e.OccurredAt.Year() != 1 || e.Quantity.Sign() < 0 {
			t.Fatalf("%+v is taken", e)
		}
		again, err := wire.Decode(wire.JSON, string(wire.AppendEvent(nil, e)), options)
		if err != nil || again[0].Err != nil {
			t.Fatalf("%+v reads back as %v, %v", e, err, again)
		}
		if normal := string(e.AppendNormal(nil)); normal != string(again[0].Event.AppendNormal(nil)) {
			t.Fatalf("%+v reads back as %+v", e, again[0].Event)
		} else if stored, rest, err := tollbook.DecodeNormal([]byte(normal)); err != nil || len(rest) > 0 || stored.OccurredAt != e.OccurredAt {
			t.Fatalf("%+v is stored as %+v, %v", e, stored, err)
		}
		wire.Release(again)
	}
}

// checkRefused checks the error of a whole body.
func checkRefused(t *testing.T, items []wire.Item, err error) {
	t.Helper()
	e, ok := errors.AsType[*tollbook.Error](err)
	if !ok || len(e.Fields) == 0 || items != nil || e.Code != tollbook.CodeInvalidRequest && e.Code != tollbook.CodeTooLarge {
		t.Fatalf("%d events, %v", len(items), err)
	}
}

// depth returns how deep a valid JSON text nests.
func depth(text string) (deepest int) {
	d, now := json.NewDecoder(strings.NewReader(text)), 0
	for {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

// fuzzJSON checks that a body is refused exactly where encoding/json finds
// that it is no JSON, it does not start with one of the brackets, or it nests
// too deep.
func fuzzJSON(t *testing.T, f wire.Format, body, brackets string) {
	items, err := wire.Decode(f, body, options)
	trimmed := strings.TrimLeft(body, " \t\r\n")
	fine := json.Valid([]byte(body)) && strings.ContainsRune(brackets, rune(trimmed[0])) && depth(body) <= wire.MaxDepth
	if tollbook.CodeOf(err) == tollbook.CodeTooLarge {
		return
	}
	if fine != (err == nil) {
		t.Fatalf("%q: fine is %v, but: %v", body, fine, err)
	}
	if err != nil {
		checkRefused(t, items, err)
	}
	checkItems(t, items)
}

func FuzzJSON(f *testing.F) {
	f.Add(eventWith())
	f.Add("[" + eventWith() + ", " + eventWith(`"to":"\ud83d\ude00é\u0000"`) + ",null]")
	f.Add(eventWith(`"quantity":"1,5"`, `"price":-1.5e-3`, `"attributes":{"b":"","a":"x"}`, `"x":[[],{"":1e9}]`))
	f.Add(`{"id":1,"id":"\x"}` + "\n1")
	f.Add("[{\"\xff\":tru}]")
	f.Fuzz(func(t *testing.T, body string) { fuzzJSON(t, wire.JSON, body, "{[") })
}

func FuzzCloudEvents(f *testing.F) {
	f.Add("{" + cloudMembers + "," + cloudData + "}")
	f.Add("{" + cloudMembers + "," + cloudData + `,"ext":{"a":[1,"\u00e9"]},"datacontenttype":"a/b+json","data":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		fuzzJSON(t, wire.CloudEvents, body, "{")
		fuzzJSON(t, wire.CloudEventsBatch, "["+body+"]", "[")
	})
}

// FuzzNDJSON checks that each line fares as it does alone.
func FuzzNDJSON(f *testing.F) {
	f.Add(eventWith() + "\r\n\n" + eventWith(`"to":1`) + "\n{\n[]")
	f.Fuzz(func(t *testing.T, body string) {
		items, err := wire.Decode(wire.NDJSON, body, options)
		if err != nil {
			checkRefused(t, items, err)
			return
		}
		checkItems(t, items)
		for line := range strings.SplitSeq(body, "\n") {
			if strings.Trim(line, " \t\r") == "" {
				continue
			}
			alone, err := wire.Decode(wire.JSON, line, options)
			isObject := err == nil && strings.TrimLeft(line, " \t\r")[0] == '{'
			if taken := items[0].Err == nil; taken != (isObject && alone[0].Err == nil) {
				t.Fatalf("%q: taken is %v, but alone: %v, %v", line, taken, err, alone)
			}
			items = items[1:]
		}
		if len(items) > 0 {
			t.Fatalf("%d more events than lines", len(items))
		}
	})
}

// FuzzCSV holds the reading of rows to encoding/csv. Carriage returns are
// left out: encoding/csv takes and changes them where RFC 4180 does not.
func FuzzCSV(f *testing.F) {
	f.Add(csvRow + "\n" + csvRow)
	f.Add(`"e ""1""","s` + "\n" + `t",a,2026-01-31T22:59:59+01:00,CALL,"1.5",é,` + "\n,,\n\"")
	f.Add("a\"b,\n")
	f.Fuzz(func(t *testing.T, rows string) {
		rows = strings.ReplaceAll(rows, "\r", "")
		r := csv.NewReader(strings.NewReader(csvHeader + rows))
		r.FieldsPerRecord = -1
		want, wantErr := r.ReadAll()
		items, err := wire.Decode(wire.CSV, csvHeader+rows, options)
		if tollbook.CodeOf(err) == tollbook.CodeTooLarge {
			return
		}
		if errors.Is(wantErr, csv.ErrBareQuote) { // which fails all there, and its row alone here
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v; encoding/csv says %v", rows, err, wantErr)
		}
		if err != nil {
			checkRefused(t, items, err)
			return
		}
		checkItems(t, items)
		if len(items) != len(want)-1 {
			t.Fatalf("%q: %d events of %d rows", rows, len(items), len(want)-1)
		}
		for i := range items {
			if e := &items[i].Event; items[i].Err == nil && (e.ID != want[i+1][0] || e.Description != want[i+1][6]) {
				t.Fatalf("%+v of %q", e, want[i+1])
			}
		}
	})
}

// FuzzReadBody holds the reading of gzip to the standard library, and zstd to
// its bounds.
func FuzzReadBody(f *testing.F) {
	const limit = 4096
	for _, encoding := range encodings {
		f.Add(pack(f, encoding, strings.Repeat("event ", 100)), encoding == "zstd")
	}
	f.Fuzz(func(t *testing.T, body string, zstd bool) {
		encoding := "gzip"
		if zstd {
			encoding = "zstd"
		}
		got, err := wire.ReadBody(strings.NewReader(body), int64(len(body)), encoding, limit)
		if err != nil {
			checkRefused(t, nil, err)
		}
		if len(got) > limit || err != nil && got != "" {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if zstd {
			return
		}
		if err != nil {
			return
		}
		// Package gzip is more patient with flags that do not exist, and less
		// with a second member that breaks off within its header.
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%d bytes; package gzip says %v", len(got), err)
		}
		if want, err := io.ReadAll(z); err != nil && err != io.ErrUnexpectedEOF || got != string(want) {
			t.Fatalf("%d bytes; package gzip says %d, %v", len(got), len(want), err)
		}
	})
}
