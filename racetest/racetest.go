// Package racetest is for tests in which the race detector has nothing to find:
// those that do one thing after the other, or in processes of their own. Under it
// they would take several times as long.
package racetest

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Leave skips a test under the race detector. Where TOLLBOOK_TEST_LEFT names a
// file, a line for it goes there, the directory of its package and what go test
// -run takes for it, so that a check runs afterwards what it has left.
func Leave(tb testing.TB) {
	tb.Helper()
	if !Watches {
		return
	}
	if name := os.Getenv("TOLLBOOK_TEST_LEFT"); name != "" {
		if err := note(name, tb.Name()); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Skip("left for a run without the race detector")
}

// note appends the line of a test to a file, which several processes write.
func note(file, test string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(dir + "\t" + pattern(test) + "\n")
	return errors.Join(err, f.Close())
}

// pattern matches the test of a name, and what is in it.
func pattern(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
