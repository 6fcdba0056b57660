package book

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"tollbook"
	"tollbook/decimal"
	"tollbook/rating"
)

// MaxPreviewed is how many records a preview lists at most.
const MaxPreviewed = 200_000

// PreviewQuery says of which accounts' month it is to be told what a card would
// make of it: of all that the card prices, or of one organization or account.
type PreviewQuery struct {
	Month          tollbook.Month
	OrganizationID string // "": all
	AccountID      string // "": all
	Keep           int    // how many records, and how many sums, are listed
}

// Preview is what re-rating a month under a card would change. Its lists are
// bounded; its counts and totals are not.
type Preview struct {
	CardID         string         `json:"card_id"`
	Version        int            `json:"version"` // that the card would be
	Month          tollbook.Month `json:"month"`
	Accounts       int            `json:"accounts"`        // that the card prices
	ClosedAccounts int            `json:"closed_accounts"` // of them, whose month is closed and would stay
	Events         int            `json:"events"`          // that were measured
	ChangedEvents  int            `json:"changed_events"`  // of them, that would be charged otherwise
	UnratedBefore  int            `json:"unrated_before"`
	UnratedAfter   int            `json:"unrated_after"`

	ChangedRecords int             `json:"changed_records"`
	Records        []PreviewRecord `json:"records"` // the first that would change
	NetSums        int             `json:"net_sums"`
	Net            []PreviewNet    `json:"net"`    // the first, by account, product and currency
	Totals         []PreviewTotal  `json:"totals"` // by currency
}

// PreviewRecord is a record that would change. One whose price changes goes,
// and one of the new price comes.
type PreviewRecord struct {
	ID             tollbook.RecordID
	OrganizationID string
	AccountID      string
	tollbook.Grouping
	Before *PreviewSum // nil: there is none
	After  *PreviewSum // nil: there would be none
}

// PreviewSum is what a record shows.
type PreviewSum struct {
	NumberOfUnits decimal.Decimal `json:"number_of_units"`
	TotalAmount   decimal.Decimal `json:"total_amount"`
	Events        int64           `json:"events"`
}

// PreviewNet is what records that would change come to, of one account, product
// and currency.
type PreviewNet struct {
	OrganizationID string `json:"organization_id"`
	AccountID      string `json:"account_id"`
	ProductID      string `json:"product_id"`
	PreviewTotal
}

// PreviewTotal is what records that would change come to in one currency.
type PreviewTotal struct {
	Currency string          `json:"currency"`
	Before   decimal.Decimal `json:"before"`
	After    decimal.Decimal `json:"after"`
	Change   decimal.Decimal `json:"change"`
}

func (t *PreviewTotal) add(before, after decimal.Decimal) {
	t.Before, t.After = t.Before.Add(before), t.After.Add(after)
	t.Change = t.After.Sub(t.Before)
}

// PreviewRateCard tells what the records of a month would become if csv were
// put as the next version of a card and the month re-rated, and does neither.
// Errors: as PutRateCard, and CodeNotFound for the organization or account.
func (op *Operator) PreviewRateCard(ctx context.Context, id, csv string, q PreviewQuery) (*Preview, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	table, err := readCard(csv)
	if err != nil {
		return nil, err
	}
	p := &previewer{book: op.book, out: &Preview{CardID: id, Month: q.Month, Records: []PreviewRecord{}, Net: []PreviewNet{}, Totals: []PreviewTotal{}}, keep: q.Keep, totals: map[string]*PreviewTotal{}}
	accounts, err := p.accounts(id, csv, table, q)
	if err != nil {
		return nil, err
	}
	months := make([]accountMonth, len(accounts))
	for i := range accounts {
		months[i] = accounts[i].accountMonth
	}
	for at, most := 0, 1; at < len(accounts); {
		n, before := sameMonth(months[at:], most), p.out.Events
		if err := p.group(ctx, accounts[at:at+n]); err != nil {
			return nil, err
		}
		at, most = at+n, nextMost(most, n, int64(p.out.Events-before))
	}
	for _, currency := range slices.Sorted(maps.Keys(p.totals)) {
		p.out.Totals = append(p.out.Totals, *p.totals[currency])
	}
	return p.out, nil
}

// previewer makes a preview.
type previewer struct {
	book   *Book
	card   *rating.Card
	out    *Preview
	keep   int
	totals map[string]*PreviewTotal
}

// previewed is an account whose month is looked at.
type previewed struct {
	accountMonth
	rates     rates
	firstOpen bool // what occurred earlier and gets a rate is booked in it
}

