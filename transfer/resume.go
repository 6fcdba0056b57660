package transfer

import (
	"context"
	"fmt"

	"tollbook"
)

// resume looks at what the destination got behind the state that was saved: it
// must be what the source says there. It finds out how many bookings that is.
func (c *copier) resume(ctx context.Context) error {
	left, err := c.leftBehind(ctx)
	if err != nil || left.n == 0 {
		return err
	}
	c.there = len(left.bookings)
	for ch, err := range c.from.Journal(ctx, c.state.Read) {
		if tollbook.CodeOf(err) == tollbook.CodeInvalidRequest {
			return conflict("The source is not the one that was copied from: it does not know how far that went.")
		}
		if err != nil {
			return err
		}
		if err := left.take(&ch); err != nil {
			return err
		}
		if left.n == 0 {
			return nil
		}
	}
	return conflict("The destination has moved on since it was copied to: it holds %s that the source does not say. Only a copy writes to it until everything is copied.", left.first())
}

// left is what the destination got since the state was saved.
type left struct {
	n           int // of all of them
	definitions map[[16]byte]*tollbook.Definition
	events      map[tollbook.Claim]sum
	bookings    []sum
	names       []string // of the first few, for people
}

// leftBehind reads what the destination got since the state was saved.
func (c *copier) leftBehind(ctx context.Context) (*left, error) {
	l := &left{definitions: map[[16]byte]*tollbook.Definition{}, events: map[tollbook.Claim]sum{}}
	most := 2*c.o.SaveEvery + (postsAtOnce+1)*tollbook.MaxBatch
	for ch, err := range c.to.Journal(ctx, c.state.Written) {
		if tollbook.CodeOf(err) == tollbook.CodeInvalidRequest {
			return nil, conflict("The destination is not the one that was copied to: it does not know how far that went.")
		}
		if err != nil {
			return nil, err
		}
		if len(l.names) < 5 {
			l.names = append(l.names, describe(&ch))
		}
		for i := range ch.Definitions {
			l.definitions[ch.Definitions[i].RequestID] = &ch.Definitions[i]
		}
		for i := range ch.Entries {
			l.events[ch.Entries[i].Claim] = sumOfEntry(&ch.Entries[i])
		}
		for i := range ch.Bookings {
			l.bookings = append(l.bookings, sumOfBooking(&ch.Bookings[i]))
		}
		if l.n += ch.Len(); l.n > most && !ch.Together {
			return nil, conflict("The destination has moved on since it was copied to: it holds more than a copy that was cut off leaves, such as %s. Only a copy writes to it until everything is copied.", l.names[0])
		}
	}
	return l, nil
}

// take takes out what a chapter of the source says.
func (l *left) take(ch *tollbook.Chapter) error {
	for i := range ch.Definitions {
		d := &ch.Definitions[i]
		if there := l.definitions[d.RequestID]; there != nil {
			if field := differs(d, there); field != "" {
				return conflict("The destination holds another %s of %s %s.", field, d.Kind, d.ID)
			}
			delete(l.definitions, d.RequestID)
			l.n--
		}
	}
	for i := range ch.Entries {
		e := &ch.Entries[i]
		there, found := l.events[e.Claim]
		if found && there != sumOfEntry(e) {
			return conflict("The destination holds something else of event %q of source %q, organization %s.", e.Event.ID, e.Event.Source, e.OrganizationID)
		}
		if found {
			delete(l.events, e.Claim)
			l.n--
		}
	}
	for i := range ch.Bookings {
		if len(l.bookings) == 0 {
			break
		}
		w := &ch.Bookings[i]
		if l.bookings[0] != sumOfBooking(w) {
			return conflict("The destination holds another correction than that of event %q of source %q, organization %s.", w.ID, w.Source, w.OrganizationID)
		}
		l.bookings = l.bookings[1:]
		l.n--
	}
	return nil
}

// first names one of what is left.
func (l *left) first() string {
	for _, d := range l.definitions {
		return fmt.Sprintf("%s %s", d.Kind, d.ID)
	}
	for claim := range l.events {
		return "an event with the claim " + claim.String()
	}
	return "a correction"
}

// describe names what is first in a chapter.
func describe(ch *tollbook.Chapter) string {
	switch {
	case len(ch.Definitions) > 0:
		return fmt.Sprintf("%s %s", ch.Definitions[0].Kind, ch.Definitions[0].ID)
	case len(ch.Entries) > 0:
		e := &ch.Entries[0]
		return fmt.Sprintf("event %q of source %q, organization %s", e.Event.ID, e.Event.Source, e.OrganizationID)
	}
	w := &ch.Bookings[0]
	return fmt.Sprintf("a correction of event %q of source %q, organization %s", w.ID, w.Source, w.OrganizationID)
}
