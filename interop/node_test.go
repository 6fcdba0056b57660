package interop

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	installTime = 5 * time.Minute
	clientTime  = 2 * time.Minute
)

// needNode makes sure that Node and the pinned packages are there. Where they
// cannot be, the test is skipped and says what was not run.
func needNode(t *testing.T) {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			notRun(t, name+" is not installed (on Debian or Ubuntu: apt-get install nodejs npm)")
		}
	}
	if installed() {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), installTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts").CombinedOutput()
	if err == nil {
		lock, errLock := os.ReadFile("package-lock.json")
		must(t, errLock)
		err = os.WriteFile(installedLock, lock, 0o644)
	}
	if err != nil {
		t.Logf("npm ci:\n%s", out)
		notRun(t, "npm ci failed: "+err.Error())
	}
}

// installedLock is a copy of the lock file beside the packages that were
// installed by it.
const installedLock = "node_modules/.installed-lock.json"

func installed() bool {
	want, err := os.ReadFile("package-lock.json")
	if err != nil {
		return false
	}
	have, err := os.ReadFile(installedLock)
	return err == nil && bytes.Equal(want, have)
}

// notRun ends a test that cannot be run here. Its line goes to the file that
// TOLLBOOK_TEST_NOT_RUN names, too, from which make check lists what was left
// out.
func notRun(t *testing.T, why string) {
	t.Helper()
	line := t.Name() + " (openid-client, ketting, traverson-hal, prism): " + why
	if name := os.Getenv("TOLLBOOK_TEST_NOT_RUN"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		must(t, err)
		_, err = f.WriteString(line + "\n")
		must(t, err)
		must(t, f.Close())
	}
	t.Skip("NOT RUN: " + line)
}