// accounts returns the accounts that a card prices, in order, with the pricing
// that they would have.
func (p *previewer) accounts(id, csv string, table *rating.Table, q PreviewQuery) ([]previewed, error) {
	p.book.mu.RLock()
	defer p.book.mu.RUnlock()
	s := p.book.state
	if o := s.organizations[q.OrganizationID]; q.OrganizationID != "" && o == nil {
		return nil, errNoObject(tollbook.KindOrganization)
	}
	if a := s.accounts[q.AccountID]; q.AccountID != "" && (a == nil || q.OrganizationID != "" && a.value.OrganizationID != q.OrganizationID) {
		return nil, errNoObject(tollbook.KindAccount)
	}
	card, _ := s.nextVersion(id, csv, table)
	p.out.Version = card.Version
	p.card = rating.Compile(id, card.Version, table)
	var all []previewed
	for accountID, a := range s.accounts {
		of := a.organization.value.ID
		if cardID := s.cardIDOf(a); cardID == nil || *cardID != id || q.OrganizationID != "" && of != q.OrganizationID || q.AccountID != "" && accountID != q.AccountID {
			continue
		}
		p.out.Accounts++
		if a.organization.booked(q.Month) != q.Month {
			p.out.ClosedAccounts++
			continue
		}
		priced := s.ratesOf(a)
		priced.card = p.card
		all = append(all, previewed{accountMonth{of, accountID, q.Month}, priced, a.organization.booked(0) == q.Month})
	}
	slices.SortFunc(all, func(a, b previewed) int { return a.compare(&b.accountMonth) })
	return all, nil
}

// previewTallies are what the events of an account's month come to, as they
// are charged now and as they would be.
type previewTallies struct {
	rates         *rates
	before, after tallies
	changed       bool
}

