package tollbook

import (
	"errors"
	"fmt"
)

// Check says what is wrong with a booking as such.
func (b *Booking) Check() error {
	rated, void := len(b.Charges) > 0, b.Void != nil
	switch {
	case b.Event == nil:
		return errors.New("is of no event")
	case b.Adjusts && !(void && rated):
		return errors.New("adjusts without being a void with charges")
	case void && rated && !b.Adjusts:
		return errors.New("is a void with charges, but does not adjust")
	case !void && !rated && b.Unrated == 0:
		return errors.New("has neither charges nor a reason to have none")
	case b.Adjusts && len(b.Event.Charges) == 0:
		return errors.New("adjusts what has no charges")
	}
	return nil
}

// CheckRestated returns an *Error with CodeTooLarge where a restatement would have
// more than MaxRestated bookings.
func CheckRestated(bookings int) error {
	if bookings <= MaxRestated {
		return nil
	}
	return NewError(CodeTooLarge, fmt.Sprintf("The charges of more than %d events of the account's month would change.", MaxRestated))
}

// Check says what is wrong with a restatement as such.
func (t *Restatement) Check() error {
	events := make(map[Claim]struct{}, len(t.Bookings))
	for i := range t.Bookings {
		why := t.notOfMonth(&t.Bookings[i])
		if why == "" {
			events[t.Bookings[i].Event.Claim] = struct{}{}
		}
		if why == "" && len(events) == i {
			why = "is of an event that another one is of"
		}
		if why == "" {
			if err := t.Bookings[i].Check(); err != nil {
				why = err.Error()
			}
		}
		if why != "" {
			return fmt.Errorf("booking %d %s", i, why)
		}
	}
	return nil
}

// notOfMonth says why a booking is not one of a restatement's.
func (t *Restatement) notOfMonth(b *Booking) string {
	switch e := b.Event; {
	case e == nil:
		return "is of no event"
	case e.OrganizationID != t.OrganizationID || e.AccountID != t.AccountID:
		return "is of another account"
	case e.Booked != t.Month || b.Booked != t.Month:
		return "is of another month"
	case b.Void != nil || e.Void != nil || e.Adjusts:
		return "voids, or is of an event that counts no more"
	}
	return ""
}
