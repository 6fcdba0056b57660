package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// lineReader reads lines without their ends.
type lineReader struct {
	in        *bufio.Reader
	skipBlank bool
	keepCR    bool // of an end of CR LF
	line      int  // of the last one
	buf       []byte
}

func (r *lineReader) next() (item, error) {
	for {
		text, err := r.read()
		if err != nil {
			return item{}, err
		}
		r.line++
		text = bytes.TrimSuffix(text, []byte("\n"))
		if !r.keepCR {
			text = bytes.TrimSuffix(text, []byte("\r"))
		}
		if r.skipBlank && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		return item{text, r.line}, nil
	}
}

// read reads a line with its end. Nearly every line lies whole in the buffer
// of what is read from, and is not copied.
func (r *lineReader) read() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err == nil {
		return line, nil
	}
	r.buf = append(r.buf[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(r.buf) > maxChunkBytes {
			return nil, fmt.Errorf("line %d is longer than %d bytes", r.line+1, maxChunkBytes)
		}
		line, err = r.in.ReadSlice('\n')
		r.buf = append(r.buf, line...)
	}
	switch {
	case len(r.buf) > maxChunkBytes:
		return nil, fmt.Errorf("line %d is longer than %d bytes", r.line+1, maxChunkBytes)
	case err == nil, errors.Is(err, io.EOF) && len(r.buf) > 0:
		return r.buf, nil
	}
	return nil, err
}

// csvReader reads rows, which end at the end of a line that is not inside a
// quoted cell. What is in them is the server's to judge.
type csvReader struct {
	lines lineReader
	buf   []byte
}

func newCSVReader(in *bufio.Reader) *csvReader {
	return &csvReader{lines: lineReader{in: in, keepCR: true}} // a CR may be of a cell
}

func (r *csvReader) next() (item, error) {
	for {
		it, err := r.lines.next()
		if err != nil {
			return item{}, err
		}
		row := bytes.TrimSuffix(it.raw, []byte("\r"))
		switch {
		case len(row) == 0: // readers of CSV pass over empty lines
		case leavesOpen(it.raw, false):
			return r.rest(it)
		default:
			return item{row, it.line}, nil
		}
	}
}

// rest reads the lines behind the first one of a row that goes on there.
func (r *csvReader) rest(first item) (item, error) {
	r.buf = append(r.buf[:0], first.raw...)
	for {
		it, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return item{}, fmt.Errorf("line %d: a quote is opened and never closed", first.line)
		}
		if err != nil {
			return item{}, err
		}
		r.buf = append(append(r.buf, '\n'), it.raw...)
		if !leavesOpen(it.raw, true) {
			return item{bytes.TrimSuffix(r.buf, []byte("\r")), first.line}, nil
		}
		if len(r.buf) > maxChunkBytes {
			return item{}, fmt.Errorf("line %d: the row is longer than %d bytes; is a quote not closed?", first.line, maxChunkBytes)
		}
	}
}

// leavesOpen tells whether a quoted cell goes on behind the end of a line;
// open tells whether the line begins inside one. A quote opens a cell only at
// its start: elsewhere it is a fault of this row alone.
func leavesOpen(line []byte, open bool) bool {
	for {
		if !open {
			if !bytes.HasPrefix(line, []byte{'"'}) {
				comma := bytes.IndexByte(line, ',')
				if comma < 0 {
					return false
				}
				line = line[comma+1:]
				continue
			}
			line, open = line[1:], true
		}
		quote := bytes.IndexByte(line, '"')
		if quote < 0 {
			return true
		}
		line = line[quote+1:]
		if bytes.HasPrefix(line, []byte{'"'}) { // doubled: a quote in the cell
			line = line[1:]
			continue
		}
		// The cell has ended. What stands before the next comma is none of ours.
		comma := bytes.IndexByte(line, ',')
		if comma < 0 {
			return false
		}
		line, open = line[comma+1:], false
	}
}

// jsonReader reads JSON values one after the other, or those of an array.
type jsonReader struct {
	dec    *json.Decoder
	lines  *lineCounter
	array  bool
	opened bool
	ended  bool
	buf    bytes.Buffer
}

func newJSONReader(r io.Reader, array bool) *jsonReader {
	lines := &lineCounter{r: r}
	return &jsonReader{dec: json.NewDecoder(lines), lines: lines, array: array}
}

func (r *jsonReader) next() (item, error) {
	if r.ended {
		return item{}, io.EOF
	}
	r.lines.since = r.dec.InputOffset()
	if r.array && !r.opened {
		if _, err := r.dec.Token(); err != nil {
			return item{}, r.broken(err)
		}
		r.opened = true
	}
	if !r.dec.More() {
		if !r.array {
			return item{}, io.EOF
		}
		return item{}, r.closed()
	}
	var raw json.RawMessage
	if err := r.dec.Decode(&raw); err != nil {
		return item{}, r.broken(err)
	}
	line := r.lines.at(r.dec.InputOffset() - int64(len(raw)))
	if !bytes.ContainsAny(raw, "\r\n") { // it fits a line as it is
		return item{raw, line}, nil
	}
	r.buf.Reset()
	if err := json.Compact(&r.buf, raw); err != nil {
		return item{}, r.broken(err)
	}
	return item{r.buf.Bytes(), line}, nil
}

// closed reads the end of the array and checks that nothing follows.
func (r *jsonReader) closed() error {
	if _, err := r.dec.Token(); err != nil {
		return r.broken(err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: something follows the end of the array", r.lines.at(r.dec.InputOffset()))
	}
	r.ended = true
	return io.EOF
}

// broken says where the file cannot be read any further.
func (r *jsonReader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("line %d: not JSON: the file ends in the middle of a value", r.lines.at(r.lines.read))
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("line %d: not JSON: %w", r.lines.at(max(r.dec.InputOffset(), syntax.Offset)), err)
	}
	return fmt.Errorf("line %d: %w", r.lines.at(r.dec.InputOffset()), err)
}

// maxAhead is how far a value may be read: one that is too large for a chunk
// is not read to its end. The decoder reads up to twice what it needs.
const maxAhead = 3 * maxChunkBytes

// lineCounter tells on which line an offset of what was read through it is.
// Offsets are asked for in ascending order.
type lineCounter struct {
	r      io.Reader
	read   int64
	since  int64   // where the value that is being read starts
	breaks []int64 // offsets of line breaks that were read and are not passed
	passed int
}

func (c *lineCounter) Read(p []byte) (int, error) {
	if c.read-c.since > maxAhead {
		return 0, fmt.Errorf("an event is larger than %d bytes", maxChunkBytes)
	}
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

func (c *lineCounter) at(offset int64) int {
	n := 0
	for n < len(c.breaks) && c.breaks[n] < offset {
		n++
	}
	c.breaks = c.breaks[n:]
	c.passed += n
	return c.passed + 1
}
