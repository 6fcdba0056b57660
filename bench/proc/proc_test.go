package proc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatThisProcessTakes(t *testing.T) {
	pid := os.Getpid()
	for name, read := range map[string]func(int) (int64, error){"memory": Memory, "peak": PeakMemory, "tree": TreeMemory} {
		if n, err := read(pid); err != nil || n < 1<<20 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	own, err := CPU(pid)
	if err != nil {
		t.Fatal(err)
	}
	for sum := 0.0; sum < 0.1; { // until a tenth of a second was used
		now, err := CPU(pid)
		if err != nil {
			t.Fatal(err)
		}
		sum = now - own
	}
	if all, err := TreeCPU(pid); err != nil || all < own+0.1 {
		t.Errorf("the tree used %v, %v; it alone %v", all, err, own+0.1)
	}
}

// TestTreeKnowsAChild has a child that waits, and one that has ended.
func TestTreeKnowsAChild(t *testing.T) {
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(child)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	found := false
	if err := eachOfTree(os.Getpid(), func(pid int, _ stat) { found = found || pid == s.Process.Pid }); err != nil || !found {
		t.Errorf("the child is not in the tree: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	if _, err := TreeCPU(s.Process.Pid); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a process that ended: %v", err)
	}
}

func TestStop(t *testing.T) {
	s, err := Start(exec.Command("sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(syscall.SIGTERM); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("it ended with %v", err)
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kept/a", "left/b"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, make([]byte, 1<<20), 0o600)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil { // some file systems allocate late
			t.Fatal(err)
		}
	}
	all, err1 := Disk(dir)
	some, err2 := Disk(dir, "left")
	if err1 != nil || err2 != nil || all < 2<<20 || some < 1<<20 || some > all-1<<20 {
		t.Errorf("%d and %d bytes, %v, %v", all, some, err1, err2)
	}
}

func TestOthers(t *testing.T) {
	o, err := WatchOthers()
	if err != nil {
		t.Fatal(err)
	}
	if share, err := o.Share(); err != nil || share < 0 {
		t.Errorf("%v, %v", share, err)
	}
}

func TestMachine(t *testing.T) {
	if items, err := Machine(t.TempDir()); err != nil || len(items) != 2 {
		t.Errorf("%q, %v", items, err)
	}
}
