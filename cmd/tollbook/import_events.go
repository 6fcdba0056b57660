package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"tollbook/client"
)

// Bounds of an import.
const (
	maxInFlight   = 16
	maxComplaints = 20 // events listed that were not taken
)

func (a *app) importEventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "events FILE|-", Short: "Send usage events from a file", Args: args("FILE or -"),
		Example: examples(`
  tollbook import events calls.jsonl
  tollbook import events calls.csv.gz
  zcat cdr/*.jsonl.gz | tollbook import events -`),
		Long: `Sends the events of a file: JSON lines, a JSON array, CSV with a header row, or
CloudEvents, plain or compressed with gzip or zstd. What a file holds is seen
from its name and its beginning, unless --format says it.

An event is counted once, however often it is sent: an import that was cut off
is simply run again. Events that are not taken are listed with their lines; all
others are taken.`,
	}
	var in eventsImport
	f := cmd.Flags()
	f.StringVar(&in.format, "format", formatAuto, "what the file holds: auto, json, csv, cloudevents")
	f.IntVar(&in.inFlight, "in-flight", 4, "requests under way at once; with 1 events count in the order of the file")
	f.IntVar(&in.batch, "batch", maxChunkEvents, "events in a request, at most")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("format", in.format, formatAuto, formatJSON, formatCSV, formatCloudEvents); err != nil {
			return err
		}
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if in.inFlight < 1 || in.inFlight > maxInFlight {
			return usageError("--in-flight is %d, but must be 1 to %d", in.inFlight, maxInFlight)
		}
		if in.batch < 1 || in.batch > maxChunkEvents {
			return usageError("--batch is %d, but must be 1 to %d", in.batch, maxChunkEvents)
		}
		c, err := r.connectPatiently()
		if err != nil {
			return err
		}
		in.file = args[0]
		return a.importEvents(cmd.Context(), c, in, *output)
	}
	return cmd
}

// eventsImport is what an import of events is asked for.
type eventsImport struct {
	file, format    string
	inFlight, batch int
}

func (a *app) importEvents(ctx context.Context, c *client.Client, in eventsImport, output string) error {
	raw, size, closeFile, err := a.openInput(ctx, in.file)
	if err != nil {
		return err
	}
	defer closeFile()
	plain, err := decompressed(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", in.file, err)
	}
	if in.format == formatAuto {
		in.format = formatOf(in.file)
	}
	chunks, err := newChunker(plain, in.format, raw.count)
	if err != nil {
		return fmt.Errorf("%s: %w", in.file, err)
	}
	chunks.events = in.batch
	t := &tally{file: in.file, progress: a.newProgress("Sending "+in.file, size, true)}
	err = send(ctx, c.Post, chunks, in.inFlight, t)
	t.progress.end()
	return a.report(t, err, output)
}

// openInput opens a file, or standard input for "-". The size is -1 of what
// has none, such as a pipe.
func (a *app) openInput(ctx context.Context, file string) (*countingReader, int64, func(), error) {
	if file == "-" {
		return &countingReader{r: untilDone(ctx, a.stdin)}, -1, func() {}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, nil, err
	}
	closeFile := func() { _ = f.Close() } // it was only read
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return &countingReader{r: f}, info.Size(), closeFile, nil
	}
	return &countingReader{r: untilDone(ctx, f)}, -1, closeFile, nil
}

// untilDone reads r until ctx ends: a read of a pipe or a terminal may wait
// for ever, and cannot be called off.
func untilDone(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err) // it returns nil always
	}()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(ctx.Err()) })
	return out
}

// countingReader counts what is read through it.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *countingReader) count() int64 { return c.n.Load() }

// decompressed returns what r holds, taken out of gzip or zstd.
func decompressed(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, peekBytes)
	head, _ := in.Peek(4) // a shorter file is not compressed; its error comes again
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(in)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z, nil
	}
	return in, nil
}

