package book

import (
	"context"

	"tollbook"
)

// EventHistory is what was said of an event, and which event it stands for.
type EventHistory struct {
	Words    []tollbook.BookedEvent // at least one, the latest first, at most tollbook.MaxWords
	Replaces tollbook.EventName     // the event that was voided in its favour; zero: none
}

// Event returns an event of the organization, which may be narrowed to an
// account, with all that was said of it. Error: CodeNotFound, whether the
// event is foreign or unknown.
func (v *View) Event(ctx context.Context, accountID string, name tollbook.EventName) (EventHistory, error) {
	return v.book.event(ctx, v.organizationID, accountID, name)
}

// Event returns an event of an account with all that was said of it. Error:
// CodeNotFound.
func (op *Operator) Event(ctx context.Context, accountID string, name tollbook.EventName) (EventHistory, error) {
	a, err := op.Account(accountID)
	if err != nil {
		return EventHistory{}, errNoEvent()
	}
	return op.book.event(ctx, a.OrganizationID, accountID, name)
}

func (b *Book) event(ctx context.Context, organizationID, accountID string, name tollbook.EventName) (EventHistory, error) {
	words, replaces, err := b.ledger.History(ctx, tollbook.ClaimOf(organizationID, name.Source, name.ID))
	if tollbook.CodeOf(err) == tollbook.CodeNotFound || err == nil && accountID != "" && accountID != words[0].AccountID {
		return EventHistory{}, errNoEvent()
	}
	h := EventHistory{Words: words}
	if replaces != nil {
		h.Replaces = tollbook.EventName{Source: replaces.Source, ID: replaces.ID}
	}
	return h, err
}

func errNoEvent() error { return tollbook.NewError(tollbook.CodeNotFound, "There is no such event.") }
