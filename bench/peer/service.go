package peer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/rpc"
	"os"

	"tollbook/bench/duty"
	"tollbook/load"
)

// ServeProcess is the other side of a Process: it does what it is asked on
// standard input until that ends.
func ServeProcess(arg string) error {
	var t told
	if err := json.Unmarshal([]byte(arg), &t); err != nil {
		return err
	}
	s := &Service{w: &t.Workload, rows: newMaker(&t.Workload)}
	var err error
	switch t.Engine {
	case duty.SQLite:
		s.store, err = openSQLite(t.Dir, t.Workload.Month)
	case duty.DuckDB:
		s.store, err = openDuckDB(t.Dir, t.Workload.Month)
	default:
		err = fmt.Errorf("no engine is called %q", t.Engine)
	}
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.Register(s); err != nil {
		return errors.Join(err, s.store.close())
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	return s.store.close()
}

// Service is what a Process can be asked for, by net/rpc.
type Service struct {
	w     *load.Workload
	rows  *maker
	store store
}

// Name replies the name and version.
func (s *Service) Name(_ struct{}, reply *string) (err error) {
	*reply, err = s.store.name()
	return err
}

// ahead is how many batches are made before they are needed.
const ahead = 4

// Send sends a run, its batches one after another: both databases have one
// writer at a time.
func (s *Service) Send(r duty.Run, sum *duty.Outcome) error {
	queue := make(chan batch, ahead)
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(queue)
		_ = r.Batches(func(from, to uint64) error {
			select {
			case queue <- s.rows.batch(from, to):
				return nil
			case <-done:
				return errors.New("it failed") // and Send says why
			}
		})
	}()
	for b := range queue {
		o, err := s.store.post(&b)
		if err != nil {
			return err
		}
		o.Add(b.repeated)
		sum.Add(o)
	}
	return nil
}

// Records replies every record.
func (s *Service) Records(_ struct{}, reply *[]duty.Record) error {
	rows, err := s.store.records()
	for i := range rows {
		r, e := rows[i].record(s.w)
		err = errors.Join(err, e)
		*reply = append(*reply, r)
	}
	return err
}

// Events replies how many events there are.
func (s *Service) Events(_ struct{}, reply *int64) (err error) {
	*reply, err = s.store.events()
	return err
}

// Settle moves everything to where it stays on disk.
func (s *Service) Settle(struct{}, *struct{}) error { return s.store.settle() }
