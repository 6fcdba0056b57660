package clickhousestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"tollbook/checktest"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// crasher is a server of its own, whose files can be copied as they are when it
// is killed: ClickHouse has told the kernel everything that it has answered for.
type crasher struct {
	driver
	server *server
	dir    string
}

func newCrasher(t testing.TB) storetest.Crasher {
	dir := t.TempDir()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{Dir: dir})}
	name, url := s.database(t)
	return &crasher{driver{url, name}, s, dir}
}

// Crash copies the files while the server stands still.
func (c *crasher) Crash(t testing.TB) storetest.Driver {
	dir := filepath.Join(t.TempDir(), "left")
	c.server.Stop()
	err := os.CopyFS(dir, os.DirFS(c.dir))
	c.server.Continue()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{Dir: dir})}
	return &crasher{driver{s.url(c.name), c.name}, s, dir}
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	storetest.Crashes(t, newCrasher)
}
