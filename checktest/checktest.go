// Package checktest is how tests tell a check of everything what was not run:
// because it cannot be here, or because it is left for later.
package checktest

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

// NotRun says, in one line, what is not run here and why. Where
// TOLLBOOK_TEST_NOT_RUN names a file, the line goes there too, so that a check can
// end with what it left out.
func NotRun(tb testing.TB, line string) {
	tb.Helper()
	note(tb, "TOLLBOOK_TEST_NOT_RUN", line)
	tb.Log("NOT RUN: " + line)
}

// Skip skips a test that is not run here, and says why.
func Skip(tb testing.TB, why string) {
	tb.Helper()
	line := tb.Name() + ": " + why
	note(tb, "TOLLBOOK_TEST_NOT_RUN", line)
	tb.Skip("NOT RUN: " + line)
}

// Leave skips a test under the race detector: one that does one thing after the
// other, or in processes of their own, in which the detector has nothing to find
// and which it makes take several times as long. Where TOLLBOOK_TEST_LEFT names a
// file, a line for it goes there, the directory of its package and what go test
// -run takes for it, so that a check runs afterwards what has been left.
func Leave(tb testing.TB) {
	tb.Helper()
	if !UnderRace {
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	note(tb, "TOLLBOOK_TEST_LEFT", dir+"\t"+pattern(tb.Name()))
	tb.Skip("left for a run without the race detector")
}

// note appends a line to the file that a variable names, which several processes
// write.
func note(tb testing.TB, variable, line string) {
	tb.Helper()
	name := os.Getenv(variable)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = f.WriteString(line + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}
}

// pattern matches the test of a name, and what is in it.
func pattern(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
