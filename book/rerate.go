package book

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"tollbook"
	"tollbook/filter"
)

// The states of a Rerate.
const (
	RerateRunning  = "running" // or waiting for its turn
	RerateDone     = "done"
	RerateCanceled = "canceled"
)

// RerateScope says which months are rated again: all that are open, or those of
// one organization, one account, one month.
type RerateScope struct {
	OrganizationID *string         `json:"organization_id"` // null: all
	AccountID      *string         `json:"account_id"`      // null: all
	Month          *tollbook.Month `json:"month"`           // null: all
}

// Rerate is a re-rating: the events of open months are measured again under
// the definitions as they are, and each account's month is restated as a whole.
type Rerate struct {
	ID string `json:"id"`
	RerateScope
	State       string     `json:"state"`
	RequestedAt time.Time  `json:"requested_at"`
	RequestedBy string     `json:"requested_by"`
	FinishedAt  *time.Time `json:"finished_at"`

	// Months of accounts, how many of them are done, and how many events have
	// been measured and got other charges.
	Months        int             `json:"months"`
	MonthsDone    int             `json:"months_done"`
	Events        int64           `json:"events"`
	EventsChanged int64           `json:"events_changed"`
	Refused       int             `json:"refused"`  // months that stay as they were
	Refusals      []RerateRefusal `json:"refusals"` // the first of them
	// Through is the last month that is done; after a restart it goes on
	// behind.
	Through *accountMonth `json:"through"`
}

// RerateRefusal is an account's month that could not be restated, and why.
type RerateRefusal struct {
	accountMonth
	Code    tollbook.Code `json:"code"`
	Message string        `json:"message"`
}

const (
	maxRefusals = 100
	maxRerates  = 100 // that wait
	// noteEvery is how often a re-rating under way writes down how far it is.
	noteEvery = time.Minute
)

// rerating is the re-rating under way on this server, or interrupted, as far as
// it is.
type rerating struct {
	mu  sync.Mutex
	job *Rerate // nil: none

	tenure tenure // in which it is run; of rerateLoop alone
}

func (r *rerating) set(job *Rerate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.job = nil; job != nil {
		now := *job
		now.Refusals = slices.Clone(job.Refusals)
		r.job = &now
	}
}

// now returns a re-rating as far as it is: what another server has noted may be
// further.
func (r *rerating) now(known Rerate) Rerate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.job != nil && r.job.ID == known.ID && known.State == RerateRunning && r.job.MonthsDone >= known.MonthsDone {
		return *r.job
	}
	return known
}

func (s *state) applyRerate(def *tollbook.Definition) error {
	r := s.rerates[def.ID]
	if r == nil {
		r = &object[Rerate]{}
		s.rerates[def.ID] = r
		s.rerateOrder = append(s.rerateOrder, def.ID)
	}
	err := set(r, def, nil)
	r.history = nil // it says nothing that the last one does not
	return err
}

// runningRerates returns which re-ratings are not done.
func (s *state) runningRerates() map[string]bool {
	running := make(map[string]bool)
	for id, r := range s.rerates {
		if r.value.State == RerateRunning {
			running[id] = true
		}
	}
	return running
}

// Rerate asks for a re-rating, which runs in the background, one at a time.
// Errors: CodeNotFound where there is no such organization or account;
// CodeConflict where the month is closed; CodeTooManyRequests.
func (op *Operator) Rerate(ctx context.Context, scope RerateScope) (Rerate, error) {
	var random [4]byte
	if _, err := io.ReadFull(op.book.opt.Rand, random[:]); err != nil {
		return Rerate{}, err
	}
	at := op.book.opt.Clock().UTC()
	job := Rerate{
		ID:    at.Format("20060102-150405-") + hex.EncodeToString(random[:]), // in the order in which they were asked for
		State: RerateRunning, RequestedAt: at, RequestedBy: op.actor, Refusals: []RerateRefusal{},
	}
	err := op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		if err := s.checkScope(&scope); err != nil {
			return definition{}, err
		}
		job.RerateScope = scope
		if waiting := len(s.runningRerates()); waiting >= maxRerates {
			return definition{}, tollbook.NewError(tollbook.CodeTooManyRequests, fmt.Sprintf("%d re-ratings are waiting; there can be no more.", waiting))
		}
		return definition{tollbook.KindRerate, job.ID, job}, nil
	})
	if err != nil {
		return Rerate{}, err
	}
	return job, nil
}

// checkScope returns why nothing can be rated again in a scope. It fills in
// whose the account is.
func (s *state) checkScope(scope *RerateScope) error {
	if scope.AccountID != nil {
		a := s.accounts[*scope.AccountID]
		if a == nil || scope.OrganizationID != nil && *scope.OrganizationID != a.value.OrganizationID {
			return errNoObject(tollbook.KindAccount)
		}
		scope.OrganizationID = &a.value.OrganizationID
	}
	if scope.OrganizationID == nil {
		return nil
	}
	o := s.organizations[*scope.OrganizationID]
	switch {
	case o == nil:
		return errNoObject(tollbook.KindOrganization)
	case scope.Month != nil && o.booked(*scope.Month) != *scope.Month:
		return tollbook.NewError(tollbook.CodeConflict, "The month is closed; what it comes to stays.",
			tollbook.FieldError{Name: "month", Description: fmt.Sprintf("is closed; the first open one is %s", o.booked(*scope.Month))})
	}
	return nil
}

// CancelRerate ends a re-rating where it is; the months that are done stay
// so. Errors: CodeNotFound; CodeConflict where it has ended.
func (op *Operator) CancelRerate(ctx context.Context, id string) (Rerate, error) {
	var job Rerate
	err := op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		r := s.rerates[id]
		switch {
		case r == nil:
			return definition{}, errNoObject(tollbook.KindRerate)
		case r.value.State != RerateRunning:
			return definition{}, tollbook.NewError(tollbook.CodeConflict, "The re-rating has ended: it is "+r.value.State+".")
		}
		job = op.book.rerating.now(r.value)
		at := op.book.opt.Clock().UTC()
		job.State, job.FinishedAt = RerateCanceled, &at
		return definition{tollbook.KindRerate, id, job}, nil
	})
	return job, err
}

// RerateByID returns a re-rating as far as it is. Error: CodeNotFound.
func (op *Operator) RerateByID(id string) (Rerate, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	r := op.book.state.rerates[id]
	if r == nil {
		return Rerate{}, errNoObject(tollbook.KindRerate)
	}
	return op.book.rerating.now(r.value), nil
}

// Rerates returns a page of re-ratings. Error: CodeInvalidRequest.
func (op *Operator) Rerates(q PageQuery) ([]Rerate, PageInfo, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	all := make([]Rerate, 0, len(op.book.state.rerates))
	for _, id := range slices.Sorted(maps.Keys(op.book.state.rerates)) {
		all = append(all, op.book.rerating.now(op.book.state.rerates[id].value))
	}
	l := &list[Rerate]{
		name:   "rerates",
		schema: filter.Schema{{Name: "id"}, {Name: "state", Kind: filter.Enum, Values: []string{RerateRunning, RerateDone, RerateCanceled}}, {Name: "requested_at"}},
		id:     func(r *Rerate) string { return r.ID },
		value: func(r *Rerate, i int) filter.Value {
			return filter.Value{Text: [...]string{r.ID, r.State, r.RequestedAt.Format(time.RFC3339Nano)}[i]}
		},
	}
	return l.page(all, q)
}