// group adds what would change of some accounts' month, whose events are read
// together.
func (p *previewer) group(ctx context.Context, accounts []previewed) error {
	of := map[string]*previewTallies{}
	q := tollbook.MonthQuery{OrganizationID: accounts[0].OrganizationID, Month: accounts[0].Month}
	for i := range accounts {
		id := accounts[i].AccountID
		q.AccountIDs = append(q.AccountIDs, id)
		of[id] = &previewTallies{&accounts[i].rates, tallies{}, tallies{}, false}
	}
	_, events := p.book.ledger.MonthEvents(ctx, q)
	var charges []tollbook.Charge
	for e, err := range events {
		if err != nil {
			return err
		}
		p.out.Events++
		if e.Priced {
			continue
		}
		t := of[e.AccountID]
		var now tollbook.Measured
		charges, now = t.rates.measure(charges[:0], &e.Event)
		if !sameCharges(&e.Measured, &now) {
			p.out.ChangedEvents++
			t.changed = true
		}
		p.out.UnratedBefore += b2i(e.Unrated != 0)
		p.out.UnratedAfter += b2i(now.Unrated != 0)
		t.before.add(e.Home, e.Charges)
		t.after.add(e.Home, now.Charges)
	}
	for i := range accounts {
		if err := p.account(ctx, &accounts[i], of[accounts[i].AccountID]); err != nil {
			return err
		}
	}
	return nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// account adds what would change of an account's month.
func (p *previewer) account(ctx context.Context, a *previewed, t *previewTallies) error {
	if a.firstOpen {
		taken, err := p.takenUp(ctx, a, t.after)
		if err != nil {
			return err
		}
		t.changed = t.changed || taken > 0
	}
	if !t.changed {
		return nil
	}
	earlier, err := p.earlier(ctx, a.accountMonth, t.before, t.after)
	if err != nil {
		return err
	}
	return p.compare(ctx, a.accountMonth, t.before.records(a.accountMonth, earlier), t.after.records(a.accountMonth, earlier))
}

// takenUp adds the events of closed months that no rate covers now and one of
// the card would, and returns how many there are.
func (p *previewer) takenUp(ctx context.Context, a *previewed, after tallies) (n int, err error) {
	for e, err := range p.book.events(ctx, tollbook.EventQuery{OrganizationID: a.OrganizationID, AccountID: a.AccountID, Unrated: true}) {
		if err != nil {
			return n, err
		}
		if e.Booked >= a.Month {
			continue
		}
		if _, now := a.rates.measure(nil, &e.Event); now.Unrated == 0 {
			after.add(e.Home, now.Charges)
			n++
		}
	}
	p.out.Events += n
	p.out.ChangedEvents += n
	return n, nil
}

// earlier returns the tallies that were booked before, of the home months of
// which that makes a difference. What adjusts such a month is added to before
// and after: it stays, but counts in the same tallies.
func (p *previewer) earlier(ctx context.Context, m accountMonth, before, after tallies) (tallies, error) {
	homes := map[tollbook.Month]bool{}
	before.lateTiers(homes, m.Month)
	after.lateTiers(homes, m.Month)
	earlier := tallies{}
	for home := range homes {
		for booked := home; booked < m.Month; booked++ {
			_, events := p.book.ledger.MonthEvents(ctx, tollbook.MonthQuery{OrganizationID: m.OrganizationID, AccountIDs: []string{m.AccountID}, Month: booked})
			for e, err := range events {
				if err != nil {
					return nil, err
				}
				if e.Home == home {
					earlier.add(home, e.Charges)
				}
			}
		}
		for e, err := range p.book.events(ctx, tollbook.EventQuery{OrganizationID: m.OrganizationID, AccountID: m.AccountID, Late: true, Home: home}) {
			switch {
			case err != nil:
				return nil, err
			case !e.Adjusts:
			case e.Booked < m.Month:
				earlier.add(home, e.Charges)
			case e.Booked == m.Month:
				before.add(home, e.Charges)
				after.add(home, e.Charges)
			}
		}
	}
	return earlier, nil
}

// compare adds the records that would change: what each one shows now, and
// what it shows less what its events make of it under the one card, more what
// they make of it under the other.
func (p *previewer) compare(ctx context.Context, m accountMonth, before, after map[tollbook.RecordID]*tallied) error {
	var changed []PreviewRecord
	for id, now := range union(before, after) {
		was, is := before[id].sum(), after[id].sum()
		if was == is {
			continue
		}
		r := PreviewRecord{ID: id, OrganizationID: m.OrganizationID, AccountID: m.AccountID, Grouping: now.Grouping}
		shown, err := p.book.ledger.Record(ctx, m.OrganizationID, id)
		if err != nil && tollbook.CodeOf(err) != tollbook.CodeNotFound {
			return err
		}
		if err == nil {
			r.Before = &PreviewSum{shown.NumberOfUnits, shown.TotalAmount, shown.Events}
		}
		if then := (PreviewSum{shown.NumberOfUnits.Sub(was.NumberOfUnits).Add(is.NumberOfUnits), shown.TotalAmount.Sub(was.TotalAmount).Add(is.TotalAmount), shown.Events - was.Events + is.Events}); then.Events > 0 {
			r.After = &then
		}
		changed = append(changed, r)
	}
	slices.SortFunc(changed, func(a, b PreviewRecord) int { return a.compare(&b) })
	p.out.ChangedRecords += len(changed)
	p.out.Records = append(p.out.Records, changed[:min(len(changed), p.keep-len(p.out.Records))]...)
	p.addNet(m, changed)
	return nil
}

// compare orders the records of an account so that one that goes is beside the
// one that comes in its place.
func (r *PreviewRecord) compare(o *PreviewRecord) int {
	return cmp.Or(
		strings.Compare(r.ProductID, o.ProductID), cmp.Compare(r.Type, o.Type), strings.Compare(r.Description, o.Description),
		strings.Compare(r.AggrProductID, o.AggrProductID), cmp.Compare(r.Direction, o.Direction), cmp.Compare(r.Resolution, o.Resolution),
		cmp.Compare(r.Unit, o.Unit), strings.Compare(r.Currency, o.Currency), strings.Compare(r.WalletName, o.WalletName), r.Price.Cmp(o.Price),
	)
}

// addNet adds records of an account to the sums by product and currency.
func (p *previewer) addNet(m accountMonth, changed []PreviewRecord) {
	net := map[[2]string]*PreviewNet{}
	for i := range changed {
		r := &changed[i]
		var before, after decimal.Decimal
		if r.Before != nil {
			before = r.Before.TotalAmount
		}
		if r.After != nil {
			after = r.After.TotalAmount
		}
		key := [2]string{r.ProductID, r.Currency}
		if net[key] == nil {
			net[key] = &PreviewNet{m.OrganizationID, m.AccountID, r.ProductID, PreviewTotal{Currency: r.Currency}}
		}
		if p.totals[r.Currency] == nil {
			p.totals[r.Currency] = &PreviewTotal{Currency: r.Currency}
		}
		net[key].add(before, after)
		p.totals[r.Currency].add(before, after)
	}
	p.out.NetSums += len(net)
	for _, key := range slices.SortedFunc(maps.Keys(net), func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) }) {
		if len(p.out.Net) < p.keep {
			p.out.Net = append(p.out.Net, *net[key])
		}
	}
}
