package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// TestKillDuringCopy copies a data directory to a ClickHouse, and that to another
// directory, and kills the command, sometimes ClickHouse too, without warning
// again and again. Each copy says in the end that nothing differs, and every
// record of the last one is what a model made of the events says.
func TestKillDuringCopy(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	events, kills := 15_000, 4
	if testing.Short() {
		events, kills = 5_000, 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	traffic := storetest.NewTraffic(seed, storetest.TrafficSize{Events: events, Lanes: 3, MaxBatch: 400})
	database := clickhousetest.Start(t, clickhousetest.Options{})
	if err := database.Exec(t.Context(), "CREATE DATABASE tollbook"); err != nil {
		t.Fatal(err)
	}
	if err := clickhousestore.Migrate(t.Context(), "clickhouse://"+database.Addr()+"/tollbook", clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t)}
	w.link()
	w.init()
	w.serve()
	w.gate.arm(1 << 40) // never
	for _, i := range w.startImports(w.prepare(traffic)) {
		w.finish(i)
	}
	if err := w.server.stop(); err != nil {
		t.Fatal(err)
	}
	c := &copyKiller{t: t, program: w.program, database: database, random: rand.New(rand.NewPCG(seed, 1)), wire: newWire(t, database.Addr())}
	back := filepath.Join(t.TempDir(), "back")
	c.copy(kills, "--from", w.data, "--to", c.wire.address())
	c.copy(kills, "--from", c.wire.address(), "--to", back)
	for _, name := range []string{keysName, webhookKeyName} {
		if err := os.Link(filepath.Join(w.data, name), filepath.Join(back, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.data = back
	w.serve()
	for _, o := range traffic.Organizations {
		if diff := traffic.Diff(o.ID, w.records(o.ID)); diff != "" {
			t.Errorf("seed %d: %s: records differ from the model (+ is the server's):\n%.4000s", seed, o.ID, diff)
		}
	}
	if err := w.server.stop(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
	if out, err := exec.Command(w.program, "verify", "--data", back).CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

// copyKiller runs copies and kills them.
type copyKiller struct {
	t        *testing.T
	program  string
	database *clickhousetest.Server
	random   *rand.Rand
	wire     *wire
}

// copy runs a copy, kills it so many times, and has it come to its end.
func (c *copyKiller) copy(kills int, flags ...string) {
	c.t.Helper()
	killed := 0
	for k := range kills {
		c.wire.arm(20_000 + c.random.Int64N(1_500_000))
		cmd, out := c.start(flags)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-c.wire.reached:
			killed++
			switch k % 3 {
			case 0:
				_ = cmd.Process.Kill() // it may have ended by itself
				<-ended
			case 1:
				_ = cmd.Process.Signal(os.Interrupt)
				if err := <-ended; err != nil && (cmd.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(out.String(), "Run the same again")) {
					c.t.Fatalf("interrupted, copy: %v: %s", err, out)
				}
			case 2:
				c.database.Kill()
				_ = cmd.Process.Kill()
				<-ended
				c.database.Restart()
			}
			c.refusedUnfinished(flags)
		case err := <-ended:
			if err != nil {
				c.t.Fatalf("copy: %v: %s", err, out)
			}
		}
	}
	c.wire.arm(1 << 60) // never
	cmd, out := c.start(append(flags, "--output", "json"))
	var found copied
	if err := cmd.Wait(); err != nil {
		c.t.Fatalf("copy, after it was killed %d times: %v: %s", killed, err, out)
	}
	text := out.String()
	if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &found); err != nil || found.Differences != 0 || found.Events == 0 || found.Records == 0 {
		c.t.Fatalf("copy: %v: %s", err, out)
	}
	c.t.Logf("killed %d times; %+v", killed, found)
}

func (c *copyKiller) start(flags []string) (*exec.Cmd, *lockedBuffer) {
	c.t.Helper()
	cmd := exec.Command(c.program, append([]string{"copy"}, flags...)...)
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended already, unless the test failed
	})
	return cmd, out
}

// refusedUnfinished: a directory that is still copied to is not served.
func (c *copyKiller) refusedUnfinished(flags []string) {
	c.t.Helper()
	dir := flags[len(flags)-1]
	saved, err := readCopyState(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	if saved == nil || saved.Finished {
		return
	}
	out, err := exec.Command(c.program, "serve", "--data", dir, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unfinished copy from clickhouse://") {
		c.t.Errorf("serve: %v: %s", err, out)
	}
}

// wire is what goes to a server and comes from it, and tells when it was so many
// bytes.
type wire struct {
	net.Listener
	to      string
	left    atomic.Int64
	reached chan struct{} // receives once each time it is armed
}

func newWire(t *testing.T, to string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, reached: make(chan struct{}, 1)}
	t.Cleanup(func() { _ = l.Close() }) // ends the loop
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.join(conn)
		}
	}()
	return w
}

func (w *wire) address() string { return "clickhouse://" + w.Addr().String() + "/tollbook" }

func (w *wire) arm(n int64) {
	select {
	case <-w.reached:
	default:
	}
	w.left.Store(n)
}

// join joins a client with the server, which hears that the client is gone, but
// is not reset: the build of ClickHouse that tests have ends when it is while it
// reads.
func (w *wire) join(conn net.Conn) {
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = conn.Close() // as it would be
		return
	}
	go func() {
		_, _ = io.Copy(counting{server, w}, conn) // until the client is gone
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(counting{conn, w}, server) // until one of them is gone
	_ = conn.Close()
	_, _ = io.Copy(io.Discard, server) // the rest
	_ = server.Close()
}

// counting is a connection whose written bytes are counted.
type counting struct {
	net.Conn
	wire *wire
}

func (c counting) Write(b []byte) (int, error) {
	n := int64(len(b))
	if left := c.wire.left.Add(-n); left <= 0 && left+n > 0 {
		c.wire.reached <- struct{}{}
	}
	return c.Conn.Write(b)
}
