package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"tollbook/bench/proc"
)

// cluster is a PostgreSQL server over a directory of its own.
type cluster struct {
	dir     string // PGDATA
	port    int
	process *proc.Started
	log     bytes.Buffer // read once the process has ended
}

// pgSettings are what one who knows the server would set on a machine of two
// cores and 24 GB that does not replicate. What makes a commit durable is on.
var pgSettings = []string{
	"fsync=on", "synchronous_commit=on", "full_page_writes=on", "wal_sync_method=fdatasync",
	"shared_buffers=4GB", "effective_cache_size=12GB", "work_mem=64MB", "maintenance_work_mem=1GB", "temp_buffers=64MB",
	"wal_level=minimal", "max_wal_senders=0", "wal_compression=lz4", "wal_buffers=64MB",
	"max_wal_size=16GB", "min_wal_size=4GB", "checkpoint_timeout=15min", "checkpoint_completion_target=0.9",
	"random_page_cost=1.1", "effective_io_concurrency=200", "jit=off", "max_connections=50", "log_min_messages=error",
}

// PostgresPrograms returns the directory of the newest initdb and postgres
// that are installed, where Debian and others put them.
func PostgresPrograms() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err == nil && len(found) == 0 {
		err = errors.New("PostgreSQL is not installed")
	}
	if err != nil {
		return "", err
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) })), nil
}

// major returns the version in a path of Debian's, 0 where there is none.
func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// unprivileged returns who runs the server: it refuses to be root.
func unprivileged() (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, errors.Join(err1, err2)
}

// startCluster makes a cluster below dir, which others may pass through, and
// serves it on a free port of the loopback interface.
func startCluster(ctx context.Context, dir string) (*cluster, error) {
	programs, err := PostgresPrograms()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: filepath.Join(dir, "pgdata")}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	if who.Credential != nil {
		if err := os.Chown(c.dir, int(who.Credential.Uid), int(who.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "--pgdata", c.dir, "--username", "bench", "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
	initdb.SysProcAttr, initdb.Dir = who, c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	args := []string{"-D", c.dir, "-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + c.dir}
	for _, s := range pgSettings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(programs, "postgres"), args...)
	cmd.SysProcAttr, cmd.Dir = who, c.dir
	cmd.Stdout, cmd.Stderr = &c.log, &c.log
	if c.process, err = proc.Start(cmd); err != nil {
		return nil, err
	}
	if err := c.wait(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// startTime is how long the server may take until it answers.
const startTime = time.Minute

// wait returns when the server answers.
func (c *cluster) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.address())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-c.process.Done():
			return fmt.Errorf("postgres ended: %w: %s", c.process.Err(), c.log.String())
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func (c *cluster) address() string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=bench dbname=postgres sslmode=disable", c.port)
}

func (c *cluster) pid() int { return c.process.Process.Pid }

// stop ends the server without a shutdown checkpoint: its data is not kept.
func (c *cluster) stop() error {
	err := c.process.Stop(syscall.SIGQUIT)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 2 {
		return nil // that is how it ends of this signal
	}
	return err
}
