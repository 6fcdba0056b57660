package clickhousetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tollbook/checktest"
)

const (
	// zooKeeperJar is where Debian's package zookeeper has it; the jar names
	// what it needs.
	zooKeeperJar = "/usr/share/java/zookeeper.jar"
	// logJar has it log to where the process writes.
	logJar = "/usr/share/java/slf4j-simple.jar"

	zooKeeperLog = "zookeeper.log"

	// startedLine is logged by ZooKeeper when it may be asked something. One
	// that is asked earlier may never answer again.
	startedLine = "PrepRequestProcessor (sid:0) started"
)

// ZooKeeper is a ZooKeeper server of its own. Its methods may be called at the
// same time, but Restart only by the goroutine that runs the test.
type ZooKeeper struct {
	tb   testing.TB
	java string
	dir  string
	port int

	mu   sync.Mutex
	proc *process // nil before the first start
}

// Addr is where it listens, as host:port.
func (z *ZooKeeper) Addr() string { return address(z.port) }

// Kill ends it by SIGKILL and returns when it has ended. To kill it again does
// nothing.
func (z *ZooKeeper) Kill() { z.process().kill() }

// Restart starts it on the same port and data and returns when it answers. One
// that still runs is killed first.
func (z *ZooKeeper) Restart() {
	z.tb.Helper()
	z.Kill()
	z.launch()
}

// needZooKeeper skips a test where there is no ZooKeeper.
func needZooKeeper(tb testing.TB) (java string) {
	tb.Helper()
	java, err := exec.LookPath("java")
	if err == nil {
		_, err = os.Stat(zooKeeperJar)
	}
	if err != nil {
		checktest.Skip(tb, "ZooKeeper is not installed: run scripts/replicas.sh")
	}
	return java
}

func startZooKeeper(tb testing.TB, java string) *ZooKeeper {
	tb.Helper()
	z := &ZooKeeper{tb: tb, java: java, dir: tb.TempDir(), port: reservePort(tb)}
	tb.Cleanup(func() {
		if proc := z.process(); proc != nil {
			proc.kill()
		}
		if tb.Failed() {
			showLogs(tb, "ZooKeeper on "+z.Addr(), z.path(zooKeeperLog))
		}
	})
	// Sessions are between 2 and 20 ticks long.
	config := fmt.Sprintf("dataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\ntickTime=%d\n"+
		"maxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n",
		z.path("data"), z.port, (sessionTime / 10).Milliseconds())
	if err := os.WriteFile(z.path("zoo.cfg"), []byte(config), 0o644); err != nil {
		tb.Fatal(err)
	}
	z.launch()
	return z
}

func (z *ZooKeeper) path(name string) string { return filepath.Join(z.dir, name) }

func (z *ZooKeeper) process() *process {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.proc
}

// launch starts the process and returns when it answers. Its memory is a bound
// for a small machine. It does not sync its log: what a process has written
// outlives the process.
func (z *ZooKeeper) launch() {
	z.tb.Helper()
	var before int64
	if info, err := os.Stat(z.path(zooKeeperLog)); err == nil {
		before = info.Size()
	}
	proc := launch(z.tb, "ZooKeeper", z.dir, z.path(zooKeeperLog), z.java,
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
		"-cp", zooKeeperJar+":"+logJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", z.path("zoo.cfg"))
	z.mu.Lock()
	z.proc = proc
	z.mu.Unlock()
	await(z.tb, "ZooKeeper", proc, func(ctx context.Context) error {
		log, err := os.ReadFile(z.path(zooKeeperLog))
		if err == nil && !bytes.Contains(log[before:], []byte(startedLine)) {
			err = errors.New("it starts")
		}
		if err != nil {
			return err
		}
		return z.ping(ctx)
	})
}

// ping fails unless ZooKeeper serves.
func (z *ZooKeeper) ping(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", z.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !strings.HasPrefix(string(answer), "Zookeeper version:") {
		err = fmt.Errorf("it says %q", answer)
	}
	return err
}
