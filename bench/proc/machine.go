package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine returns what the machine is, an item each, and how fast the disk of
// a directory syncs.
func Machine(dir string) ([]string, error) {
	model, err1 := value("/proc/cpuinfo", "model name")
	memory, err2 := value("/proc/meminfo", "MemTotal")
	kernel, err3 := os.ReadFile("/proc/sys/kernel/osrelease")
	sync, err4 := syncTime(dir)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	kib, err := strconv.Atoi(strings.TrimSuffix(memory, " kB"))
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%d cores of %s, %.0f GiB of memory, %s %s, %s", runtime.NumCPU(), model, float64(kib)/(1<<20), runtime.GOOS, strings.TrimSpace(string(kernel)), runtime.Version()),
		fmt.Sprintf("a write of 4 KiB and fdatasync: %d µs, median", sync.Microseconds()),
	}, nil
}

// value returns what stands behind a name in a file of "name: value" lines.
func value(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if key, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}

// syncTime returns how long a small append takes to be durable.
func syncTime(dir string) (_ time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const times = 101
	var all []time.Duration
	block := make([]byte, 4096)
	for range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[times/2], nil
}

// Kinds of file systems that are memory.
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// RealDisk returns an error where a directory is in memory: a sync costs
// nothing there.
func RealDisk(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if s.Type == tmpfs || s.Type == ramfs {
		return fmt.Errorf("%s is in memory; -dir must be on a disk", dir)
	}
	return nil
}
