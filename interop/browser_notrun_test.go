//go:build !race

package interop

import (
	"os"
	"testing"
)

// skipNotRun skips a test that cannot be run here, and says which and why in
// one line. Where TOLLBOOK_TEST_NOT_RUN names a file, the line goes there too,
// so that a check of everything can end with what it left out.
func skipNotRun(t *testing.T, line string) {
	t.Helper()
	if name := os.Getenv("TOLLBOOK_TEST_NOT_RUN"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		must(t, err)
		_, err = f.WriteString(line + "\n")
		must(t, err)
		must(t, f.Close())
	}
	t.Skip("NOT RUN: " + line)
}
