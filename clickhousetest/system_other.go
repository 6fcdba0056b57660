//go:build !linux

package clickhousetest

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// errElsewhere is never seen: without an engine no test comes that far.
var errElsewhere = errors.New("there is no ClickHouse for this system")

type process struct {
	done   chan struct{}
	err    error
	killed atomic.Bool
}

func startProcess(string, *os.File, string, ...string) (*process, error) { return nil, errElsewhere }

func (p *process) pid() int    { return 0 }
func (p *process) kill()       {}
func (p *process) stop() error { return errElsewhere }
func (p *process) cont() error { return errElsewhere }

func memoryDir(tb testing.TB) string             { return tb.TempDir() }
func reservePort(tb testing.TB) int              { tb.Fatal(errElsewhere); return 0 }
func mountDisk(tb testing.TB, _ string, _ int64) { tb.Fatal(errElsewhere) }

func listenReserved(context.Context, string) (net.Listener, error) { return nil, errElsewhere }
