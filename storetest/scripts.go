package storetest

import (
	"embed"
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

//go:embed scripts/*.txt usecases/*.txt
var scripts embed.FS

var rewriteFlag = flag.Bool("storetest.rewrite", false, "write what the scripts print into storetest/scripts (run it in that package)")

// Scripts runs every script of this package on a ledger of its own. A script
// is plain text: commands, each followed by the lines that it takes, then ----
// and the lines that it must print, ended by a blank line. "#" starts a
// comment between commands. The commands are:
//
//	card ID                        the CSV of a rate card, or of its next version; prints where it is at fault
//	account ID of ORG in ZONE [card CARD] [then ZONE from MONTH]
//	post [FIELDS]                  events, a JSON object a line, with these fields in common
//	                               (JSON without its braces); prints what became of each
//	take up                        measures the unrated events again
//	close ORG MONTH                nothing is booked in the month any more, and what holds is marked
//	rerate ORG MONTH               measures the events of the month again; prints of each account how many have other charges then
//	void ORG [REASON]              events, a line "SOURCE ID [by SOURCE ID]" each; prints what became of each
//	adjustments ORG MONTH          prints what of the month is booked in a later one
//	history ORG SOURCE ID          prints what was said of an event, the latest word first
//	records ORG [FILTER]           prints a table in the order of month, account and id
//	past MONTH ORG [FILTER]        the same as it was when the month was closed
//	total ORG [FILTER]             how many records match
//	events ORG FILTER              prints the events of the records that match, and their sums
//	unrated ORG                    prints the unrated events, by id
//	reopen                         closes the ledger and opens the data again
//
// Everything is done to the model too, with which the ledger must agree.
func Scripts(t *testing.T, newDriver func(t testing.TB) Driver, only ...string) {
	eachScript(t, "scripts", only, func(t *testing.T, name, text string) string {
		r := newScriptRun(newSubject(t, newDriver(t)))
		printed := runScript(t, name, text, func(at string, c *command) string {
			r.at = at
			return r.do(c)
		})
		r.check(r.organizations...)
		return printed
	})
}

// eachScript runs the scripts of a directory, or only some; run returns a script with what it
// printed.
func eachScript(t *testing.T, dir string, only []string, run func(t *testing.T, name, text string) string) {
	files, err := scripts.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		script := strings.TrimSuffix(f.Name(), ".txt")
		if len(only) > 0 && !slices.Contains(only, script) {
			continue
		}
		t.Run(script, func(t *testing.T) {
			name := path.Join(dir, f.Name())
			text, err := scripts.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			printed := run(t, name, string(text))
			if *rewriteFlag {
				if err := os.WriteFile(name, []byte(printed), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// command is one command of a script, and where it is.
type command struct {
	line   int // from 1
	before string
	head   string
	input  []string
	want   string
	prints bool // there is a ---- and what it must print
}

// parseScript takes a script apart. What is between commands is kept, so that
// a script can be written back.
func parseScript(text string) (commands []command, after string) {
	var (
		before strings.Builder
		c      *command
	)
	line := 0
	for l := range strings.Lines(text) {
		line++
		bare := strings.TrimRight(l, "\n")
		switch {
		case c == nil && (bare == "" || strings.HasPrefix(bare, "#")):
			before.WriteString(l)
		case c == nil:
			commands = append(commands, command{line: line, before: before.String(), head: bare})
			c = &commands[len(commands)-1]
			before.Reset()
		case bare == "":
			before.WriteString(l)
			c = nil
		case c.prints:
			c.want += bare + "\n"
		case bare == "----":
			c.prints = true
		default:
			c.input = append(c.input, bare)
		}
	}
	return commands, before.String()
}

// runScript runs a script, fails the test where it prints something else than
// it should, and returns the script with what it printed. do runs one command,
// which at names for failures.
func runScript(t testing.TB, name, text string, do func(at string, c *command) string) string {
	t.Helper()
	commands, after := parseScript(text)
	var out strings.Builder
	for i := range commands {
		c := &commands[i]
		at := fmt.Sprintf("%s:%d: %s", name, c.line, c.head)
		got := do(at, c)
		if !*rewriteFlag {
			if diff := diffLines(got, c.want); diff != "" {
				t.Errorf("%s\nprinted (+) and should have printed (-):\n%s\nall that it printed:\n%s", at, diff, got)
			}
		}
		out.WriteString(c.before + c.head + "\n")
		for _, l := range c.input {
			out.WriteString(l + "\n")
		}
		if got != "" {
			out.WriteString("----\n" + got)
		}
	}
	return out.String() + after
}
