package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// drain waits until the statements are done that write and have begun before, and
// what they wrote has come to a majority or to nobody. They may not have seen the
// last cut; those that begin later do. A replica that may be writing and cannot
// be asked is waited for a while.
func (s *Store) drain(ctx context.Context) error {
	everybody := true // at the first look; others do not come while that goes on
	err := outlast(ctx, func() (map[string]bool, error) {
		writing, err := s.writers(ctx, everybody)
		everybody = everybody && err != nil
		return writing, err
	})
	if err != nil || !s.layout.replicated {
		return err
	}
	written := newBacklogs(s, "log", "events", "bookings")
	late := func() (map[string]bool, error) { return written.arrivals(ctx, "events", "bookings") }
	if err := outlast(ctx, late); err != nil {
		return err
	}
	return written.awaitCopies(ctx)
}

// outlast waits until all is gone that a first look sees. A look may fail with
// errUnheard for a while.
func outlast(ctx context.Context, look func() (map[string]bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := look()
	for wait := time.Millisecond; err != nil || len(before) > 0; wait = min(2*wait, 100*time.Millisecond) {
		if err != nil && (!errors.Is(err, errUnheard) || waiting.Err() != nil) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		var now map[string]bool
		if now, err = look(); err != nil {
			continue
		}
		if before == nil {
			before = now
		}
		for id := range before {
			if !now[id] {
				delete(before, id)
			}
		}
	}
	return nil
}

// silence is how long a replica is waited for that does not answer: what it was
// running has been given up by then, for a statement that writes has statementTime.
const silence = statementTime + 30*time.Second

// answerTime is how long a server may take to say what it is running.
const answerTime = 3 * time.Second

// errNoAnswer is that it has taken longer.
var errNoAnswer = errors.New("the server does not answer")

// errUnheard is that a replica may be writing that cannot be asked.
var errUnheard = errors.New("a replica does not answer, and may be writing")

// writers returns the ids of the statements that write on any server. A replica
// that does not answer is passed over once ZooKeeper knows nothing of it either,
// for without that it commits nothing; and, unless it refuses connections, after
// silence. One that refuses them may be on its way down, and end what it began.
// With everybody, ZooKeeper is asked whether there are others than these servers.
func (s *Store) writers(ctx context.Context, everybody bool) (map[string]bool, error) {
	answers := make([]answer, len(s.members))
	var asking sync.WaitGroup
	for i, m := range s.members {
		asking.Go(func() { answers[i] = m.writers(ctx) })
	}
	asking.Wait()
	ids := map[string]bool{}
	unheard := map[int]bool{} // shards
	for i, m := range s.members {
		switch err, now := answers[i].err, s.opts.Clock(); {
		case err == nil:
			m.silent = time.Time{}
			for _, id := range answers[i].ids {
				ids[id] = true
			}
			if everybody && m.replicated {
				unheard[m.shard] = true
			}
			continue
		case !m.replicated || ctx.Err() != nil:
			return nil, err
		case errors.Is(err, syscall.ECONNREFUSED):
		case m.silent.IsZero():
			m.silent = now
			fallthrough
		default:
			if now.Sub(m.silent) < silence {
				return nil, fmt.Errorf("%w: %s: %w", errUnheard, m.name, err)
			}
		}
		unheard[m.shard] = true
	}
	for shard := range unheard {
		var answered []*member
		for i, m := range s.members {
			if m.shard == shard && answers[i].err == nil {
				answered = append(answered, m)
			}
		}
		if err := s.allHeard(ctx, shard, answered); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// answer is what a server says that it is running.
type answer struct {
	ids []string
	err error
}

// writers returns the ids of the statements that write on a server. Of several
// replicas one need not answer.
func (m *member) writers(ctx context.Context) (a answer) {
	ask := func(ctx context.Context) error {
		return m.query(ctx, "SELECT query_id FROM system.processes WHERE startsWith(query_id, '"+writing+"')", func(rows driver.Rows) error {
			a.ids = append(a.ids, "")
			return rows.Scan(&a.ids[len(a.ids)-1])
		})
	}
	if m.replicated {
		a.err = within(ctx, answerTime, errNoAnswer, ask)
	} else {
		a.err = ask(ctx)
	}
	return a
}

// allHeard returns errUnheard unless all replicas of a shard that ZooKeeper knows
// to be there are among those that have answered. One of these may not have its
// tables yet.
func (s *Store) allHeard(ctx context.Context, shard int, answered []*member) error {
	sql := "SELECT replica_name, replica_is_active, is_session_expired, zookeeper_exception FROM system.replicas WHERE " + s.ownTables() + " AND table = " + quote(s.layout.here("events"))
	heard, there := map[string]bool{}, map[string]bool{}
	for _, m := range answered {
		err := m.query(ctx, sql, func(rows driver.Rows) error {
			var name, failed string
			var active map[string]uint8
			var expired uint8
			if err := rows.Scan(&name, &active, &expired, &failed); err != nil {
				return err
			}
			heard[name] = true
			if failed != "" || expired != 0 { // it is away from ZooKeeper
				return nil
			}
			for name, is := range active {
				there[name] = there[name] || is != 0
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: all of shard %d", errUnheard, shard+1)
	}
	for name, active := range there {
		if active && !heard[name] {
			return fmt.Errorf("%w, or may not be seen by this user: %q of shard %d", errUnheard, name, shard+1)
		}
	}
	return nil
}
