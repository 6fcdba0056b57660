package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Others tells how much of the machine other processes take.
type Others struct {
	start time.Time
	used  float64 // seconds of processor time of theirs so far
}

// WatchOthers begins to watch them. No process that this one started may be
// running.
func WatchOthers() (*Others, error) {
	used, err := usedByOthers()
	return &Others{time.Now(), used}, err
}

// Share returns which part of all cores other processes took since. Every
// process that this one started must have ended.
func (o *Others) Share() (float64, error) {
	used, err := usedByOthers()
	return max(0, used-o.used) / (time.Since(o.start).Seconds() * float64(runtime.NumCPU())), err
}

// usedByOthers returns the seconds of processor time that have been used, but
// not by this process or a descendant that has ended.
func usedByOthers() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(text))
	const fields = 9 // cpu user nice system idle iowait irq softirq steal
	if len(f) < fields || f[0] != "cpu" {
		return 0, errors.New("/proc/stat does not start with the time of all cores")
	}
	var ticks int64
	for i, s := range f[1:fields] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 { // nor idle, nor waiting for the disk
			ticks += n
		}
	}
	all := float64(ticks) / ticksPerSecond
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0, err
		}
		all -= time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	return all, nil
}
