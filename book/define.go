package book

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tollbook"
)

// Bounds on definitions.
const (
	MaxIDBytes   = 64
	MaxTextBytes = 256 // of a name, company name or reseller id
)

// faults collects what is wrong with a definition.
type faults []tollbook.FieldError

func (f *faults) add(name, why string) {
	*f = append(*f, tollbook.FieldError{Name: name, Description: why})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return tollbook.NewError(tollbook.CodeInvalidContent, "The definition is not valid.", f...)
}

func (f *faults) text(name, s string, required bool) {
	switch {
	case required && s == "":
		f.add(name, "is required")
	case len(s) > MaxTextBytes:
		f.add(name, fmt.Sprintf("has more than %d bytes", MaxTextBytes))
	case strings.ContainsFunc(s, func(r rune) bool { return r == 0 || r == utf8.RuneError }):
		// JSON puts the replacement character for whatever is no text.
		f.add(name, "is not plain UTF-8 text")
	}
}

func (f *faults) oneOf(name string, s *string, allowed []string) {
	if s != nil && !slices.Contains(allowed, *s) {
		f.add(name, "must be one of "+strings.Join(allowed, ", "))
	}
}

func (f *faults) card(s *state, id *string) {
	if id != nil && s.cards[*id] == nil {
		f.add("rate_card_id", "names no rate card that is defined")
	}
}

// checkID refuses an id in a path that no definition can have.
func checkID(id string) error {
	ok := len(id) > 0 && len(id) <= MaxIDBytes
	for i := range len(id) {
		c := id[i]
		ok = ok && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return badField("id", fmt.Sprintf("must be 1 to %d of A-Z a-z 0-9 . _ -", MaxIDBytes))
	}
	return nil
}

// sameJSON tells whether two values mean the same definition.
func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// PutOrganization creates or changes an organization and tells which. Putting
// what is there already changes nothing. Errors: CodeInvalidRequest (the id),
// CodeInvalidContent.
func (op *Operator) PutOrganization(ctx context.Context, o tollbook.Organization) (created bool, err error) {
	if err := checkID(o.ID); err != nil {
		return false, err
	}
	err = op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		var f faults
		f.text("name", o.Name, true)
		if o.ResellerID != nil {
			f.text("reseller_id", *o.ResellerID, true)
		}
		f.card(s, o.RateCardID)
		if d := o.CloseAfterDays; d != nil && (*d < 0 || *d > MaxCloseAfterDays) {
			f.add("close_after_days", fmt.Sprintf("must be 0 to %d, or null", MaxCloseAfterDays))
		}
		was := s.organizations[o.ID]
		created = was == nil
		if len(f) > 0 || !created && sameJSON(was.value, o) {
			return definition{}, f.err()
		}
		return definition{tollbook.KindOrganization, o.ID, o}, nil
	})
	return created, err
}

// PutAccount creates or changes an account and returns it as it is then. An
// empty status is ACTIVE, an empty time zone UTC; a changed zone holds from
// the account's next month. Errors: as PutOrganization, and CodeConflict
// where the account is another organization's.
func (op *Operator) PutAccount(ctx context.Context, a tollbook.Account) (now tollbook.Account, created bool, err error) {
	if err := checkID(a.ID); err != nil {
		return a, false, err
	}
	if a.Status == "" {
		a.Status = "ACTIVE"
	}
	if a.TimeZone == "" {
		a.TimeZone = "UTC"
	}
	err = op.book.defineTogether(ctx, op.actor, tollbook.KindAccount, a.ID, func(s *state) (definition, error) {
		was := s.accounts[a.ID]
		created = was == nil
		if err := checkAccount(s, &a); err != nil {
			return definition{}, err
		}
		var zones []tollbook.ZoneFrom
		if !created {
			zones = was.value.Zones
			if was.value.OrganizationID != a.OrganizationID {
				return definition{}, tollbook.NewError(tollbook.CodeConflict, "An account never changes its organization.",
					tollbook.FieldError{Name: "organization_id", Description: "is " + was.value.OrganizationID + " for ever"})
			}
		}
		var err error
		if a.Zones, err = tollbook.ZonesAfter(zones, a.TimeZone, op.book.opt.Clock()); err != nil {
			return definition{}, err
		}
		if !created && sameJSON(was.value, a) {
			return definition{}, nil
		}
		return definition{tollbook.KindAccount, a.ID, a}, nil
	})
	return a, created, err
}

func checkAccount(s *state, a *tollbook.Account) error {
	var f faults
	if a.OrganizationID == "" {
		f.add("organization_id", "is required")
	} else if s.organizations[a.OrganizationID] == nil {
		f.add("organization_id", "names no organization that is defined")
	}
	f.text("name", a.Name, true)
	f.text("company_name", a.CompanyName, false)
	f.oneOf("status", &a.Status, tollbook.AccountStatuses())
	if _, err := tollbook.LoadZone(a.TimeZone); err != nil {
		f.add("time_zone", err.Error())
	}
	f.card(s, a.RateCardID)
	return f.err()
}

// PutProduct creates or changes a product and tells which. Errors: as
// PutOrganization.
func (op *Operator) PutProduct(ctx context.Context, p tollbook.Product) (created bool, err error) {
	if err := checkID(p.ID); err != nil {
		return false, err
	}
	err = op.book.defineTogether(ctx, op.actor, tollbook.KindProduct, p.ID, func(s *state) (definition, error) {
		var f faults
		f.text("name", p.Name, true)
		f.oneOf("family", p.Family, tollbook.ProductFamilies())
		f.oneOf("unit_of_measure", p.UnitOfMeasure, tollbook.ProductUnits())
		f.oneOf("charge_type", p.ChargeType, tollbook.ChargeTypes())
		was := s.products[p.ID]
		created = was == nil
		if len(f) > 0 || !created && sameJSON(was.value, p) {
			return definition{}, f.err()
		}
		return definition{tollbook.KindProduct, p.ID, p}, nil
	})
	return created, err
}
