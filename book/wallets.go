package book

import (
	"cmp"
	"slices"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Wallet is what one account put into one wallet and what its usage drew from
// it. What usage came to beyond the credit is charged.
type Wallet struct {
	OrganizationID string          `json:"organization_id"`
	AccountID      string          `json:"account_id"`
	WalletName     *string         `json:"wallet_name"`
	Currency       string          `json:"currency"`
	Balance        decimal.Decimal `json:"balance"` // the credit that is left
	PutIn          decimal.Decimal `json:"put_in"`  // recharges and credit commits
	Used           decimal.Decimal `json:"used"`    // Drawn + Charged
	Drawn          decimal.Decimal `json:"drawn"`
	Charged        decimal.Decimal `json:"charged"`

	// BurnRatePerDay is what was used in the month before and in this one, by
	// the day. ExhaustedAt is when the balance will be gone at that rate; nil:
	// nothing is left, nothing is used, or not in a hundred years.
	BurnRatePerDay decimal.Decimal `json:"burn_rate_per_day"`
	ExhaustedAt    *time.Time      `json:"exhausted_at"`

	Months []WalletMonth `json:"months"` // those in which something moved
}

// WalletMonth is what moved in a wallet in one month.
type WalletMonth struct {
	Month       tollbook.Month  `json:"month"`
	CarriedOver decimal.Decimal `json:"carried_over"`
	PutIn       decimal.Decimal `json:"put_in"`
	Used        decimal.Decimal `json:"used"`
	Drawn       decimal.Decimal `json:"drawn"`
	Charged     decimal.Decimal `json:"charged"`
	Balance     decimal.Decimal `json:"balance"`
}

// moment is an instant as it is for one account.
type moment struct {
	now          time.Time
	month        tollbook.Month
	start        time.Time // of the month
	startsBefore time.Time // of the month before
}

func momentOf(c *tollbook.Calendar, now time.Time) moment {
	m := c.MonthOf(now)
	return moment{now, m, c.Start(m), c.Start(m - 1)}
}

// walletKey tells wallets apart.
type walletKey struct{ account, wallet, currency string }

func (k walletKey) compare(l walletKey) int {
	return cmp.Or(cmp.Compare(k.account, l.account), cmp.Compare(k.wallet, l.wallet), cmp.Compare(k.currency, l.currency))
}

// walletsOf makes an organization's wallets, by account, name and currency, of
// totals that are in the order of their months. at tells what the time is for an account.
//
// A wallet is worked out month by month and not event by event, so that the
// order of events cannot matter: a recharge pays for what was used earlier in
// its month, too.
func walletsOf(organizationID string, totals []tollbook.Total, at func(accountID string) moment) []Wallet {
	months := map[walletKey][]tollbook.Total{}
	for _, t := range totals {
		k := walletKey{t.AccountID, t.WalletName, t.Currency}
		months[k] = append(months[k], t)
	}
	wallets := make([]Wallet, 0, len(months))
	for k, of := range months {
		w := Wallet{OrganizationID: organizationID, AccountID: k.account, Currency: k.currency}
		if k.wallet != "" {
			w.WalletName = &k.wallet
		}
		for i := range of {
			w.add(&of[i])
		}
		w.project(at(k.account))
		wallets = append(wallets, w)
	}
	slices.SortFunc(wallets, func(a, b Wallet) int { return a.key().compare(b.key()) })
	return wallets
}

func (w *Wallet) key() walletKey {
	k := walletKey{account: w.AccountID, currency: w.Currency}
	if w.WalletName != nil {
		k.wallet = *w.WalletName
	}
	return k
}

// add takes in a further month: what is used comes from the credit first, what
// that does not cover is charged.
//
// A month may take back what has been stated in a closed one. Usage that is
// taken back was charged last, so it is no longer charged first, and then goes
// back into the credit. Credit that is taken back after it was drawn makes what
// it paid for charged.
func (w *Wallet) add(t *tollbook.Total) {
	m := WalletMonth{Month: t.Month, CarriedOver: w.Balance, PutIn: t.PutIn, Used: t.Used}
	credit := m.CarriedOver.Add(m.PutIn)
	least := decimal.Decimal{}
	if m.Used.Sign() < 0 {
		least = larger(m.Used, w.Charged.Neg())
	}
	m.Charged = larger(m.Used.Sub(credit), least)
	m.Drawn = m.Used.Sub(m.Charged)
	m.Balance = credit.Sub(m.Drawn)

	w.PutIn, w.Used = w.PutIn.Add(m.PutIn), w.Used.Add(m.Used)
	w.Drawn, w.Charged = w.Drawn.Add(m.Drawn), w.Charged.Add(m.Charged)
	w.Balance = m.Balance
	w.Months = append(w.Months, m)
}

// everPutIn tells whether a month has something put in: else the wallet is
// only a name that usage is charged under.
func (w *Wallet) everPutIn() bool {
	return slices.ContainsFunc(w.Months, func(m WalletMonth) bool { return !m.PutIn.IsZero() })
}

func larger(a, b decimal.Decimal) decimal.Decimal {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

const (
	secondsOfDay = 24 * 60 * 60
	// farOff bounds a projection: what lies behind it is no forecast.
	farOff = 100 * 365 * secondsOfDay
)

// project works out the burn rate and when it will have exhausted the balance.
// A wallet that is younger than the month before has only this one to judge by.
func (w *Wallet) project(at moment) {
	since, used := at.start, decimal.Decimal{}
	if w.Months[0].Month < at.month {
		since = at.startsBefore
	}
	for _, m := range w.Months {
		if m.Month == at.month || m.Month == at.month-1 {
			used = used.Add(m.Used)
		}
	}
	// In its first second a month is not divided by nothing.
	seconds := decimal.FromInt(max(1, int64(at.now.Sub(since)/time.Second)))
	day := decimal.FromInt(secondsOfDay)
	w.BurnRatePerDay, _ = used.MulQuo(day, seconds, tollbook.PricePlaces) // there is room: an amount has twice the places
	if w.BurnRatePerDay.Sign() <= 0 || w.Balance.Sign() <= 0 {
		return
	}
	left, ok := w.Balance.MulQuo(day, w.BurnRatePerDay, 0)
	if !ok || left.Cmp(decimal.FromInt(farOff)) > 0 {
		return
	}
	n, _ := left.Coef().Uint64()
	exhausted := at.now.Add(time.Duration(n) * time.Second).UTC().Truncate(time.Second)
	w.ExhaustedAt = &exhausted
}
