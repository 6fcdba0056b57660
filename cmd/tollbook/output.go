package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The forms of output.
const (
	asTable = "table"
	asJSON  = "json"
	asCSV   = "csv"
	asTSV   = "tsv"
)

func outputFlag(cmd *cobra.Command, forms ...string) *string {
	form := cmd.Flags().StringP("output", "o", forms[0], "form of the output: "+strings.Join(forms, ", "))
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was defined above
	}
	return form
}

// outputWriter is standard output. It remembers the first error, so that what
// prints a table need not look: a program whose data did not arrive has failed.
type outputWriter struct {
	w   io.Writer
	err error
}

func (o *outputWriter) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}

// isTerminal tells whether a stream is one that a person looks at.
func isTerminal(stream any) bool {
	if o, ok := stream.(*outputWriter); ok {
		stream = o.w
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured tells whether standard output may have colours (no-color.org).
func (a *app) coloured() bool {
	return isTerminal(a.stdout) && a.env["NO_COLOR"] == "" && a.env["TERM"] != "dumb"
}

// column is one column of a table.
type column struct {
	name  string
	right bool // numbers
}

func left(names ...string) (columns []column) {
	for _, name := range names {
		columns = append(columns, column{name: name})
	}
	return columns
}

// printTable prints rows under a header.
func (a *app) printTable(title string, columns []column, rows [][]string) {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatUpper
	if a.coloured() {
		style.Color.Header = text.Colors{text.Bold}
	}
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	if title != "" {
		t.SetTitle(title)
	}
	header := make(table.Row, len(columns))
	configs := make([]table.ColumnConfig, len(columns))
	for i, c := range columns {
		header[i] = strings.ReplaceAll(c.name, "_", " ")
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.right {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, row := range rows {
		cells := make(table.Row, len(row))
		for i, s := range row {
			cells[i] = printable(s)
		}
		t.AppendRow(cells)
	}
	t.Render()
}

// printable takes control characters out of what somebody else wrote, so that
// it cannot command the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// printJSON prints v indented.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printJSONArray prints items as they come as one array.
func printJSONArray[T any](w io.Writer, items iter.Seq2[T, error]) error {
	opening := "[\n"
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for item, err := range items {
		if err != nil {
			return err
		}
		buf.Reset()
		buf.WriteString(opening + "  ")
		if err := enc.Encode(item); err != nil {
			return err
		}
		if _, err := w.Write(bytes.TrimRight(buf.Bytes(), "\n")); err != nil {
			return err
		}
		opening = ",\n"
	}
	if opening == "[\n" {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}

// printCSV prints items as they come under a header.
func printCSV[T any](w io.Writer, columns []column, items iter.Seq2[T, error], cells func(*T) []string) error {
	out := csv.NewWriter(w)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for item, err := range items {
		if err != nil {
			out.Flush()
			return err
		}
		if err := out.Write(cells(&item)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// printTSV prints items as they come, each on a line with tabs between its
// cells, and no header: the canonical form over which statements are hashed.
func printTSV[T any](w io.Writer, items iter.Seq2[T, error], cells func(*T) []string) error {
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)
	out := bufio.NewWriter(w)
	for item, err := range items {
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		row := cells(&item)
		for i, cell := range row {
			row[i] = escape.Replace(cell)
		}
		if _, err := out.WriteString(strings.Join(row, "\t") + "\n"); err != nil {
			return err
		}
	}
	return out.Flush()
}

// objects yields JSON objects as maps of their members, undecoded.
func objects(items iter.Seq2[json.RawMessage, error]) iter.Seq2[map[string]json.RawMessage, error] {
	return func(yield func(map[string]json.RawMessage, error) bool) {
		for item, err := range items {
			var object map[string]json.RawMessage
			if err == nil {
				err = json.Unmarshal(item, &object)
			}
			if !yield(object, err) || err != nil {
				return
			}
		}
	}
}

// memberText returns a member of a JSON object for a cell: a string without
// its quotes, strings with spaces between them, null as nothing, anything else
// as it is.
func memberText(raw json.RawMessage) string {
	var s string
	var list []string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return s
	case raw[0] == '[' && json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, " ")
	}
	return string(raw)
}

// printObjects prints JSON objects in the chosen form; columns are their
// members.
func (a *app) printObjects(output string, columns []column, items iter.Seq2[json.RawMessage, error]) error {
	if output == asJSON { // as the server sent them
		return printJSONArray(a.stdout, items)
	}
	return printRows(a, output, columns, objects(items), func(object *map[string]json.RawMessage) []string {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = memberText((*object)[c.name])
		}
		return row
	})
}

// printRows prints items in the chosen form; cells are what a table or CSV
// shows of each.
func printRows[T any](a *app, output string, columns []column, items iter.Seq2[T, error], cells func(*T) []string) error {
	switch output {
	case asJSON:
		return printJSONArray(a.stdout, items)
	case asCSV:
		return printCSV(a.stdout, columns, items, cells)
	}
	var rows [][]string
	for item, err := range items {
		if err != nil {
			return err
		}
		rows = append(rows, cells(&item))
	}
	a.printTable("", columns, rows)
	return nil
}

// say prints a message.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
