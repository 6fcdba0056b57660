package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// gate keeps statements away from replicas that have lacked something for a second
// or more. A replica that has the last part of a table answers, whatever it lacks
// of what came before (select_sequential_consistency): one that was away gets the
// small parts of now before the large ones of then. Distributed tables ask others
// instead by a setting (layout.settings); this is the same for what is asked
// directly.
type gate struct {
	address  *address // of any database, and not through the gate
	database string   // of the ledger
	logger   *slog.Logger
	ctx      context.Context // of the looks
	stop     context.CancelFunc
	looking  sync.WaitGroup

	mu    sync.Mutex
	doors map[string]*door // by the addresses of replicas
}

// door is whether statements may go to a replica.
type door struct {
	open   bool
	losses int // of connections through it
}

// errShut is that a replica is not to be asked.
var errShut = errors.New("the replica lacks what others have")

// lookEvery is between two looks at a replica.
const lookEvery = 500 * time.Millisecond

// newGate returns a gate without doors. It is to be closed.
func newGate(ctx context.Context, a *address, database string, logger *slog.Logger) *gate {
	g := &gate{address: a.in(anyDatabase), database: database, logger: logger, doors: map[string]*door{}}
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
		g.doors[addr] = &door{open: true}
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
	err := d.complete(g.ctx, g.database)
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.doors[addr]
	open := err == nil && at.losses == losses
	if open != at.open && g.ctx.Err() == nil {
		if open {
			g.logger.Info("a replica is asked again", slog.String("replica", addr))
		} else {
			g.logger.Warn("a replica is not asked", slog.String("replica", addr), slog.Any("error", err))
		}
	}
	at.open = open
}

// complete returns an error unless a replica has lacked nothing for a second.
func (d *database) complete(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var tables, away, behind uint64
	err := d.one(ctx, "SELECT count(), countIf(is_readonly OR is_session_expired), countIf(absolute_delay > 0) FROM system.replicas WHERE database = "+quote(name), &tables, &away, &behind)
	switch {
	case err != nil:
		return err
	case tables == 0:
		return errors.New("it does not have the ledger's tables")
	case away > 0:
		return errors.New("it is away from ZooKeeper")
	case behind > 0:
		return fmt.Errorf("%w, in %d tables", errShut, behind)
	}
	return nil
}

// may returns errShut unless statements may go to a replica.
func (g *gate) may(addr string) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := g.doors[addr]; at != nil && !at.open {
		return fmt.Errorf("%s: %w", addr, errShut)
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
		at.open, at.losses = false, at.losses+1
	}
}
