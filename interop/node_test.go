//go:build !race

package interop

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"tollbook/checktest"
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

// notRun skips a test of the clients that come from npm.
func notRun(t *testing.T, why string) {
	t.Helper()
	checktest.Skip(t, "openid-client, ketting, traverson-hal, prism, standardwebhooks: "+why)
}
