package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"tollbook/client"
)

// Bounds of what is sent in one request, within the server's own.
const (
	maxChunkEvents = client.MaxEvents
	maxChunkBytes  = 8 << 20
)

// item is one event of a file as it stands there.
type item struct {
	raw  []byte // good until the next item is read
	line int    // on which it starts, from 1
}

// itemReader returns one event after the other, then io.EOF.
type itemReader interface{ next() (item, error) }

// chunk is the body of one request.
type chunk struct {
	seq         int // from 0
	contentType string
	body        []byte
	lines       []int // of each event
	end         int64 // bytes of the file that were read when it was made
}

// place says where the chunk is in the file.
func (c *chunk) place() string {
	first, last := c.lines[0], c.lines[len(c.lines)-1]
	if first == last {
		return fmt.Sprintf("line %d", first)
	}
	return fmt.Sprintf("lines %d to %d", first, last)
}

// lineOf returns the line of the file that stands on a line of the body.
func (c *chunk) lineOf(n int) int {
	if c.contentType != client.TypeCSV {
		return c.lines[min(max(n, 1), len(c.lines))-1] // an event a line
	}
	rows := newCSVReader(bufio.NewReader(bytes.NewReader(c.body)))
	if _, err := rows.next(); err != nil { // the header
		return n
	}
	line := n
	for _, start := range c.lines {
		row, err := rows.next()
		if err != nil || row.line > n {
			break
		}
		line = start + n - row.line
	}
	return line
}

// chunker cuts a file's events into chunks.
type chunker struct {
	items                  itemReader
	contentType            string
	opening, between, last string // around and between events
	offset                 func() int64
	events                 int // in a chunk, at most

	seq     int
	size    int       // bytes to make room for
	spare   sync.Pool // of chunks, for their room
	pending *item     // read, but for the next chunk
	failed  error     // met behind the events of the last chunk
}

// next returns the next chunk, then io.EOF. The events before a fault in the
// file come as a chunk before the error does.
func (c *chunker) next() (*chunk, error) {
	out, _ := c.spare.Get().(*chunk)
	if out == nil {
		out = &chunk{body: make([]byte, 0, c.size), lines: make([]int, 0, c.events)}
	}
	*out = chunk{seq: c.seq, contentType: c.contentType, body: append(out.body[:0], c.opening...), lines: out.lines[:0]}
	for len(out.lines) < c.events {
		it, err := c.take()
		size := len(it.raw) + len(c.between) + len(c.last)
		if err == nil && len(c.opening)+size > maxChunkBytes {
			err = fmt.Errorf("line %d: the event is larger than %d bytes", it.line, maxChunkBytes)
		}
		if err != nil {
			c.failed = err
			break
		}
		if len(out.body)+size > maxChunkBytes {
			kept := item{bytes.Clone(it.raw), it.line}
			c.pending = &kept
			break
		}
		if len(out.lines) > 0 {
			out.body = append(out.body, c.between...)
		}
		out.body = append(out.body, it.raw...)
		out.lines = append(out.lines, it.line)
	}
	if len(out.lines) == 0 {
		return nil, c.failed
	}
	out.body = append(out.body, c.last...)
	out.end = c.offset()
	c.size = len(out.body) + len(out.body)/16 // the next will be about as long
	c.seq++
	return out, nil
}

// done lets a chunk's room be used again; nothing may look at it any more.
func (c *chunker) done(used *chunk) { c.spare.Put(used) }

func (c *chunker) take() (item, error) {
	if c.failed != nil {
		return item{}, c.failed
	}
	if c.pending != nil {
		it := *c.pending
		c.pending = nil
		return it, nil
	}
	return c.items.next()
}

// The formats of a file of events.
const (
	formatAuto        = "auto"
	formatJSON        = "json" // an array, or one object a line, or objects one after the other
	formatCSV         = "csv"
	formatCloudEvents = "cloudevents" // likewise
)

// formatOf returns the format that a file's name says, or formatAuto: whether
// JSON is CloudEvents is seen in the file alone.
func formatOf(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
	if filepath.Ext(name) == ".csv" {
		return formatCSV
	}
	return formatAuto
}

// peekBytes is how much of a file is looked at to see what it holds.
const peekBytes = 256 << 10

// newChunker returns the chunks of a file in a format; formatAuto looks at
// its beginning. offset tells how much of the file has been read.
func newChunker(r io.Reader, format string, offset func() int64) (*chunker, error) {
	in := bufio.NewReaderSize(r, peekBytes)
	head, err := in.Peek(peekBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) { // a byte order mark
		head = head[3:]
		_, _ = in.Discard(3) // it has been peeked at
	}
	look := sniff(head)
	c := &chunker{contentType: client.TypeNDJSON, between: "\n", last: "\n", offset: offset, events: maxChunkEvents}
	switch {
	case format == formatCSV || format == formatAuto && !look.json:
		rows := newCSVReader(in)
		header, err := rows.next()
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		if err != nil {
			return nil, err
		}
		c.contentType, c.items = client.TypeCSV, rows
		c.opening = string(header.raw) + "\n"
	case format == formatCloudEvents || format == formatAuto && look.cloudEvents:
		c.contentType, c.items = client.TypeCloudEventsBatch, newJSONReader(in, look.array)
		c.opening, c.between, c.last = "[", ",", "]"
	case look.lines:
		c.items = &lineReader{in: in, skipBlank: true}
	default:
		c.items = newJSONReader(in, look.array)
	}
	return c, nil
}

// found is what the beginning of a file tells.
type found struct {
	json        bool // it starts like JSON
	array       bool // an array
	lines       bool // one object a line
	cloudEvents bool // the first event is a CloudEvent
}

func sniff(head []byte) (f found) {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return f
	}
	f.json, f.array = true, head[0] == '['
	first := head
	if f.array {
		first = head[1:]
	} else {
		line, _, _ := bytes.Cut(head, []byte("\n"))
		// A line with a fault is still a line: the server rejects it alone. Only
		// an object that goes on behind its first line is written otherwise.
		f.lines = json.Valid(line) || len(bytes.TrimSpace(line)) > 1 && line[len(bytes.TrimRight(line, "\r"))-1] == '}'
	}
	var event map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(first)).Decode(&event) == nil {
		f.cloudEvents = len(event["specversion"]) > 0
	}
	return f
}
