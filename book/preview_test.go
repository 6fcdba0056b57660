package book_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/storetest"
)

// randomCard returns a card for a few kinds of usage, whose prices, increments,
// fees and tiers are chosen at random.
func randomCard(rnd *rand.Rand) string {
	rows := []string{"resource,direction,description,product_id,price_per_increment,increment,unit_of_measure,currency,setup_fee,free_units,tier_up_to"}
	for _, kind := range []string{"call,outbound,Out", "call,inbound,In", "dialer,outbound,Dialer", "message,outbound,Message"} {
		if rnd.IntN(5) == 0 {
			continue // unrated
		}
		unit, currency, increment := "seconds", []string{"USD", "EUR"}[rnd.IntN(4)/3], []string{"1", "6", "60"}[rnd.IntN(3)]
		if strings.HasPrefix(kind, "message") {
			unit, increment = "segments", "1"
		}
		row := func(price int, fee, free, upTo string) {
			rows = append(rows, fmt.Sprintf("%s,P-%d,0.%02d,%s,%s,%s,%s,%s,%s", kind, len(kind)%2, price, increment, unit, currency, fee, free, upTo))
		}
		switch rnd.IntN(4) {
		case 0:
			row(1+rnd.IntN(3), "", "", "120")
			row(1+rnd.IntN(3), "", "", "")
		case 1:
			row(1+rnd.IntN(3), "", "60", "")
		case 2:
			row(1+rnd.IntN(3), "0.5", "", "")
		default:
			row(rnd.IntN(3), "", "", "")
		}
	}
	if len(rows) == 1 {
		return randomCard(rnd)
	}
	return strings.Join(rows, "\n") + "\n"
}

func randomUsage(rnd *rand.Rand, n int) (events []*tollbook.Event) {
	for i := range n {
		e := callAt(fmt.Sprint(i), fmt.Sprintf("2026-%02d-%02dT10:00:00Z", 8+rnd.IntN(2), 1+rnd.IntN(28)))
		e.AccountID = []string{"a1", "a2"}[rnd.IntN(2)]
		e.Type = []tollbook.UsageType{tollbook.Call, tollbook.Call, tollbook.Dialer, tollbook.Message}[rnd.IntN(4)]
		e.Direction = []tollbook.Direction{tollbook.Outbound, tollbook.Inbound}[rnd.IntN(2)]
		e.Resolution = tollbook.Answered
		e.Quantity = decimal.FromInt(int64(rnd.IntN(100)))
		if e.Type == tollbook.Message {
			e.Unit = tollbook.Segments
		}
		events = append(events, e)
	}
	return events
}

// closeAndCorrect closes a month, posts events of it that come late, and voids
// some of all.
func (f *fixture) closeAndCorrect(rnd *rand.Rand, m tollbook.Month) {
	f.Helper()
	_, err := f.operator.CloseMonth(f.ctx, "acme", m)
	f.must(err)
	var ids []string
	for i, e := range randomUsage(rnd, rnd.IntN(20)) {
		e.ID = fmt.Sprint("late-", i)
		f.post(e)
		ids = append(ids, e.ID, fmt.Sprint(i))
	}
	for _, id := range ids {
		if rnd.IntN(4) == 0 {
			_, err := f.sender.Void(f.ctx, voids(id))
			f.must(err)
		}
	}
}

// records are those of a month by their ids.
func (f *fixture) records(m tollbook.Month) map[tollbook.RecordID]string {
	f.Helper()
	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250, Filter: "month eq '" + m.String() + "'"})
	f.must(err)
	all := map[tollbook.RecordID]string{}
	for _, r := range page.Records {
		all[r.ID] = fmt.Sprint(book.PreviewSum{NumberOfUnits: r.NumberOfUnits, TotalAmount: r.TotalAmount, Events: r.Events})
	}
	return all
}

