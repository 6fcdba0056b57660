package proc

import (
	"os/exec"
	"syscall"
	"time"
)

// Started is a process that ends with this one, however this one ends.
type Started struct {
	*exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// Start starts a command in a process group of its own, so that an interrupt
// at a terminal reaches this process alone, which ends the others in order.
func Start(cmd *exec.Cmd) (*Started, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Started{Cmd: cmd, done: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// Done is closed when the process has ended.
func (s *Started) Done() <-chan struct{} { return s.done }

// Err returns how the process ended, once it has.
func (s *Started) Err() error { return s.err }

// stopTime is how long a process that was asked to end may take.
const stopTime = 30 * time.Second

// Stop asks a process to end by a signal and returns when it has; one that
// does not end is killed.
func (s *Started) Stop(signal syscall.Signal) error {
	_ = s.Process.Signal(signal) // it may have ended already
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		s.Kill()
	}
	return s.err
}

// Kill ends a process without warning and returns when it has ended.
func (s *Started) Kill() {
	_ = s.Process.Kill() // it may have ended already
	<-s.done
}
