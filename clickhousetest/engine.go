package clickhousetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"tollbook/checktest"
)

// engine is what a server is run with.
type engine struct {
	launcher string // the program of the module engine, built
	library  string // ClickHouse
}

// errNotInstalled: what follows it says what is to be done.
var errNotInstalled = errors.New("ClickHouse is not installed")

// find finds the engine and builds its launcher, once a process.
var find = sync.OnceValues(func() (engine, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return engine{}, fmt.Errorf("%w: it is there for linux/amd64 only", errNotInstalled)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return engine{}, fmt.Errorf("%w: %v", errNotInstalled, err)
	}
	cache = filepath.Join(cache, "tollbook", "clickhouse")
	source, err := sourceDir()
	if err != nil {
		return engine{}, err
	}
	// The same name as in scripts/clickhouse.sh.
	version, err := hashFiles(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return engine{}, err
	}
	library := filepath.Join(cache, version, "libchdb.so")
	if _, err := os.Stat(library); err != nil {
		return engine{}, fmt.Errorf("%w: run scripts/clickhouse.sh", errNotInstalled)
	}
	launcher, err := buildLauncher(source, cache)
	return engine{launcher: launcher, library: library}, err
})

// Need skips a test where there is no ClickHouse; Start does the same.
func Need(tb testing.TB) {
	tb.Helper()
	need(tb)
}

func need(tb testing.TB) engine {
	tb.Helper()
	e, err := find()
	if errors.Is(err, errNotInstalled) {
		checktest.Skip(tb, err.Error())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// Whole tells whether all of the tests are to be run, those too that a check has
// no time for: where TOLLBOOK_TEST_WHOLE is set.
func Whole() bool { return os.Getenv("TOLLBOOK_TEST_WHOLE") != "" }

// sourceDir is the directory of the module engine.
func sourceDir() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", errors.New("the source of clickhousetest is not known: test without -trimpath")
	}
	return filepath.Join(filepath.Dir(file), "engine"), nil
}

// buildLauncher builds the launcher into the cache, under a name that its
// source decides, unless it is there. Several processes may do so at once.
func buildLauncher(source, cache string) (string, error) {
	files, err := filepath.Glob(filepath.Join(source, "*.go"))
	if err != nil {
		return "", err
	}
	files = append(files, filepath.Join(source, "go.mod"), filepath.Join(source, "go.sum"))
	version, err := hashFiles(files...)
	if err != nil {
		return "", err
	}
	name := filepath.Join(cache, "launcher-"+version+"-"+runtime.Version())
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	dir, err := os.MkdirTemp(cache, ".build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	built := filepath.Join(dir, "launcher")
	cmd := exec.Command("go", "build", "-o", built, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the launcher of ClickHouse: %v\n%s", err, out)
	}
	return name, os.Rename(built, name)
}

// hashFiles is a short hash of what is in files.
func hashFiles(names ...string) (string, error) {
	h := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
