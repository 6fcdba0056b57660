package book

import (
	"time"

	"tollbook"
	"tollbook/decimal"
)

// gauges are the values that the alerts of one organization look at.
type gauges struct {
	months  map[string]tollbook.Month // by account: the one that it is in
	used    map[usage]decimal.Decimal
	wallets []Wallet
}

// usage is whose use of which month. Of account "" it is the sum of all.
type usage struct {
	account  string
	month    tollbook.Month
	currency string
}

func newGauges(totals []tollbook.Total, calendars map[string]*tollbook.Calendar, now time.Time) *gauges {
	g := &gauges{months: make(map[string]tollbook.Month, len(calendars)), used: map[usage]decimal.Decimal{}}
	for id, c := range calendars {
		g.months[id] = c.MonthOf(now)
	}
	for i := range totals {
		t := &totals[i]
		for _, account := range [...]string{t.AccountID, ""} {
			k := usage{account, t.Month, t.Currency}
			g.used[k] = g.used[k].Add(t.Used)
		}
	}
	g.wallets = walletsOf("", totals, func(id string) moment { return momentOf(calendars[id], now) })
	return g
}

// read yields the values that an alert looks at.
func (g *gauges) read(a *tollbook.Alert, yield func(reading)) {
	k := series{alert: a.ID, revision: a.Revision}
	switch {
	case a.Kind == tollbook.AlertWalletBalance:
		g.readBalances(a, k, yield)
	case a.AccountID != nil:
		g.readMonth(a, k, *a.AccountID, g.months[*a.AccountID], yield)
	case a.EachAccount:
		for id, m := range g.months {
			g.readMonth(a, k, id, m, yield)
		}
	default:
		// Around the end of a month some accounts are in one and some in the
		// next: each is looked at until the last account has left it.
		current := map[tollbook.Month]bool{}
		for _, m := range g.months {
			current[m] = true
		}
		for m := range current {
			g.readMonth(a, k, "", m, yield)
		}
	}
}

// readMonth reads what is used in a month so far, or its change against the
// whole of the month before. Against nothing there is no change in percent.
func (g *gauges) readMonth(a *tollbook.Alert, k series, account string, m tollbook.Month, yield func(reading)) {
	k.account, k.month = account, m
	value := g.used[usage{account, m, a.Currency}]
	if a.Kind == tollbook.AlertMonthChange {
		before := g.used[usage{account, m - 1, a.Currency}]
		if before.Sign() <= 0 {
			return
		}
		var ok bool
		if value, ok = value.Sub(before).MulQuo(decimal.FromInt(100), before, tollbook.PricePlaces); !ok {
			return // more than a number holds
		}
	}
	yield(reading{k, value, value.Cmp(a.Threshold) >= 0})
}

// readBalances reads the balances of wallets of one name. A wallet that nothing
// was ever put into has none: all that draws on it is charged, as it is to be.
func (g *gauges) readBalances(a *tollbook.Alert, k series, yield func(reading)) {
	sum, any := decimal.Decimal{}, false
	for i := range g.wallets {
		w := &g.wallets[i]
		switch {
		case w.Currency != a.Currency || orEmpty(w.WalletName) != orEmpty(a.WalletName) || !w.everPutIn():
		case a.AccountID != nil && w.AccountID != *a.AccountID:
		case a.EachAccount:
			k.account = w.AccountID
			yield(reading{k, w.Balance, w.Balance.Cmp(a.Threshold) <= 0})
		default:
			sum, any = sum.Add(w.Balance), true
		}
	}
	if any {
		k.account = orEmpty(a.AccountID)
		yield(reading{k, sum, sum.Cmp(a.Threshold) <= 0})
	}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
