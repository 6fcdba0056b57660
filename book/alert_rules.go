package book

import (
	"context"
	"fmt"

	"tollbook"
	"tollbook/decimal"
)

// MaxAlerts is how many alerts an organization may have.
const MaxAlerts = 100

// AlertSpec is what an alert is defined by.
type AlertSpec struct {
	OrganizationID string
	AccountID      *string
	EachAccount    bool
	Kind           string
	WalletName     *string
	Currency       string
	Threshold      *decimal.Decimal // required
	URL            string
	Disabled       bool
}

// onto returns an alert as the spec says, which has been checked.
func (spec *AlertSpec) onto(a tollbook.Alert) tollbook.Alert {
	a.OrganizationID, a.AccountID, a.EachAccount = spec.OrganizationID, spec.AccountID, spec.EachAccount
	a.AlertCondition = tollbook.AlertCondition{Kind: spec.Kind, WalletName: spec.WalletName, Currency: spec.Currency, Threshold: *spec.Threshold}
	a.URL, a.Disabled = spec.URL, spec.Disabled
	return a
}

// AlertView returns what of an alert may be shown.
func AlertView(a tollbook.Alert) tollbook.Alert {
	a.SecretHash = nil
	return a
}

// PutAlert creates or changes an alert and returns it as it is then; where it
// is new, the secret too, which is shown this once. Errors: CodeInvalidRequest
// (the id); CodeInvalidContent; CodeConflict where the alert is another
// organization's, or one more than an organization may have; CodeUnavailable
// where no webhooks are sent.
func (op *Operator) PutAlert(ctx context.Context, id string, spec AlertSpec) (now tollbook.Alert, secret string, err error) {
	hooks := &op.book.opt.Webhooks
	if hooks.Send == nil {
		return now, "", errNoWebhooks()
	}
	if err := checkID(id); err != nil {
		return now, "", err
	}
	err = op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		secret = ""
		if err := spec.check(s, hooks.CheckURL); err != nil {
			return definition{}, err
		}
		was := tollbook.Alert{ID: id, OrganizationID: spec.OrganizationID}
		if a := s.alerts[id]; a != nil {
			was = a.value
		}
		if was.OrganizationID != spec.OrganizationID {
			return definition{}, tollbook.NewError(tollbook.CodeConflict, "An alert never changes its organization.",
				tollbook.FieldError{Name: "organization_id", Description: "is " + was.OrganizationID + " for ever"})
		}
		isNew := s.live(id) == nil
		if isNew && s.countAlerts(spec.OrganizationID) >= MaxAlerts {
			return definition{}, tollbook.NewError(tollbook.CodeConflict, fmt.Sprintf("The organization has %d alerts, which is as many as it may have.", MaxAlerts))
		}
		now = spec.onto(was)
		if isNew {
			// Whoever has the secret of one that was deleted has none of this one.
			now.Generation++
			now.CreatedAt, now.DeletedAt, now.RotatedAt = op.book.opt.Clock().UTC(), nil, nil
			secret = hooks.secret(&now, now.Generation)
			now.SecretHash = secretHash(secret)
		} else if sameJSON(was, now) {
			return definition{}, nil
		}
		if isNew || was.Disabled && !now.Disabled || !sameJSON(asks(&was), asks(&now)) {
			now.Revision++
		}
		return definition{tollbook.KindAlert, id, now}, nil
	})
	return AlertView(now), secret, err
}

// asks returns what an alert asks, and of whom.
func asks(a *tollbook.Alert) any { return []any{a.AccountID, a.EachAccount, a.AlertCondition} }

func (s *alerting) countAlerts(organizationID string) (n int) {
	for _, a := range s.alerts {
		if a.value.OrganizationID == organizationID && a.value.DeletedAt == nil {
			n++
		}
	}
	return n
}

func (spec *AlertSpec) check(s *state, checkURL func(string) error) error {
	var f faults
	org := s.organizations[spec.OrganizationID]
	switch {
	case spec.OrganizationID == "":
		f.add("organization_id", "is required")
	case org == nil:
		f.add("organization_id", "names no organization that is defined")
	case spec.AccountID != nil && org.accounts[*spec.AccountID] == nil:
		f.add("account_id", "names no account of the organization")
	case spec.AccountID != nil && spec.EachAccount:
		f.add("each_account", "goes without an account_id")
	}
	f.oneOf("kind", &spec.Kind, tollbook.AlertKinds())
	if spec.WalletName != nil {
		f.text("wallet_name", *spec.WalletName, true)
		if spec.Kind != tollbook.AlertWalletBalance {
			f.add("wallet_name", "goes with the kind "+tollbook.AlertWalletBalance+" alone")
		}
	}
	if !tollbook.ValidCurrency(spec.Currency) {
		f.add("currency", "must be an ISO 4217 code such as USD")
	}
	f.threshold(spec.Kind, spec.Threshold)
	if err := checkURL(spec.URL); err != nil {
		f.add("url", err.Error())
	}
	return f.err()
}

// threshold refuses one that every value is beyond, and one with more digits
// than a price may have.
func (f *faults) threshold(kind string, t *decimal.Decimal) {
	if t == nil {
		f.add("threshold", "is required")
		return
	}
	limit := decimal.FromInt(1_000_000_000_000_000_000) // 10^MaxIntDigits
	switch {
	case t.Scale() > tollbook.MaxFracDigits || t.Cmp(limit) >= 0:
		f.add("threshold", fmt.Sprintf("has more than %d digits before or %d after the point", tollbook.MaxIntDigits, tollbook.MaxFracDigits))
	case kind == tollbook.AlertWalletBalance && t.Sign() < 0:
		f.add("threshold", "of a balance must not be below 0")
	case kind == tollbook.AlertMonthToDate && t.Sign() <= 0:
		f.add("threshold", "of an amount must be above 0")
	case kind == tollbook.AlertMonthChange && t.Cmp(decimal.FromInt(-100)) <= 0:
		f.add("threshold", "of a change must be above -100 percent")
	}
}

// changeAlert defines an alert that is there anew, as change makes it. Error:
// CodeNotFound.
func (op *Operator) changeAlert(ctx context.Context, id string, change func(*tollbook.Alert)) error {
	return op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		was := s.live(id)
		if was == nil {
			return definition{}, errNoObject(tollbook.KindAlert)
		}
		now := *was
		change(&now)
		return definition{tollbook.KindAlert, id, now}, nil
	})
}

// DeleteAlert makes an alert fire no more and gives up what its receiver is
// still to be told of. Error: CodeNotFound.
func (op *Operator) DeleteAlert(ctx context.Context, id string) error {
	return op.changeAlert(ctx, id, func(a *tollbook.Alert) {
		now := op.book.opt.Clock().UTC()
		a.DeletedAt = &now
	})
}

// RotateAlert gives an alert another secret and returns it, this once. For a
// day messages are signed with the old one as well. Errors: CodeNotFound;
// CodeUnavailable where no webhooks are sent.
func (op *Operator) RotateAlert(ctx context.Context, id string) (secret string, err error) {
	hooks := &op.book.opt.Webhooks
	if hooks.Send == nil {
		return "", errNoWebhooks()
	}
	err = op.changeAlert(ctx, id, func(a *tollbook.Alert) {
		now := op.book.opt.Clock().UTC()
		a.Generation++
		a.RotatedAt = &now
		secret = hooks.secret(a, a.Generation)
		a.SecretHash = secretHash(secret)
	})
	return secret, err
}
