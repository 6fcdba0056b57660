package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) importCommand() *cobra.Command {
	return group("import", "Send usage events or a rate card from a file", `
  tollbook import rate-card prices.csv --dry-run
  tollbook import events calls.jsonl`,
		a.importEventsCommand(), a.importCardCommand("rate-card FILE", "tollbook import rate-card"))
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(file string, limit int64) ([]byte, error) {
	if file != "-" {
		return readFile(file, limit)
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("standard input is larger than %d bytes", limit)
	}
	return text, err
}
