package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/server"
	"tollbook/load"
)

// importFile writes a run's events to a file and returns how long tollbook
// takes to import it.
func (b *workbench) importFile(ctx context.Context, kind string, s *side, tollbook *server.Server, r duty.Run) (time.Duration, error) {
	write, name := writeLines, "events.jsonl"
	if kind == importCSV {
		write, name = writeCSV, "events.csv"
	}
	file := filepath.Join(b.dir, name)
	if err := writeFile(file, func(w *bufio.Writer) error { return write(w, &b.plan.workload, r) }); err != nil {
		return 0, err
	}
	fresh := s.totals.Advance(r.To)
	s.at = r.To
	start := time.Now()
	o, err := tollbook.Import(ctx, file)
	took := time.Since(start)
	if err == nil {
		err = duty.CheckOutcome(r, fresh, o)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", kind, err)
	}
	return took, os.Remove(file)
}

// writeFile makes a file of what write writes, and syncs it, so that the disk
// is not still busy with it when the clock starts.
func writeFile(name string, write func(*bufio.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func writeLines(out *bufio.Writer, w *load.Workload, r duty.Run) error {
	var line []byte
	for n := r.From; n < r.To; n++ {
		line = append(w.AppendJSON(line[:0], n), '\n')
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// event is an event as its JSON says it.
type event struct {
	ID         string            `json:"id"`
	Source     string            `json:"source"`
	AccountID  string            `json:"account_id"`
	OccurredAt string            `json:"occurred_at"`
	Type       string            `json:"type"`
	Direction  string            `json:"direction"`
	Resolution string            `json:"resolution"`
	Quantity   int               `json:"quantity"`
	Subtype    string            `json:"subtype"`
	Country    string            `json:"country"`
	Category   string            `json:"category"`
	From       string            `json:"from"`
	To         string            `json:"to"`
	Attributes map[string]string `json:"attributes"`
}

// writeCSV writes the same events as CSV, the content of one made of its JSON.
func writeCSV(out *bufio.Writer, w *load.Workload, r duty.Run) error {
	c := csv.NewWriter(out)
	err := c.Write([]string{
		"id", "source", "account_id", "occurred_at", "type", "direction", "resolution", "quantity",
		"subtype", "country", "category", "from", "to", "attributes.trunk", "attributes.node",
	})
	var text []byte
	for n := r.From; n < r.To && err == nil; n++ {
		text = w.AppendJSON(text[:0], n)
		var e event
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		err = c.Write([]string{
			e.ID, e.Source, e.AccountID, e.OccurredAt, e.Type, e.Direction, e.Resolution, strconv.Itoa(e.Quantity),
			e.Subtype, e.Country, e.Category, e.From, e.To, e.Attributes["trunk"], e.Attributes["node"],
		})
	}
	c.Flush()
	return errors.Join(err, c.Error())
}
