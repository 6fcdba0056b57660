package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tollbook/checktest"
)

// process is a process that does not outlive this one.
type process struct {
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended and err is set
	err    error
	killed atomic.Bool // when it had not ended yet
}

// startProcess starts a program that the kernel kills when this process ends,
// in whatever way. The kernel watches the thread that started it, so that
// thread is kept until the program has ended.
func startProcess(dir string, out *os.File, program string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own, so that an interrupt from the keyboard is not its.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err == nil {
		p.killed.Store(true)
	}
	<-p.done
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		return err
	}
	for {
		// Returns when all threads have stopped; takes no notice of the end,
		// which is awaited elsewhere.
		err := unix.Waitid(unix.P_PID, p.pid(), nil, unix.WSTOPPED, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (p *process) cont() error { return p.cmd.Process.Signal(unix.SIGCONT) }

// reservePort takes a free port of the loopback address until the end of the
// test. The socket does not listen; whoever binds the port as well, with
// SO_REUSEPORT or SO_REUSEADDR, gets all connections. The kernel gives it to
// nobody else.
func reservePort(tb testing.TB) int {
	tb.Helper()
	port, err := func() (int, error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		tb.Cleanup(func() { unix.Close(fd) })
		for _, option := range []int{unix.SO_REUSEPORT, unix.SO_REUSEADDR} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
				return 0, err
			}
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return 0, err
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			return 0, err
		}
		return name.(*unix.SockaddrInet4).Port, nil
	}()
	if err != nil {
		tb.Fatalf("reserve a port: %v", err)
	}
	return port
}

// listenReserved listens on a port that reservePort has taken.
func listenReserved(ctx context.Context, addr string) (net.Listener, error) {
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}), err)
	}}
	return reuse.Listen(ctx, "tcp", addr)
}

// mountDisk mounts a disk of a size in memory, until the end of the test.
func mountDisk(tb testing.TB, dir string, bytes int64) {
	tb.Helper()
	err := unix.Mount("tollbook-test", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d", bytes))
	if errors.Is(err, unix.EPERM) {
		checktest.Skip(tb, "it needs the right to mount a small disk (run it as root)")
	}
	if err != nil {
		tb.Fatalf("mount a disk: %v", err)
	}
	tb.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			tb.Errorf("unmount the disk: %v", err)
		}
	})
}

// memoryDisk is where Linux has a file system in memory, and memoryNeeded how
// much of it has to be free: a container's may be small.
const (
	memoryDisk   = "/dev/shm"
	memoryNeeded = 4 << 30
)

// memoryDir makes a directory in memory that goes with the test. Where there is
// none, or little room, it is on disk.
func memoryDir(tb testing.TB) string {
	tb.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(memoryDisk, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC || fs.Bavail*uint64(fs.Bsize) < memoryNeeded {
		return tb.TempDir()
	}
	dir, err := os.MkdirTemp(memoryDisk, "tollbook-test-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}