// send posts chunks, some at once, until the last or the first that cannot be
// posted. What stands before a fault in the file is sent.
func send(ctx context.Context, post func(context.Context, client.Batch) (client.Receipt, error), chunks *chunker, inFlight int, t *tally) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan *chunk)
	var fault error // in the file
	g.Go(func() error {
		defer close(queue)
		for {
			c, err := chunks.next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				fault = fmt.Errorf("%s: %w", t.file, err)
				return nil
			}
			select {
			case queue <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	for range inFlight {
		g.Go(func() error {
			for c := range queue {
				receipt, err := post(ctx, client.Batch{ContentType: c.contentType, Body: c.body})
				if err != nil {
					return fmt.Errorf("%s, %s: %w", t.file, c.place(), inFile(err, c))
				}
				t.add(c, &receipt)
				chunks.done(c) // the server has read it to its end
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return fault
}

// tally is what became of an import so far.
type tally struct {
	file     string
	progress *progress

	mu         sync.Mutex
	sum        client.Receipt // without results
	complaints []complaint    // at most maxComplaints
	next       int            // all chunks before it are done
	ahead      map[int]int    // chunks done behind that: their last lines
	line       int            // the last one that is done with all before it
	read       int64
}

// complaint is an event that was not taken.
type complaint struct {
	line   int
	result client.Result
}

func (t *tally) add(c *chunk, r *client.Receipt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Accepted += r.Accepted
	t.sum.Duplicate += r.Duplicate
	t.sum.Conflict += r.Conflict
	t.sum.Rejected += r.Rejected
	t.sum.Unrated += r.Unrated
	for _, res := range r.Results {
		if res.Status != "rejected" && res.Status != "conflict" || len(t.complaints) == maxComplaints || res.Index < 0 || res.Index >= len(c.lines) {
			continue
		}
		t.complaints = append(t.complaints, complaint{c.lines[res.Index], res})
	}
	if t.ahead == nil {
		t.ahead = map[int]int{}
	}
	t.ahead[c.seq] = c.lines[len(c.lines)-1]
	for line, ok := t.ahead[t.next]; ok; line, ok = t.ahead[t.next] {
		delete(t.ahead, t.next)
		t.line = line
		t.next++
	}
	t.read = max(t.read, c.end)
	t.progress.set(t.read)
}

// report prints what became of an import, which ended with err.
func (a *app) report(t *tally, err error, output string) error {
	slices.SortStableFunc(t.complaints, func(x, y complaint) int { return cmp.Compare(x.line, y.line) })
	for _, c := range t.complaints {
		a.say("%s:%d: %s", t.file, c.line, complaintText(&c.result))
	}
	refused := t.sum.Rejected + t.sum.Conflict
	if more := refused - len(t.complaints); more > 0 {
		a.say("… and %s that were not taken.", plural(more, "more event"))
	}
	if e := a.printTally(t, output); e != nil {
		return e
	}
	if t.sum.Unrated > 0 {
		a.say("No rate matches %s; 'tollbook unrated' lists them.", plural(t.sum.Unrated, "event"))
	}
	if err != nil {
		if t.line > 0 {
			a.say("Stopped. Everything up to line %d is done. Run the same import again: nothing is counted twice.", t.line)
		} else {
			a.say("Stopped. Run the same import again: nothing is counted twice.")
		}
		return err
	}
	if refused > 0 {
		return failedSilently()
	}
	return nil
}

// complaintText says why an event was not taken: its fields at fault, or the
// message where there are none.
func complaintText(r *client.Result) string {
	var faults []string
	for _, f := range r.Fields {
		faults = append(faults, f.Name+": "+withoutLine(f.Description))
	}
	if len(faults) == 0 {
		faults = append(faults, r.Message)
	}
	return fmt.Sprintf("%s (%s/%s): %s", r.Status, printable(r.Source), printable(r.ID), printable(strings.Join(faults, "; ")))
}

// withoutLine takes the number of a line off that a description begins with:
// it is one of the request's body, and the file's stands before it.
func withoutLine(s string) string {
	_, rest, ok := cutLine(s)
	if !ok {
		return s
	}
	return strings.TrimLeft(rest, ",: ")
}

// cutLine cuts "line N" off what a description begins with.
func cutLine(s string) (line int, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "line ")
	if !ok {
		return 0, "", false
	}
	end := strings.IndexAny(s, ",:")
	if end < 0 {
		return 0, "", false
	}
	line, err := strconv.Atoi(s[:end])
	return line, s[end:], err == nil
}

// inFile returns the error of a request with the file's lines in place of
// those of the request's body.
func inFile(err error, c *chunk) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Fields = slices.Clone(e.Fields)
	for i := range own.Fields {
		if line, rest, ok := cutLine(own.Fields[i].Description); ok {
			own.Fields[i].Description = "line " + strconv.Itoa(c.lineOf(line)) + rest
		}
	}
	return &own
}

func (a *app) printTally(t *tally, output string) error {
	if output == asJSON {
		return a.printJSON(struct {
			Accepted  int `json:"accepted"`
			Duplicate int `json:"duplicate"`
			Conflict  int `json:"conflict"`
			Rejected  int `json:"rejected"`
			Unrated   int `json:"unrated"`
		}{t.sum.Accepted, t.sum.Duplicate, t.sum.Conflict, t.sum.Rejected, t.sum.Unrated})
	}
	s := &t.sum
	_, err := fmt.Fprintf(a.stdout, "%s accepted, %s duplicate, %s conflict, %s rejected, %s unrated\n",
		grouped(s.Accepted), grouped(s.Duplicate), grouped(s.Conflict), grouped(s.Rejected), grouped(s.Unrated))
	return err
}
