// Package proc reads what processes and directories take: processor time,
// memory and disk. It knows Linux alone.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ticksPerSecond is the unit of times in /proc/PID/stat: USER_HZ, which is 100
// on every Linux that Go runs on.
const ticksPerSecond = 100

// stat is what /proc/PID/stat tells of a process.
type stat struct {
	parent   int
	own      int64 // ticks of its own
	children int64 // ticks of children that ended and were waited for
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	_, rest, ok := strings.Cut(string(text), ") ") // the name may hold blanks
	f := strings.Fields(rest)
	if !ok || len(f) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	var n [15]int64
	for i := range n {
		n[i], _ = strconv.ParseInt(f[i], 10, 64) // the state is a letter; it is not used
	}
	return stat{parent: int(n[1]), own: n[11] + n[12], children: n[13] + n[14]}, nil
}

// CPU returns the seconds of processor time that a process has used.
func CPU(pid int) (float64, error) {
	s, err := readStat(pid)
	return float64(s.own) / ticksPerSecond, err
}

// TreeCPU returns the seconds of processor time that a process, its
// descendants and those of them that have ended have used.
func TreeCPU(pid int) (float64, error) {
	var ticks int64
	err := eachOfTree(pid, func(_ int, s stat) { ticks += s.own + s.children })
	return float64(ticks) / ticksPerSecond, err
}

// eachOfTree calls do with a process and each of its descendants.
func eachOfTree(pid int, do func(pid int, s stat)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	all := map[int]stat{}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		if s, err := readStat(id); err == nil { // else it has ended
			all[id] = s
		}
	}
	if _, ok := all[pid]; !ok {
		return fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	for id, s := range all {
		for up, ok := id, true; ok; up = all[up].parent {
			if up == pid {
				do(id, s)
				break
			}
			_, ok = all[up]
		}
	}
	return nil
}

// PeakMemory returns the most bytes that a process had in memory.
func PeakMemory(pid int) (int64, error) { return status(pid, "VmHWM") }

// Memory returns the bytes that a process has in memory.
func Memory(pid int) (int64, error) { return status(pid, "VmRSS") }

// TreeMemory returns the bytes that a process and its descendants have in
// memory; what they share is counted once, as much of it as one of them has
// seen.
func TreeMemory(pid int) (int64, error) {
	var own, shared int64
	err := eachOfTree(pid, func(id int, _ stat) {
		anon, err := status(id, "RssAnon")
		if err != nil {
			return // it has ended
		}
		own += anon
		if s, err := status(id, "RssShmem"); err == nil {
			shared = max(shared, s)
		}
	})
	return own + shared, err
}

// status returns a value of /proc/PID/status in bytes.
func status(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, name)
}

// Disk returns the bytes that the files of a directory take on disk, but for
// those of the subdirectories named.
func Disk(dir string, without ...string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			for _, name := range without {
				if path == filepath.Join(dir, name) {
					return filepath.SkipDir
				}
			}
			return nil
		}
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server removes files while it runs
		}
		if err != nil {
			return err
		}
		sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		return nil
	})
	return sum, err
}