// TestPreviewIsWhatComes: what a preview tells is what an import and a
// re-rating then make of the month, record by record; and nothing was written
// before.
func TestPreviewIsWhatComes(t *testing.T) {
	changed := 0
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		ledger := watched(storetest.NewModel())
		f := newFixture(t, ledger)
		_, _, err := f.operator.PutAccount(f.ctx, tollbook.Account{ID: "a2", OrganizationID: "acme", Name: "Two"})
		f.must(err)
		_, _, err = f.operator.PutRateCard(f.ctx, "std", randomCard(rnd))
		f.must(err)
		f.post(randomUsage(rnd, 1+rnd.IntN(40))...)
		month := tollbook.NewMonth(2026, time.August) + tollbook.Month(rnd.IntN(2))
		if rnd.IntN(2) == 0 && len(f.records(tollbook.NewMonth(2026, time.August))) > 0 {
			month = tollbook.NewMonth(2026, time.September)
			f.closeAndCorrect(rnd, month-1)
		}
		before := f.records(month)
		csv := randomCard(rnd)
		p, err := f.operator.PreviewRateCard(f.ctx, "std", csv, book.PreviewQuery{Month: month, Keep: 1000})
		f.must(err)
		if got := f.records(month); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Fatalf("seed %d: the preview changed %v to %v", seed, before, got)
		}
		want := before
		for _, r := range p.Records {
			if had := before[r.ID]; r.Before == nil && had != "" || r.Before != nil && fmt.Sprint(*r.Before) != had {
				t.Fatalf("seed %d: before, %+v is %s", seed, r, had)
			}
			delete(want, r.ID)
			if r.After != nil {
				want[r.ID] = fmt.Sprint(*r.After)
			}
		}
		changed += p.ChangedRecords
		_, _, err = f.operator.PutRateCard(f.ctx, "std", csv)
		f.must(err)
		_, err = f.book.TakeUp(f.ctx)
		f.must(err)
		f.rerate(ledger, book.RerateScope{Month: &month})
		if got := f.records(month); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: the month is %v, was told to be %v", seed, got, want)
		}
		unrated, err := f.operator.Unrated(f.ctx, "acme", "", 250)
		f.must(err)
		n := 0
		for _, e := range unrated.Events {
			if e.Booked == month {
				n++
			}
		}
		if n != p.UnratedAfter {
			t.Fatalf("seed %d: %d are unrated, %d were to be", seed, n, p.UnratedAfter)
		}
	}
	if changed < 300 {
		t.Errorf("only %d records changed in all", changed)
	}
}

// TestPreviewSums: by account, product and currency, and in all; of closed
// months nothing would change.
func TestPreviewSums(t *testing.T) {
	const tiers = "resource,resolutions,direction,product_id,price_per_increment,increment,unit_of_measure,currency,tier_up_to\nCALL,answered,outbound,P,1,1,seconds,USD,10\nCALL,answered,outbound,P,%d,1,seconds,USD,\n"
	clock := newWatch("2026-09-15T12:00:00Z")
	f := newFixtureOn(t, openAt(t, storetest.NewModel(), clock.time))
	put := func(price int) {
		_, _, err := f.operator.PutRateCard(f.ctx, "std", fmt.Sprintf(tiers, price))
		f.must(err)
	}
	put(2)
	of := func(id, at string, seconds int64) *tollbook.Event {
		e := callAt(id, at)
		e.Direction, e.Resolution, e.Quantity = tollbook.Outbound, tollbook.Answered, decimal.FromInt(seconds)
		return e
	}
	f.post(of("1", "2026-08-01T00:00:00Z", 5))
	_, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-08"))
	f.must(err)
	f.post(of("2", "2026-09-01T00:00:00Z", 25))
	preview := func(m string) *book.Preview {
		p, err := f.operator.PreviewRateCard(f.ctx, "std", fmt.Sprintf(tiers, 3), book.PreviewQuery{Month: month(m), Keep: 10})
		f.must(err)
		return p
	}
	if p := preview("2026-08"); p.Accounts != 1 || p.ClosedAccounts != 1 || p.Events != 0 || p.ChangedRecords != 0 {
		t.Errorf("of a closed month: %+v", p)
	}
	p := preview("2026-09")
	f.want("totals", fmt.Sprint(p.Totals), "[{USD 30 45 15}]") // the second tier goes and comes, 15 at 2 and at 3
	f.want("net", fmt.Sprint(p.Net), "[{acme a1 P {USD 30 45 15}}]")
	if p.ChangedRecords != 2 {
		t.Errorf("records %+v", p.Records)
	}
	if p, err := f.operator.PreviewRateCard(f.ctx, "other", fmt.Sprintf(tiers, 3), book.PreviewQuery{Month: month("2026-09")}); err != nil || p.Accounts != 0 || p.Version != 1 {
		t.Errorf("of a card that nobody has: %+v, %v", p, err)
	}
}
