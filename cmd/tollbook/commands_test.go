package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runHere runs the program in this process.
func runHere(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	code = run(context.Background(), args, nil, strings.NewReader(""), &out, &messages)
	return code, out.String(), messages.String()
}

// everyCommand calls f with each command and how it is called.
func everyCommand(cmd *cobra.Command, path []string, f func(*cobra.Command, []string)) {
	f(cmd, path)
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			everyCommand(child, append(slices.Clone(path), child.Name()), f)
		}
	}
}

func TestEveryHelpStartsWithExamples(t *testing.T) {
	t.Parallel()
	n := 0
	everyCommand((&app{}).rootCommand(), nil, func(cmd *cobra.Command, path []string) {
		n++
		code, stdout, stderr := runHere(t, append(path, "--help")...)
		if code != exitOK || stderr != "" {
			t.Errorf("%v --help: exit code %d, %s", path, code, stderr)
		}
		if !strings.HasPrefix(stdout, "Examples:\n  ") || !strings.Contains(stdout, "tollbook") {
			t.Errorf("%v --help starts with %.40q", path, stdout)
		}
		if cmd.Short == "" {
			t.Errorf("%v has no short description", path)
		}
	})
	if n < 40 {
		t.Errorf("only %d commands were seen", n)
	}
}

// TestExamplesAreUnderstood parses the flags of all examples.
func TestExamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	everyCommand((&app{}).rootCommand(), nil, func(cmd *cobra.Command, path []string) {
		for line := range strings.Lines(cmd.Example) {
			_, call, ok := strings.Cut(line, "tollbook ")
			if !ok || strings.Contains(line, "zcat") {
				continue
			}
			call, _, _ = strings.Cut(strings.TrimSpace(call), "   ")
			call, _, _ = strings.Cut(strings.TrimSuffix(call, ")"), " | ")
			words := strings.Fields(call)
			root := (&app{}).rootCommand()
			found, rest, err := root.Find(words)
			if err != nil || found == root {
				t.Errorf("%v: example %q: no such command: %v", path, line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%v: example %q: %v", path, line, err)
			}
		}
	})
}

// TestFlagsHaveOneMeaning checks that a name of a flag, and so its environment
// variable, is of one type everywhere.
func TestFlagsHaveOneMeaning(t *testing.T) {
	t.Parallel()
	types := map[string]string{}
	everyCommand((&app{}).rootCommand(), nil, func(cmd *cobra.Command, path []string) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind := f.Value.Type()
			if was, ok := types[f.Name]; ok && was != kind {
				t.Errorf("%v: --%s is a %s, elsewhere a %s", path, f.Name, kind, was)
			}
			types[f.Name] = kind
		})
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"month", "month", 0}, {"mnth", "month", 1}, {"motnh", "month", 2}, {"page", "pages", 1}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 299683: "299,683", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestUsageFilter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query usageQuery
		want  string
	}{
		{usageQuery{}, ""},
		{usageQuery{filter: "a eq 'b' or c eq 'd'"}, "a eq 'b' or c eq 'd'"},
		{usageQuery{months: []string{"2026-08"}}, "month eq '2026-08'"},
		{usageQuery{months: []string{"2026-08"}, filter: "a eq 'b' or c eq 'd'"}, "month eq '2026-08' and (a eq 'b' or c eq 'd')"},
		{usageQuery{months: []string{"2026-07", "2026-08"}, accounts: []string{"it's"}}, "month in ('2026-07','2026-08') and account_id eq 'it''s'"},
	}
	for _, tt := range tests {
		if got, err := tt.query.where(); err != nil || got != tt.want {
			t.Errorf("%+v: %q, %v; want %q", tt.query, got, err, tt.want)
		}
	}
}

// TestOutputCannotCommandTheTerminal holds for whatever somebody put into a
// text.
func TestOutputCannotCommandTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[2Jb\u009bc\td"); strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x9b }) {
		t.Errorf("printable = %q", got)
	}
}
