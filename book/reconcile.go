package book

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"tollbook"
	"tollbook/reconcile"
)

// MaxReconcileDays bounds the period between two instants that a file is
// compared with.
const MaxReconcileDays = 93

// Reconciliation says which events somebody else's list is compared with, and
// how.
type Reconciliation struct {
	OrganizationID string // the events of all its accounts, unless AccountID is one
	AccountID      string
	Month          tollbook.Month       // as each account's calendar has it
	From, To       *time.Time           // in place of a month; both or none
	Booked         bool                 // the events that the month's records count, instead of those that occurred in it
	Types          []tollbook.UsageType // none: all but what is put in
	Sources        []string             // none: all
	Attribute      string               // that holds an event's id; "": it is the event's own

	Layout reconcile.Layout
	Rules  reconcile.Rules // without its period
}

// errReconciling is that the memory for one comparison is taken.
var errReconciling = tollbook.NewError(tollbook.CodeTooManyRequests, "Another file is being compared. Send it again.")

// Reconciled is what became of a file's rows and of the events that it was
// compared with, which are those between From and To.
type Reconciled struct {
	OrganizationID string          `json:"organization_id"`
	AccountID      *string         `json:"account_id"` // nil: all accounts
	Month          *tollbook.Month `json:"month"`      // nil: between two instants
	From           time.Time       `json:"from"`
	To             time.Time       `json:"to"`
	*reconcile.Report
}

// Reconcile compares a file with events and tells what became of each row and
// each event. Errors: CodeInvalidRequest; CodeNotFound for the organization or
// the account; CodeInvalidContent with a field for every fault of the file,
// named "line N" or "line N, COLUMN"; CodeTooLarge; CodeTooManyRequests.
func (op *Operator) Reconcile(ctx context.Context, q Reconciliation, csv string) (*Reconciled, error) {
	s := &scope{book: op.book, q: &q, of: map[string]*accountScope{}}
	if err := s.find(); err != nil {
		return nil, err
	}
	if !op.book.reconciling.TryLock() {
		return nil, errReconciling
	}
	defer op.book.reconciling.Unlock()
	file, faults := reconcile.Read(csv, q.Layout)
	if file == nil {
		return nil, tollbook.NewError(tollbook.CodeInvalidContent, "The file cannot be read.", faults...)
	}
	rules := q.Rules
	if q.Booked { // what is booked late may be of any time before
		rules.From = time.Time{}
	}
	m := reconcile.NewMatcher(file, rules)
	if err := s.give(ctx, m); err != nil {
		return nil, err
	}
	done := &Reconciled{OrganizationID: s.organization, From: q.Rules.From.UTC(), To: q.Rules.To.UTC(), Report: m.Report()}
	if q.AccountID != "" {
		done.AccountID = &q.AccountID
	}
	if q.From == nil {
		done.Month = &q.Month
	}
	return done, nil
}

// scope is the events that a file is compared with.
type scope struct {
	book         *Book
	q            *Reconciliation
	organization string
	of           map[string]*accountScope
}

// accountScope is the months of an account whose events are looked at.
type accountScope struct{ first, last tollbook.Month }

// find works out the accounts, their months and the period.
func (s *scope) find() error {
	s.book.mu.RLock()
	defer s.book.mu.RUnlock()
	state, q := s.book.state, s.q
	s.organization = q.OrganizationID
	accounts := map[string]*account{}
	if q.AccountID != "" {
		a := state.accounts[q.AccountID]
		if a == nil || q.OrganizationID != "" && a.organization.value.ID != q.OrganizationID {
			return errNoObject(tollbook.KindAccount)
		}
		s.organization, accounts[q.AccountID] = a.organization.value.ID, a
	} else if o := state.organizations[q.OrganizationID]; o != nil {
		accounts = o.accounts
	} else {
		return errNoObject(tollbook.KindOrganization)
	}
	q.Rules.From, q.Rules.To = time.Time{}, time.Time{}
	if q.From != nil {
		q.Rules.From, q.Rules.To = *q.From, *q.To
		if !q.From.Before(*q.To) || q.To.Sub(*q.From) > MaxReconcileDays*24*time.Hour {
			return badField("to", fmt.Sprintf("must be behind from, by at most %d days", MaxReconcileDays))
		}
	}
	for id, a := range accounts {
		if q.From != nil { // what lies a little outside may be what a row near the end is of
			s.of[id] = &accountScope{a.calendar.MonthOf(q.From.Add(-q.Rules.Within)), a.calendar.MonthOf(q.To.Add(q.Rules.Within))}
			continue
		}
		s.of[id] = &accountScope{q.Month, q.Month}
		if start := a.calendar.Start(q.Month); q.Rules.From.IsZero() || start.Before(q.Rules.From) {
			q.Rules.From = start
		}
		if end := a.calendar.Start(q.Month + 1); end.After(q.Rules.To) {
			q.Rules.To = end
		}
	}
	return nil
}

// months returns the accounts that are looked at in each month.
func (s *scope) months() map[tollbook.Month][]string {
	months := map[tollbook.Month][]string{}
	for _, id := range slices.Sorted(maps.Keys(s.of)) {
		for m := s.of[id].first; m <= s.of[id].last; m++ {
			months[m] = append(months[m], id)
		}
	}
	return months
}

// give gives a matcher all events of the scope, each once.
func (s *scope) give(ctx context.Context, m *reconcile.Matcher) error {
	given := map[tollbook.Claim]bool{}
	if !s.q.Booked {
		if err := s.giveLate(ctx, m, given); err != nil {
			return err
		}
	}
	for month, accounts := range s.months() {
		_, events := s.book.ledger.MonthEvents(ctx, tollbook.MonthQuery{OrganizationID: s.organization, AccountIDs: accounts, Month: month})
		for e, err := range events {
			if err != nil {
				return err
			}
			if s.q.Booked || e.Home == month && !given[e.Claim] {
				if err := s.giveOne(m, &e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// giveLate gives a matcher the events that occurred in the months of the scope
// and were booked later, and notes them as given; and as such, too, those that
// have been voided since a month was closed, which still counts them.
func (s *scope) giveLate(ctx context.Context, m *reconcile.Matcher, given map[tollbook.Claim]bool) error {
	queries := []tollbook.EventQuery{{OrganizationID: s.organization, AccountID: s.q.AccountID, Unrated: true}}
	for _, home := range slices.Sorted(maps.Keys(s.months())) {
		queries = append(queries, tollbook.EventQuery{OrganizationID: s.organization, AccountID: s.q.AccountID, Late: true, Home: home})
	}
	for _, q := range queries {
		for e, err := range s.book.events(ctx, q) {
			if err != nil {
				return err
			}
			if e.Adjusts {
				given[e.Claim] = true
			}
		}
	}
	for _, q := range queries {
		for e, err := range s.book.events(ctx, q) {
			if err != nil {
				return err
			}
			of := s.of[e.AccountID]
			if of == nil || e.Home < of.first || e.Home > of.last || e.Booked == e.Home || given[e.Claim] {
				continue
			}
			given[e.Claim] = true
			if err := s.giveOne(m, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scope) giveOne(m *reconcile.Matcher, e *tollbook.BookedEvent) error {
	switch {
	case e.Void != nil:
	case len(s.q.Types) == 0 && e.Type.PutIn():
	case len(s.q.Types) > 0 && !slices.Contains(s.q.Types, e.Type):
	case len(s.q.Sources) > 0 && !slices.Contains(s.q.Sources, e.Source):
	default:
		return m.Add(reconcile.EventOf(e, s.q.Attribute))
	}
	return nil
}
