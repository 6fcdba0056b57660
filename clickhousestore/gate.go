package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// gate keeps statements away from replicas that have lacked something for two
// seconds or more. A replica that has the last part of a table answers, whatever it
// lacks of what came before (select_sequential_consistency): one that was away gets
// the small parts of now before the large ones of then. Distributed tables ask
// others instead by a setting (layout.settings); this is the same for what is asked
// directly.
type gate struct {
	address  *address // of any database, and not through the gate
	database string   // of the ledger
	logger   *slog.Logger
	clock    func() time.Time
	ctx      context.Context // of the looks
	stop     context.CancelFunc
	looking  sync.WaitGroup

	mu    sync.Mutex
	doors map[string]*door // by the addresses of replicas
}

// door is whether statements may go to a replica.
type door struct {
	shut   error // nil: they may
	losses int   // of connections through it
	told   bool  // whether the log says that it is shut
}

// errShut is that a replica is not to be asked for the moment.
var errShut = errors.New("the replica lacks what others have")

// errLost is that a connection was lost: what is there now is not known yet.
var errLost = fmt.Errorf("%w, or may: a connection to it was lost", errShut)

// lackedFor is how many seconds a replica may have lacked something to be asked; with
// a second more it is not. These are whole seconds, as ClickHouse counts them.
const lackedFor = 1

// lookEvery is between two looks at a replica. One that takes longer than lookTime
// is of one that stood still, and may not know yet what it lacks.
const (
	lookEvery = 500 * time.Millisecond
	lookTime  = (lackedFor + 1) * time.Second
)

// newGate returns a gate without doors. It is to be closed.
func newGate(ctx context.Context, a *address, database string, o *Options) *gate {
	g := &gate{address: a.in(anyDatabase), database: database, logger: o.Logger, clock: o.Clock, doors: map[string]*door{}}
	g.ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	return g
}

func (g *gate) close() {
	if g == nil {
		return
	}
	g.stop()
	g.looking.Wait()
}

// watch has doors to replicas, which are open if they lack nothing, and looks at
// them from then on.
func (g *gate) watch(addrs []string) error {
	if g == nil {
		return nil
	}
	var first sync.WaitGroup
	defer first.Wait()
	for _, addr := range addrs {
		conn, err := g.address.open(nil, addr)
		if err != nil {
			return err
		}
		g.mu.Lock()
		g.doors[addr] = &door{}
		g.mu.Unlock()
		first.Add(1)
		g.looking.Go(func() {
			defer conn.Close()
			g.look(addr, &database{conn})
			first.Done()
			ticker := time.NewTicker(lookEvery)
			defer ticker.Stop()
			for {
				select {
				case <-g.ctx.Done():
					return
				case <-ticker.C:
					g.look(addr, &database{conn})
				}
			}
		})
	}
	return nil
}

// look opens or shuts the door to a replica. It stays shut where a connection is
// lost meanwhile: what is there afterwards may be another process.
func (g *gate) look(addr string, d *database) {
	g.mu.Lock()
	losses := g.doors[addr].losses
	g.mu.Unlock()
	begun := g.clock()
	err := d.complete(g.ctx, g.database)
	if took := g.clock().Sub(begun); err == nil && took > lookTime {
		err = fmt.Errorf("%w, or may: it took %s to answer", errShut, took)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.doors[addr]
	if g.ctx.Err() != nil || at.losses != losses {
		return
	}
	at.shut = err
	switch is := err != nil; {
	case is == at.told:
	case is:
		g.logger.Warn("a replica is not asked", slog.String("replica", addr), slog.Any("error", err))
	default:
		g.logger.Info("a replica is asked again", slog.String("replica", addr))
	}
	at.told = err != nil
}

// complete returns an error where a replica lacks what it has lacked for too long.
func (d *database) complete(ctx context.Context, name string) error {
	sql := fmt.Sprintf("SELECT count(), countIf(is_readonly OR is_session_expired), countIf(absolute_delay > %d) FROM system.replicas WHERE database = %s", lackedFor, quote(name))
	var tables, away, behind uint64
	err := within(ctx, answerTime, errNoAnswer, func(ctx context.Context) error { return d.one(ctx, sql, &tables, &away, &behind) })
	switch {
	case err != nil:
		return err
	case tables == 0:
		return errors.New("it does not have the ledger's tables")
	case away > 0:
		return errAway
	case behind > 0:
		return fmt.Errorf("%w, in %d tables", errShut, behind)
	}
	return nil
}

// may returns why statements may not go to a replica: errShut where that is for the
// moment.
func (g *gate) may(addr string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.doors[addr]; at != nil && at.shut != nil {
		return fmt.Errorf("%s: %w", addr, at.shut)
	}
	return nil
}

// lost notes that a connection to a replica could not be made or has broken.
func (g *gate) lost(addr string) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.doors[addr]; at != nil {
		at.losses++
		if at.shut == nil {
			at.shut = errLost
		}
	}
}
