package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"tollbook"
	"tollbook/client"
)

// cut returns all chunks of a text as "content type lines body".
func cut(text, format string, events int) (all []string, err error) {
	c, err := newChunker(strings.NewReader(text), format, func() int64 { return 0 })
	if err != nil {
		return nil, err
	}
	c.events = events
	for {
		chunk, err := c.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s %v %s", chunk.contentType, chunk.lines, chunk.body))
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	const nd, csv, cloud = client.TypeNDJSON, client.TypeCSV, client.TypeCloudEventsBatch
	tests := []struct {
		name, text, format string
		want               []string
		err                string
	}{
		{name: "lines", text: "{\"a\":1}\n\n{\"a\":2}\r\n  \n{\"a\":3}", want: []string{nd + " [1 3] {\"a\":1}\n{\"a\":2}\n", nd + " [5] {\"a\":3}\n"}},
		{name: "a line with a fault", text: "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", want: []string{nd + " [1 2] {\"a\":1}\n{\"a\":\n", nd + " [3] {\"a\":3}\n"}},
		{name: "the first line with a fault", text: "{\"a\":,}\n{\"a\":2}\n", want: []string{nd + " [1 2] {\"a\":,}\n{\"a\":2}\n"}},
		{name: "array", text: "\n[ {\"a\": 1},\n{\"a\"\n: 2}\n, {\"a\": 3} ]\n", want: []string{nd + " [2 3] {\"a\": 1}\n{\"a\":2}\n", nd + " [5] {\"a\": 3}\n"}},
		{name: "an empty array", text: "[]"},
		{name: "objects that go on", text: "{\n\"a\": 1\n}\n{\n\"a\": 2\n}\n", want: []string{nd + " [1 4] {\"a\":1}\n{\"a\":2}\n"}},
		{name: "byte order mark", text: "\xef\xbb\xbf{\"a\":1}\n", want: []string{nd + " [1] {\"a\":1}\n"}},
		{name: "numbers keep their digits", text: "[{\"quantity\": 1.10e2, \"x\": 12345678901234567890.123}]", want: []string{nd + " [1] {\"quantity\": 1.10e2, \"x\": 12345678901234567890.123}\n"}},
		{name: "csv", text: "id,type\n1,CALL\n\n2,\"a\nb\"\n3,CALL\n", want: []string{csv + " [2 4] id,type\n1,CALL\n2,\"a\nb\"\n", csv + " [6] id,type\n3,CALL\n"}},
		{name: "a quote inside a cell", text: "id,d\n1,5\" x\n2,\"a\" b\n3,\"c\"\"\n\"\"d\"\n", want: []string{csv + " [2 3] id,d\n1,5\" x\n2,\"a\" b\n", csv + " [4] id,d\n3,\"c\"\"\n\"\"d\"\n"}},
		{name: "ends of lines inside a cell", text: "id,d\r\n\r\n1,\"a\r\nb\"\r\n2,c\r\n", want: []string{csv + " [3 5] id,d\n1,\"a\r\nb\"\n2,c\n"}},
		{name: "csv by its format", text: "[x],type\n1,CALL\n", format: formatCSV, want: []string{csv + " [2] [x],type\n1,CALL\n"}},
		{name: "a header alone", text: "id,type\n"},
		{name: "cloud events", text: "[{\"specversion\":\"1.0\"},\n{\"b\":2}, {\"c\":3}]", want: []string{cloud + ` [1 2] [{"specversion":"1.0"},{"b":2}]`, cloud + ` [2] [{"c":3}]`}},
		{name: "cloud events a line", text: "{\"specversion\":\"1.0\"}\n{\"b\":2}\n", want: []string{cloud + ` [1 2] [{"specversion":"1.0"},{"b":2}]`}},
		{name: "cloud events by their format", text: "{\"a\":1}", format: formatCloudEvents, want: []string{cloud + ` [1] [{"a":1}]`}},

		{name: "empty", text: "", err: "the file is empty"},
		{name: "cut off", text: "[{\"a\":1},\n{\"a\":", want: []string{nd + " [1] {\"a\":1}\n"}, err: "line 2: not JSON: the file ends"},
		{name: "no end", text: "[{\"a\":1}\n", want: []string{nd + " [1] {\"a\":1}\n"}, err: "the file ends"},
		{name: "something behind", text: "[{\"a\":1}]\nx", want: []string{nd + " [1] {\"a\":1}\n"}, err: "line 2"},
		{name: "no comma", text: "[{\"a\":1}\n\n{\"a\":2}]", want: []string{nd + " [1] {\"a\":1}\n"}, err: "line 3: not JSON"},
		{name: "open quote", text: "id\n1\n\"2\n3\n", want: []string{csv + " [2] id\n1\n"}, err: "line 3: a quote is opened"},
		{name: "a value without end", text: "[{\"a\":1},\n{\"a\":\"" + strings.Repeat("x", 5*maxChunkBytes), want: []string{nd + " [1] {\"a\":1}\n"}, err: "line 1: an event is larger than"},
		{name: "too long", text: "{\"a\":1}\n{\"a\":\"" + strings.Repeat("x", maxChunkBytes) + "\"}\n", want: []string{nd + " [1] {\"a\":1}\n"}, err: "line 2 is longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.format == "" {
				tt.format = formatAuto
			}
			got, err := cut(tt.text, tt.format, 2)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// TestLineOf checks that a fault in the body of a request is found in the
// file.
func TestLineOf(t *testing.T) {
	t.Parallel()
	c, err := newChunker(strings.NewReader("id,d\n1,x\n\n2,\"a\nb\"\n3,x\n\n\n4,5\" x\n5,x\n"), formatAuto, func() int64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	c.events = 2
	var got []int
	for {
		chunk, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(chunk.body), "\n"), "\n") {
			if at := chunk.lineOf(i + 1); i > 0 { // the header is in every body
				got = append(got, at)
			} else if line != "id,d" || at != 1 {
				t.Errorf("%q is said to be line %d", line, at)
			}
		}
	}
	if diff := cmp.Diff([]int{2, 4, 5, 6, 9, 10}, got); diff != "" {
		t.Error(diff)
	}
	inBody := &client.Error{Fields: []tollbook.FieldError{{Name: "body", Description: "line 3, column 4: odd"}, {Name: "x", Description: "odd"}}}
	err = inFile(inBody, &chunk{contentType: client.TypeCSV, body: []byte("id\n1\n2\n"), lines: []int{10_001, 10_003}})
	if !strings.Contains(err.Error(), "body: line 10003, column 4: odd; x: odd") || inBody.Fields[0].Description != "line 3, column 4: odd" {
		t.Errorf("%v", err)
	}
}

// TestChunksAreBounded cuts a file of large events.
func TestChunksAreBounded(t *testing.T) {
	t.Parallel()
	event := `{"a":"` + strings.Repeat("x", 1<<20) + `"}`
	const n = 20
	c, err := newChunker(strings.NewReader(strings.Repeat(event+"\n", n)), formatAuto, func() int64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	total, next := 0, 1
	for {
		chunk, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(chunk.body) > maxChunkBytes {
			t.Errorf("a chunk of %d bytes", len(chunk.body))
		}
		for _, line := range chunk.lines {
			if line != next {
				t.Fatalf("line %d follows line %d", line, next-1)
			}
			next++
		}
		total += bytes.Count(chunk.body, []byte(event))
	}
	if total != n {
		t.Errorf("%d events came through, want %d", total, n)
	}
}

func TestDecompressed(t *testing.T) {
	t.Parallel()
	const text = "{\"a\":1}\n"
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, err := z.Write([]byte(text))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"plain": []byte(text), "gzip": gz.Bytes(), "zstd": enc.EncodeAll([]byte(text), nil), "short": []byte("x")} {
		r, err := decompressed(iotest.OneByteReader(bytes.NewReader(file)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if want := map[bool]string{true: "x", false: text}[name == "short"]; err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzChunks cuts anything: no event may get lost between chunks, whatever
// their size, and no line number may go back.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"", "{\"a\":1}\n{\"a\":2}", "[{\"a\":1},{\"a\":2}]", "id,x\n1,\"a\nb\"\n2,c", "{\"specversion\":\"1.0\"}", "[1,2", "\xef\xbb\xbf[]", "{\n}\n{\n}", "a\r\nb\r\n"} {
		f.Add(seed, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, events uint8) {
		whole, err := linesOf(text, 64)
		parts, partsErr := linesOf(text, 1+int(events)%8)
		if (err == nil) != (partsErr == nil) || len(whole) != len(parts) {
			t.Fatalf("in large chunks %d events and %v, in small ones %d and %v", len(whole), err, len(parts), partsErr)
		}
		for i := range whole {
			if whole[i] != parts[i] || i > 0 && whole[i] < whole[i-1] {
				t.Fatalf("event %d: line %d or %d after line %d", i, whole[i], parts[i], whole[max(0, i-1)])
			}
		}
	})
}

// linesOf returns the lines of a text's events, cut so many a chunk.
func linesOf(text string, events int) (lines []int, err error) {
	c, err := newChunker(strings.NewReader(text), formatAuto, func() int64 { return 0 })
	if err != nil {
		return nil, err
	}
	c.events = events
	for {
		chunk, err := c.next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, chunk.lines...)
	}
}
