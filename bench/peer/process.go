package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"

	"tollbook/bench/duty"
	"tollbook/bench/proc"
	"tollbook/load"
)

// store is a database that lives in the process that uses it.
type store interface {
	name() (string, error)

	// post keeps a batch in one transaction, durable when it returns.
	post(b *batch) (duty.Outcome, error)

	records() ([]usage, error)
	events() (int64, error)

	// settle moves everything to where it stays on disk.
	settle() error

	close() error
}

// Process is a store in a process of its own, so that its processor time and
// its memory can be told from the benchmark's.
type Process struct {
	process *proc.Started
	rpc     *rpc.Client
	dir     string
	name    string
	log     *bytes.Buffer // read once the process has ended
}

// ProcessCommand is the first argument of a run of this program that is such a
// process; what it is told follows as JSON.
const ProcessCommand = "peer-process"

// told is what such a process is told.
type told struct {
	Engine   string
	Dir      string
	Workload load.Workload
}

// OpenSQLite starts a process with an SQLite database below dir.
func OpenSQLite(ctx context.Context, w *load.Workload, dir string) (*Process, error) {
	return openProcess(ctx, told{duty.SQLite, dir, *w})
}

// OpenDuckDB starts a process with a DuckDB database below dir.
func OpenDuckDB(ctx context.Context, w *load.Workload, dir string) (*Process, error) {
	return openProcess(ctx, told{duty.DuckDB, dir, *w})
}

func openProcess(ctx context.Context, t told) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, ProcessCommand, string(text))
	in, err1 := cmd.StdinPipe()
	outRead, outWrite, err2 := os.Pipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	p := &Process{dir: t.Dir, log: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = outWrite, p.log
	p.process, err = proc.Start(cmd)
	if err := errors.Join(err, outWrite.Close()); err != nil {
		return nil, err
	}
	p.rpc = rpc.NewClient(pipes{outRead, in})
	if err := p.call(ctx, "Name", struct{}{}, &p.name); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", t.Engine, err), p.Close())
	}
	return p, nil
}

// pipes are both ends of a process's standard input and output.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }

// call asks the process. When ctx ends, so does the process: there is no other
// way out of a database's call.
func (p *Process) call(ctx context.Context, method string, arg, reply any) error {
	call := p.rpc.Go("Service."+method, arg, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
	case <-ctx.Done():
		p.process.Kill()
		return ctx.Err()
	}
	if errors.Is(call.Error, rpc.ErrShutdown) || errors.Is(call.Error, io.ErrUnexpectedEOF) {
		p.process.Kill()
		return fmt.Errorf("the process ended: %w: %s", call.Error, p.log)
	}
	return call.Error
}

// Name returns the name and version.
func (p *Process) Name() string { return p.name }

// Prepare prepares nothing: the process makes rows on the core that the
// database does not use, a few batches ahead, lest they be its memory.
func (p *Process) Prepare(_ context.Context, r duty.Run) (duty.Send, error) {
	return func(ctx context.Context) (o duty.Outcome, err error) {
		err = p.call(ctx, "Send", r, &o)
		return o, err
	}, nil
}

// Records returns every record.
func (p *Process) Records(ctx context.Context) (all []duty.Record, err error) {
	err = p.call(ctx, "Records", struct{}{}, &all)
	return all, err
}

// Events counts the events.
func (p *Process) Events(ctx context.Context) (n int64, err error) {
	err = p.call(ctx, "Events", struct{}{}, &n)
	return n, err
}

// CPU returns the seconds of processor time that the process has used.
func (p *Process) CPU() (float64, error) { return proc.CPU(p.process.Process.Pid) }

// PeakMemory returns the most bytes that the process had in memory.
func (p *Process) PeakMemory() (int64, error) { return proc.PeakMemory(p.process.Process.Pid) }

// Disk returns the bytes of the database once it is settled.
func (p *Process) Disk(ctx context.Context) (int64, error) {
	if err := p.call(ctx, "Settle", struct{}{}, &struct{}{}); err != nil {
		return 0, err
	}
	return proc.Disk(p.dir)
}

// Close ends the process. What the database then writes is not waited for: its
// data is not kept.
func (p *Process) Close() error {
	p.process.Kill()
	_ = p.rpc.Close() // nothing is under way
	return nil
}
